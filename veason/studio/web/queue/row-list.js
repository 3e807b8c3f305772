// A long list of rows of one height, of which only those in sight are in the page: a thousand clips cost what ten do.

import { node } from "../core/dom.js";

const BEYOND = 6; // rows kept ready above and below what is in sight

export function makeRowList(box, { make, nothing }) {
  const above = node("div", { "aria-hidden": "true" });
  const below = node("div", { "aria-hidden": "true" });
  const made = new Map();
  let rows = [];
  let current = null;
  let high = 0;

  // A row that says what it said before stays as it is: its picture does not blink.
  function nodeOf(row, place) {
    const words = JSON.stringify(row);
    let known = made.get(row.id);
    if (known?.words !== words) {
      known = { words, node: make(row) };
      made.set(row.id, known);
    }
    known.node.setAttribute("aria-posinset", String(place + 1));
    known.node.setAttribute("aria-setsize", String(rows.length));
    known.node.setAttribute("aria-selected", String(row.id === current));
    return known.node;
  }

  function measure() {
    const first = nodeOf(rows[0], 0);
    if (!first.isConnected) box.replaceChildren(first);
    high = first.getBoundingClientRect().height;
  }

  function draw() {
    if (!rows.length) {
      made.clear();
      box.replaceChildren(nothing());
      return;
    }
    if (!high) measure();
    const { scrollTop, clientHeight } = box;
    const inSight = Math.ceil(clientHeight / (high || 1));
    const start = Math.max(0, Math.min(Math.floor(scrollTop / (high || 1)), rows.length - inSight) - BEYOND);
    const stop = Math.min(rows.length, start + inSight + 2 * BEYOND);
    const shown = rows.slice(start, stop);
    above.style.height = `${start * high}px`;
    below.style.height = `${(rows.length - stop) * high}px`;
    const wanted = [above, ...shown.map((row, place) => nodeOf(row, start + place)), below];
    const isSame = box.children.length === wanted.length && wanted.every((one, place) => one === box.children[place]);
    if (!isSame) box.replaceChildren(...wanted);
    const ids = new Set(shown.map(({ id }) => id));
    for (const id of made.keys()) if (!ids.has(id)) made.delete(id);
  }

  let waiting = null;
  box.addEventListener(
    "scroll",
    () => {
      waiting ??= requestAnimationFrame(() => {
        waiting = null;
        draw();
      });
    },
    { passive: true },
  );
  new ResizeObserver(() => {
    high = 0;
    if (rows.length) draw();
  }).observe(box);

  function scrollTo(place) {
    const { scrollTop, clientHeight } = box;
    if (place * high < scrollTop) box.scrollTop = place * high;
    else if ((place + 1) * high > scrollTop + clientHeight) box.scrollTop = (place + 1) * high - clientHeight;
  }

  return {
    show(all, chosen) {
      rows = all;
      current = chosen;
      draw();
    },
    // The same rows, with another one chosen and brought into sight.
    choose(id) {
      current = id;
      const place = rows.findIndex((row) => row.id === id);
      if (place >= 0) scrollTo(place);
      draw();
    },
  };
}
