// @ts-check
// The tools at the stage's edge: which one is in hand, the size of the brush, and marks by button.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store, Tool } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Keymap } from "../keyboard/keymap.js" */

import { isOccluded, isVerified } from "../core/objects.js";
import { spoken } from "../keyboard/combos.js";

/** @type {Record<Tool, string>} */
const NAMES = { brush: "Brush", eraser: "Eraser", polygon: "Polygon" };
const TOOLS = /** @type {Tool[]} */ (Object.keys(NAMES));

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Actions} actions
 * @param {Keymap} keymap
 */
export function makeTools(refs, state, actions, keymap) {
  for (const tool of TOOLS) refs[tool].addEventListener("click", () => actions.hold(tool));
  refs.verify.addEventListener("click", actions.marks.verify);
  refs.brushSize.addEventListener("input", () => actions.resizeBrush(Number(refs.brushSize.value) / state.get().brush));
  refs.toolDone.addEventListener("click", () => actions.hold(null));
  bindWheel(refs, state, actions);

  /** @param {State} now */
  function draw({ tool, brush }) {
    for (const one of TOOLS) refs[one].setAttribute("aria-pressed", String(tool === one));
    refs.toolbox.hidden = !tool;
    if (!tool) return;
    const isRound = tool !== "polygon";
    refs.toolName.textContent = isRound ? `${NAMES[tool]} ${brush} px` : NAMES[tool];
    if (refs.brushSize.parentElement) refs.brushSize.parentElement.hidden = !isRound;
    refs.brushSize.value = String(brush);
    refs.toolHint.textContent = hint(tool, keymap);
  }

  state.on(["tool", "brush"], draw);
  state.on(["info"], ({ info }) => {
    if (info) refs.brushSize.max = String(Math.round(Math.max(info.width, info.height) / 8));
  });
  state.on(["occluded", "marks", "frame", "selected"], (now) => {
    const { selected, frame, marks } = now;
    const isHidden = selected !== null && isOccluded(now, selected, frame);
    refs.occluded.setAttribute("aria-pressed", String(isHidden));
    refs.verify.setAttribute("aria-pressed", String(selected !== null && isVerified(marks, selected, frame)));
  });
}

/** What the tool does, in a line. @param {Tool} tool @param {Keymap} keymap */
function hint(tool, keymap) {
  if (tool === "polygon") return "draw around it, or click corners and Enter · right button cuts out · Shift replaces";
  const [smaller] = keymap.keysOf("smaller");
  const [larger] = keymap.keysOf("larger");
  const size = smaller && larger ? `${spoken(smaller)} ${spoken(larger)} size · ` : "";
  return `${size}right button ${tool === "brush" ? "erases" : "paints"}`;
}

/**
 * Shift and the wheel size the brush; some systems turn that wheel sideways.
 * @param {Refs} refs
 * @param {Store} state
 * @param {Actions} actions
 */
function bindWheel(refs, state, actions) {
  /** @param {WheelEvent} event */
  const size = (event) => {
    if (!state.get().tool || !event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    actions.resizeBrush((event.deltaY || event.deltaX) < 0 ? 1.15 : 1 / 1.15);
  };
  refs.stage.addEventListener("wheel", size, { passive: false, capture: true });
}
