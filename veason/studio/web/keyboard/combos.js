// @ts-check
// Pressed keys as text ("ctrl+shift+z"), and how they are told to people.

/** @type {Record<string, string>} */
const SPOKEN = {
  " ": "Space",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Delete: "Del",
  Backspace: "⌫",
};

/** "ctrl+z" as "Ctrl Z". @param {string} combo */
export function spoken(combo) {
  const parts = combo.split("+").filter(Boolean); // "ctrl++" is Ctrl and the plus sign
  const key = combo.endsWith("+") ? "+" : (parts.pop() ?? "");
  const told = SPOKEN[key] ?? (key.length === 1 ? key.toUpperCase() : key);
  return [...parts.map((part) => part[0].toUpperCase() + part.slice(1)), told].join(" ");
}

/** @typedef {"key" | "code" | "ctrlKey" | "altKey" | "shiftKey" | "metaKey" | "getModifierState"} KeyName */
/** @typedef {Pick<KeyboardEvent, KeyName>} Pressed */

/**
 * The name of a pressed key; null while only Ctrl, Alt or Shift is down.
 * Signs such as ? name themselves, without Shift.
 * @param {Pressed} event
 */
export function comboOf(event) {
  if (["Control", "Shift", "Alt", "Meta", "AltGraph"].includes(event.key)) return null;
  const isAltGr = event.getModifierState("AltGraph");
  const isOne = event.key.length === 1;
  const isSign = isOne && event.key !== " " && event.key.toLowerCase() === event.key.toUpperCase();
  const isLetter = event.altKey && /^Key[A-Z]$/.test(event.code); // Alt makes other signs of letters on some systems
  const key = isLetter ? event.code[3].toLowerCase() : isOne ? event.key.toLowerCase() : event.key;
  const ctrl = (event.ctrlKey || event.metaKey) && !isAltGr ? "ctrl+" : "";
  const alt = event.altKey && !isAltGr ? "alt+" : "";
  const shift = event.shiftKey && !isSign && key !== " " ? "shift+" : "";
  return `${ctrl}${alt}${shift}${key}`;
}
