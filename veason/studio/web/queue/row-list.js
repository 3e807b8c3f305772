// @ts-check
// A long list of rows of one height, of which only those in sight are in the page: a thousand clips cost what ten do.

import { node } from "../core/dom.js";

const BEYOND = 6; // rows kept ready above and below what is in sight

/**
 * Which rows of a list have to be in the page, half-open.
 * @param {{ scrollTop: number, clientHeight: number }} box
 * @param {number} high the height of a row, 0 where it is not known
 * @param {number} count
 */
export function rowsInSight({ scrollTop, clientHeight }, high, count) {
  const inSight = Math.ceil(clientHeight / (high || 1));
  const top = Math.max(0, Math.min(Math.floor(scrollTop / (high || 1)), count - inSight) - BEYOND);
  return { start: top, stop: Math.min(count, top + inSight + 2 * BEYOND) };
}

/** @template {{ id: number }} Row */
export class RowList {
  #box;
  #make;
  #nothing;
  #above = node("div", { "aria-hidden": "true" });
  #below = node("div", { "aria-hidden": "true" });
  /** @type {Map<number, { words: string, shown: HTMLElement }>} */
  #made = new Map();
  /** @type {Row[]} */
  #rows = [];
  /** @type {number | null} */
  #current = null;
  /** @type {(id: number) => boolean} */
  #isTicked = () => false;
  #high = 0;
  #isWaiting = false;

  /**
   * @param {HTMLElement} box
   * @param {(row: Row) => HTMLElement} make
   * @param {() => HTMLElement} nothing what is shown where there are no rows
   */
  constructor(box, make, nothing) {
    this.#box = box;
    this.#make = make;
    this.#nothing = nothing;
    const later = () => {
      if (this.#isWaiting) return;
      this.#isWaiting = true;
      requestAnimationFrame(() => {
        this.#isWaiting = false;
        this.#draw();
      });
    };
    box.addEventListener("scroll", later, { passive: true });
    new ResizeObserver(() => {
      this.#high = 0;
      if (this.#rows.length) this.#draw();
    }).observe(box);
  }

  /** @param {Row[]} rows @param {number | null} current @param {(id: number) => boolean} isTicked */
  show(rows, current, isTicked) {
    this.#rows = rows;
    this.#isTicked = isTicked;
    this.#current = current;
    this.#draw();
  }

  /** The same rows, with another one chosen and brought into sight. @param {number} id */
  choose(id) {
    this.#current = id;
    const place = this.#rows.findIndex((row) => row.id === id);
    if (place >= 0) this.#scrollTo(place);
    this.#draw();
  }

  /**
   * A row that says what it said before stays as it is: its picture does not blink.
   * @param {Row} row
   * @param {number} place
   */
  #shown(row, place) {
    const words = JSON.stringify(row);
    let known = this.#made.get(row.id);
    if (known?.words !== words) {
      known = { words, shown: this.#make(row) };
      this.#made.set(row.id, known);
    }
    const { shown } = known;
    shown.setAttribute("aria-posinset", String(place + 1));
    shown.setAttribute("aria-setsize", String(this.#rows.length));
    shown.setAttribute("aria-selected", String(row.id === this.#current));
    shown.setAttribute("aria-checked", String(this.#isTicked(row.id)));
    return shown;
  }

  #measure() {
    const first = this.#shown(this.#rows[0], 0);
    if (!first.isConnected) this.#box.replaceChildren(first);
    this.#high = first.getBoundingClientRect().height;
  }

  #draw() {
    if (!this.#rows.length) {
      this.#made.clear();
      this.#box.replaceChildren(this.#nothing());
      return;
    }
    if (!this.#high) this.#measure();
    const { start, stop } = rowsInSight(this.#box, this.#high, this.#rows.length);
    const rows = this.#rows.slice(start, stop);
    this.#above.style.height = `${start * this.#high}px`;
    this.#below.style.height = `${(this.#rows.length - stop) * this.#high}px`;
    const wanted = [this.#above, ...rows.map((row, place) => this.#shown(row, start + place)), this.#below];
    const { children } = this.#box;
    const isSame = children.length === wanted.length && wanted.every((one, place) => one === children[place]);
    if (!isSame) this.#box.replaceChildren(...wanted);
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#made.keys()) if (!ids.has(id)) this.#made.delete(id);
  }

  /** @param {number} place */
  #scrollTo(place) {
    const { scrollTop, clientHeight } = this.#box;
    const [top, bottom] = [place * this.#high, (place + 1) * this.#high];
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#box.scrollTop = bottom - clientHeight;
  }
}
