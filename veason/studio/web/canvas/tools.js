// The tools at the stage's edge: which one is in hand, the size of the brush, and marks by button.

import { isOccluded, isVerified } from "../core/objects.js";
import { spoken } from "../keyboard/presets.js";

const NAMES = { brush: "Brush", eraser: "Eraser", polygon: "Polygon" };

export function makeTools(refs, state, actions, keymap) {
  for (const tool of Object.keys(NAMES)) refs[tool].addEventListener("click", () => actions.hold(tool));
  refs.verify.addEventListener("click", actions.verify);
  refs.brushSize.addEventListener("input", () => actions.resizeBrush(Number(refs.brushSize.value) / state.get().brush));
  refs.toolDone.addEventListener("click", () => actions.hold(null));

  // Shift and the wheel size the brush; some systems turn that wheel sideways.
  refs.stage.addEventListener(
    "wheel",
    (event) => {
      if (!state.get().tool || !event.shiftKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      actions.resizeBrush((event.deltaY || event.deltaX) < 0 ? 1.15 : 1 / 1.15);
    },
    { passive: false, capture: true },
  );

  function hint(tool) {
    if (tool === "polygon") return "click corner by corner, Enter closes, Alt cuts out";
    const [smaller] = keymap.keysOf("smaller");
    const [larger] = keymap.keysOf("larger");
    return `${smaller && larger ? `${spoken(smaller)} ${spoken(larger)} size · ` : ""}right button ${tool === "brush" ? "erases" : "paints"}`;
  }

  function draw({ tool, brush }) {
    for (const one of Object.keys(NAMES)) refs[one].setAttribute("aria-pressed", String(tool === one));
    refs.toolbox.hidden = !tool;
    if (!tool) return;
    const isRound = tool !== "polygon";
    refs.toolName.textContent = isRound ? `${NAMES[tool]} ${brush} px` : NAMES[tool];
    refs.brushSize.parentElement.hidden = !isRound;
    refs.brushSize.value = brush;
    refs.toolHint.textContent = hint(tool);
  }

  state.on(["tool", "brush"], draw);
  state.on(["info"], ({ info }) => {
    if (info) refs.brushSize.max = Math.round(Math.max(info.width, info.height) / 8);
  });
  state.on(["occluded", "frame", "selected"], (now) => {
    refs.occluded.setAttribute("aria-pressed", String(isOccluded(now, now.selected, now.frame)));
  });
  state.on(["marks", "frame", "selected"], ({ marks, frame, selected }) => {
    refs.verify.setAttribute("aria-pressed", String(selected !== null && isVerified(marks, selected, frame)));
  });
}
