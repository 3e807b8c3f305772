// @ts-check
// What is in hand, named beside the pointer: the object that a click, box or stroke would go to.

/** @import { Refs } from "../core/refs.js" */
/** @import { OpenedItem } from "../contract.js" */
/** @import { State, Store } from "../core/types.js" */

import { node } from "../core/dom.js";
import { colour, nameOf } from "../core/objects.js";

const BESIDE = 16;

/**
 * The name and the colour of what the next click, box or stroke goes to.
 * @param {Pick<State, "drawing" | "selected" | "objects" | "names" | "locked">} now
 * @param {Pick<OpenedItem, "palette">} info
 */
export function inHand(now, { palette }) {
  const { drawing, selected, objects, locked } = now;
  if (drawing || selected === null) return { text: "new object", ink: colour(palette, Math.max(0, ...objects) + 1) };
  const text = nameOf(now, selected);
  return { text: locked.includes(selected) ? `${text}, locked` : text, ink: colour(palette, selected) };
}

/** @param {Refs} refs @param {Store} state */
export function showInHand({ stage, canvas, inHand: shown }, state) {
  function draw() {
    const now = state.get();
    if (!now.info) return;
    const { text, ink } = inHand(now, now.info);
    shown.replaceChildren(node("i", { class: "v-dot", style: `background:${ink}` }), node("span", {}, text));
  }

  // Before the tools see the pointer: they keep it to themselves.
  const follow = (/** @type {PointerEvent} */ event) => {
    shown.hidden = event.target !== canvas || event.pointerType === "touch";
    if (shown.hidden) return;
    const area = stage.getBoundingClientRect();
    const [x, y] = [event.clientX - area.left, event.clientY - area.top];
    const isRight = x + BESIDE + shown.offsetWidth < area.width;
    const isBelow = y + BESIDE + shown.offsetHeight < area.height;
    const left = isRight ? x + BESIDE : x - BESIDE / 2 - shown.offsetWidth;
    const top = isBelow ? y + BESIDE : y - BESIDE / 2 - shown.offsetHeight;
    shown.style.transform = `translate(${left}px, ${top}px)`;
  };
  stage.addEventListener("pointermove", follow, true);
  stage.addEventListener("pointerleave", () => {
    shown.hidden = true;
  });
  state.on(["drawing", "selected", "objects", "names", "locked", "info"], draw);
}
