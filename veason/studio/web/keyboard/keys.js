// Keys to commands; none fires while typing or while a dialog is open.

import { comboOf } from "./presets.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function bindKeys(element, state, keymap, { commands, hand, actions }) {
  const { stage } = element;

  function nudge(event) {
    const isWanted = keymap.nudge() === "alt" ? event.altKey && !event.ctrlKey : event.ctrlKey && !event.altKey;
    if (!isWanted || !ARROWS[event.key]) return false;
    const by = event.shiftKey ? 10 : 1;
    return actions.nudge(...ARROWS[event.key].map((way) => way * by));
  }

  function isBusyElsewhere(event) {
    const { target, key } = event;
    if (element.root.querySelector("dialog[open]")) return true;
    if (key !== "Escape" && target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return true;
    if ((key === " " || key === "Enter") && target.closest("button, summary, a")) return true; // they press the focused button
    if (key === "Tab" && !stage.contains(target)) return true; // elsewhere Tab goes on through the page
    return (
      target.matches("input[type=range]") &&
      (key.startsWith("Arrow") || key === "Home" || key === "End") &&
      target.dataset.ref !== "slider"
    );
  }

  document.addEventListener("keydown", (event) => {
    if (!element.root.isConnected) return;
    if (isBusyElsewhere(event)) return;
    const combo = comboOf(event);
    const command = combo && keymap.commandOf(combo);
    const { work, info, objects, screen, merging } = state.get();
    if ((!work || !info || screen === "queue") && command !== "help") return;
    if (nudge(event)) event.preventDefault();
    else if (/^[1-9]$/.test(combo) && !command) {
      const chosen = objects[Number(combo) - 1];
      if (chosen && merging !== null) actions.merge(merging, chosen);
      else if (chosen) actions.select(chosen);
    } else if (command) {
      if (combo === " ") hand.hold();
      const isDone = combo === " " || commands[command]();
      if (isDone !== false) event.preventDefault();
    }
  });

  // Space plays when it is let go, unless it was held to move the picture.
  document.addEventListener("keyup", (event) => {
    if (event.key !== " " || !state.get().info || isBusyElsewhere(event)) return;
    const wasMoved = hand.release();
    const command = keymap.commandOf(" ");
    if (!wasMoved && command) commands[command]();
  });
}
