// @ts-check
// Which keys are commands of the page: those with Ctrl, Alt or Meta are the browser's, and a held key is pressed once.

/** @typedef {"key" | "ctrlKey" | "altKey" | "metaKey" | "repeat" | "isComposing" | "getModifierState"} KeyName */
/** @typedef {Pick<KeyboardEvent, KeyName>} Pressed */

/** Keys that go on while they are held: they move. */
const MOVING = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End", "j", "k"];

/**
 * The key that gives a command, "" where it gives none. AltGr only writes signs, and is no Ctrl and Alt.
 * @param {Pressed} event
 */
export function commandKey(event) {
  const isOthers = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
  const isHeld = event.repeat && !MOVING.includes(event.key);
  return isOthers || isHeld || event.isComposing ? "" : event.key;
}
