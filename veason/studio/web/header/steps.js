// Undo, redo and the list of steps: what each of them would do, by name.

import { node } from "../core/dom.js";

export function makeSteps(refs, state, actions) {
  refs.undo.addEventListener("click", () => actions.step("undo"));
  refs.redo.addEventListener("click", () => actions.step("redo"));

  function name(button, word, steps, keys) {
    button.disabled = steps.length === 0;
    button.setAttribute("aria-label", steps.length ? `${word}: ${steps[0]}` : word);
    button.title = `${steps.length ? `${word}: ${steps[0]}` : `Nothing to ${word.toLowerCase()}`} (${keys})`;
  }

  function row(text, way, count) {
    return node(
      "button",
      {
        type: "button",
        class: way === "redo" ? "v-dim" : "",
        title: way === "redo" ? "do again up to here" : "go back to before this",
        onclick: () => {
          refs.steps.open = false;
          actions.step(way, count);
        },
      },
      text,
    );
  }

  function list({ undoSteps, redoSteps }) {
    const later = redoSteps.map((text, number) => row(text, "redo", number + 1)).reverse();
    const now = node("div", { class: "v-nowline" }, node("span", {}, "now"));
    const before = undoSteps.map((text, number) => row(text, "undo", number + 1));
    refs.stepList.replaceChildren(...later, now, ...before);
  }

  state.on(["undoSteps", "redoSteps"], (now) => {
    name(refs.undo, "Undo", now.undoSteps, "Ctrl+Z");
    name(refs.redo, "Redo", now.redoSteps, "Ctrl+Shift+Z");
    refs.steps.hidden = !now.undoSteps.length && !now.redoSteps.length;
    list(now);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!refs.steps.contains(event.target)) refs.steps.open = false;
  });
}
