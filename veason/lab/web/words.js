// @ts-check
// Texts and elements: everything that comes from models or people is put in as text, never as markup.

/** An element with attributes and what is in it.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

/** A figure with one decimal, a dash where there is none.
 * @param {number | null | undefined} value
 */
export function figure(value) {
  return value === null || value === undefined ? "–" : value.toFixed(1);
}

/** A number with its sign.
 * @param {number | null} value
 * @param {number} [digits]
 */
export function signed(value, digits = 2) {
  if (value === null) return "–";
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

/** The name of a flag or tag as words.
 * @param {string} name
 */
export function spoken(name) {
  return name.replaceAll("_", " ");
}

/** A text cut at its claims: pieces in order, each with the claim it is part of. Claims that overlap an earlier one
 * are left out.
 * @template {{ start: number, end: number }} T
 * @param {string} text
 * @param {T[]} claims
 * @returns {{ text: string, claim: T | null }[]}
 */
export function cut(text, claims) {
  /** @type {{ text: string, claim: T | null }[]} */
  const pieces = [];
  let place = 0;
  const characters = [...text]; // the server counts code points
  for (const claim of claims) {
    if (claim.start < place) continue;
    pieces.push({ text: characters.slice(place, claim.start).join(""), claim: null });
    pieces.push({ text: characters.slice(claim.start, claim.end).join(""), claim });
    place = claim.end;
  }
  pieces.push({ text: characters.slice(place).join(""), claim: null });
  return pieces.filter((piece) => piece.text);
}
