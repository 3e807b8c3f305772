// @ts-check
// Undo, redo and the list of steps: what each of them would do, by name.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */

import { button, node } from "../core/dom.js";

/** @param {Refs} refs @param {Store} state @param {Actions} actions */
export function makeSteps(refs, state, actions) {
  refs.undo.addEventListener("click", () => actions.step("undo"));
  refs.redo.addEventListener("click", () => actions.step("redo"));

  /** @param {string} text @param {"undo" | "redo"} way @param {number} count */
  function row(text, way, count) {
    const isRedo = way === "redo";
    const onclick = () => {
      refs.steps.open = false;
      actions.step(way, count);
    };
    const title = isRedo ? "do again up to here" : "go back to before this";
    return button({ class: isRedo ? "v-dim" : "", title, onclick }, text);
  }

  /** @param {State} now */
  function list({ undoSteps, redoSteps }) {
    const later = redoSteps.map((text, number) => row(text, "redo", number + 1)).reverse();
    const line = node("div", { class: "v-nowline" }, node("span", {}, "now"));
    const before = undoSteps.map((text, number) => row(text, "undo", number + 1));
    refs.stepList.replaceChildren(...later, line, ...before);
  }

  state.on(["undoSteps", "redoSteps"], (now) => {
    nameStep(refs.undo, "Undo", now.undoSteps, "Ctrl+Z");
    nameStep(refs.redo, "Redo", now.redoSteps, "Ctrl+Shift+Z");
    refs.steps.hidden = !now.undoSteps.length && !now.redoSteps.length;
    list(now);
  });
}

/** @param {HTMLButtonElement} shown @param {string} word @param {string[]} steps @param {string} keys */
function nameStep(shown, word, steps, keys) {
  const told = steps.length ? `${word}: ${steps[0]}` : "";
  shown.disabled = steps.length === 0;
  shown.setAttribute("aria-label", told || word);
  shown.title = `${told || `Nothing to ${word.toLowerCase()}`} (${keys})`;
}
