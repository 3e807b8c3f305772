// @ts-check
// The class of an object and its attributes, in the menu of its lane.

/** @import { ClassPart } from "../contract.js" */
/** @import { State } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */

import { button, node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";

/** The class of an object, where it has one. @param {State} now @param {number} objectId */
export function classOf({ classes, classList }, objectId) {
  const name = classes.get(objectId);
  if (name === undefined) return null;
  return classList.find((one) => one.name === name) ?? { name, colour: "#8b95a7", key: "", attributes: [] };
}

/** @param {string} colour */
export const classDot = (colour) => node("i", { class: "v-classdot", style: `background:${colour}` });

/**
 * The choices of a class, and the attributes of the one that the object has.
 * @param {number} objectId
 * @param {State} now
 * @param {Actions} actions
 * @param {() => void} close
 */
export function classChoices(objectId, now, actions, close) {
  if (!now.classList.length && !now.classes.has(objectId)) return [];
  const own = classOf(now, objectId);
  const choose = (/** @type {string} */ name) => () => {
    close();
    actions.classify(objectId, name);
  };
  const rows = now.classList.map((one) => choice(one, own?.name === one.name, nameOf(now, objectId), choose(one.name)));
  const none = own ? [button({ class: "v-dim", onclick: choose("") }, "No class")] : [];
  const heading = node("p", { class: "v-sheet-title" }, "Class");
  return [heading, ...rows, ...none, ...fields(objectId, now, own, actions)];
}

/** @param {ClassPart} one @param {boolean} isOwn @param {string} object @param {() => void} onclick */
function choice({ name, colour, key }, isOwn, object, onclick) {
  const look = { "data-class": name, "aria-label": `${object} is a ${name}`, "aria-pressed": String(isOwn), onclick };
  const mark = node("span", { class: "v-classname" }, classDot(colour), name, isOwn ? " ✓" : "");
  return button(look, mark, key ? node("kbd", { "aria-hidden": "true" }, `; ${key.toUpperCase()}`) : "");
}

/** @param {number} objectId @param {State} now @param {ClassPart | null} own @param {Actions} actions */
function fields(objectId, now, own, actions) {
  const given = now.attributes.get(objectId) ?? {};
  return (own?.attributes ?? []).map(({ name, values }) => {
    const onchange = (/** @type {Event} */ event) => {
      const { value } = /** @type {HTMLInputElement} */ (event.target);
      actions.classify(objectId, own?.name ?? "", { ...given, [name]: value });
    };
    const field = values.length
      ? node("select", { onchange }, ...["", ...values].map((value) => option(value, given[name] ?? "")))
      : node("input", { type: "text", maxlength: 80, value: given[name] ?? "", onchange });
    return node("label", { class: "v-attribute" }, name, field);
  });
}

/** @param {string} value @param {string} chosen */
const option = (value, chosen) => node("option", { value, selected: value === chosen ? "" : null }, value || "–");
