// @ts-check
// Keys to commands; none fires while typing or while a dialog is open.

/** @import { Gestures } from "../canvas/gestures.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Act } from "./commands.js" */
/** @import { Keymap } from "./keymap.js" */
/** @import { Command } from "./presets.js" */

import { targetOf } from "../core/dom.js";
import { comboOf } from "./combos.js";
import { REPEATED } from "./presets.js";

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {object} Bound
 * @property {Refs} refs
 * @property {Store} state
 * @property {Keymap} keymap
 * @property {Record<Command, Act>} commands
 * @property {Gestures} gestures
 * @property {Actions} actions
 */

/** @param {Bound} bound */
export function bindKeys(bound) {
  const { refs, state, keymap, commands, gestures } = bound;
  let isLeaving = false; // Esc was pressed: Tab leaves the stage

  document.addEventListener("keydown", (event) => {
    if (!refs.app.isConnected || isBusyElsewhere(event, refs)) return;
    const combo = comboOf(event);
    if (isLeaving && event.key === "Tab") {
      isLeaving = false;
      return;
    }
    if (combo !== null) isLeaving = event.key === "Escape";
    const command = combo === null ? null : keymap.commandOf(combo);
    const { work, info, screen } = state.get();
    if ((!work || !info || screen === "queue") && command !== "help") return;
    const isHeld = event.repeat && command !== null && combo !== " " && !REPEATED.has(command);
    if (nudge(event, bound) || isHeld || (combo !== null && bound.actions.classByKey(combo))) event.preventDefault();
    else if (combo !== null && /^[1-9]$/.test(combo) && !command) chooseObject(Number(combo), bound);
    else if (command) {
      if (combo === " ") gestures.hold();
      const isDone = combo === " " || commands[command]();
      if (isDone !== false) event.preventDefault();
    }
  });

  // Space plays when it is let go, unless it was held to move the picture.
  document.addEventListener("keyup", (event) => {
    if (event.key !== " " || !state.get().info || isBusyElsewhere(event, refs)) return;
    const wasMoved = gestures.release();
    const command = keymap.commandOf(" ");
    if (!wasMoved && command) commands[command]();
  });
}

/** @param {KeyboardEvent} event @param {Bound} bound */
function nudge(event, { keymap, actions }) {
  const isWanted = keymap.nudge() === "alt" ? event.altKey && !event.ctrlKey : event.ctrlKey && !event.altKey;
  const way = ARROWS[event.key];
  if (!isWanted || !way) return false;
  const by = event.shiftKey ? 10 : 1;
  return actions.prompts.nudge(way[0] * by, way[1] * by);
}

/**
 * The number of an object selects it, or says what the one that is being merged goes into.
 * @param {number} number
 * @param {Bound} bound
 */
function chooseObject(number, { state, actions }) {
  const { objects, merging } = state.get();
  const chosen = objects[number - 1];
  if (chosen === undefined) return;
  if (merging !== null) actions.merge(merging, chosen);
  else actions.select(chosen);
}

/** Whether a key belongs to a field, a button or a dialog. @param {KeyboardEvent} event @param {Refs} refs */
function isBusyElsewhere(event, { app, stage, slider }) {
  const { key } = event;
  const target = targetOf(event);
  if (app.querySelector("dialog[open]")) return true;
  if (!target) return false;
  if (key !== "Escape" && target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return true;
  if ((key === " " || key === "Enter") && target.closest("button, summary, a")) return true; // they press the focused button
  if (key === "Tab" && !stage.contains(target)) return true; // elsewhere Tab goes on through the page
  const isSliding = key.startsWith("Arrow") || key === "Home" || key === "End";
  return target.matches("input[type=range]") && isSliding && target !== slider;
}
