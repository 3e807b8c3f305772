// @ts-check
// The menu of mask tools at the stage's edge: each with its key, the measure, and whether corrections wait.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Shapes } from "../edits/shapes.js" */
/** @import { Keymap } from "../keyboard/keymap.js" */
/** @import { Command } from "../keyboard/presets.js" */

import { button, node } from "../core/dom.js";
import { spoken } from "../keyboard/combos.js";
import { titleOf } from "../keyboard/presets.js";

/** @type {[Command, (shapes: Shapes) => void][]} */
const TOOLS = [
  ["fill", (shapes) => shapes.use("fill")],
  ["despeck", (shapes) => shapes.use("despeck")],
  ["largest", (shapes) => shapes.use("largest")],
  ["grow", (shapes) => shapes.use("grow")],
  ["shrink", (shapes) => shapes.use("shrink")],
  ["smooth", (shapes) => shapes.use("smooth")],
  ["subtract", (shapes) => shapes.use("subtract")],
  ["intersect", (shapes) => shapes.use("intersect")],
  ["copyMask", (shapes) => shapes.copy()],
  ["interpolate", (shapes) => shapes.interpolate()],
];

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Shapes} shapes
 * @param {Keymap} keymap
 */
export function makeShapeMenu(refs, state, shapes, keymap) {
  const key = (/** @type {Command} */ command) => {
    const [combo] = keymap.keysOf(command);
    return combo ? node("kbd", { "aria-hidden": "true" }, spoken(combo)) : "";
  };
  const measure = node("input", {
    type: "number",
    min: 1,
    max: 99,
    "aria-label": "By how many pixels",
    onchange: () => shapes.resize(Number(measure.value)),
  });
  const holding = node("input", { type: "checkbox", onchange: () => shapes.hold() });

  /** Made anew each time it opens: keys may have changed. */
  function build() {
    const tools = TOOLS.map(([command, act]) => {
      const onclick = () => {
        refs.shapes.open = false;
        refs.stage.focus({ preventScroll: true });
        act(shapes);
      };
      return button({ onclick, "aria-label": titleOf(command) }, titleOf(command), key(command));
    });
    const by = node("label", { class: "v-row v-small" }, "by", measure, "pixels");
    const wait = node("label", { class: "v-row v-small" }, holding, "corrections wait for Propagate", key("hold"));
    refs.shapeList.replaceChildren(by, ...tools, wait);
  }
  refs.shapes.addEventListener("toggle", () => {
    if (refs.shapes.open) build();
  });

  /** @param {State} now */
  function draw(now) {
    measure.value = String(now.measure);
    holding.checked = now.holding;
    refs.shapes.classList.toggle("v-holding", now.holding);
    refs.propagate.textContent = now.holding && now.pending.size ? "Propagate corrections" : "Propagate";
  }
  draw(state.get());
  state.on(["measure", "holding", "pending"], draw);
}
