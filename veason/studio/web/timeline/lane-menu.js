// @ts-check
// What else can be done with an object, beside its name and switches in the lane.

/** @import { State } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */

import { button, icon, node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";
import { classChoices } from "./class-menu.js";

const DOTS = "M5 11.500v1M12 11.500v1M19 11.500v1";

/** @param {number} objectId @param {State} now @param {Actions} actions */
export function laneMenu(objectId, now, actions) {
  const name = nameOf(now, objectId);
  const onclick = (/** @type {() => void} */ act) => () => {
    menu.open = false;
    act();
  };
  const key = (/** @type {string} */ text) => (text ? node("kbd", { "aria-hidden": "true" }, text) : "");
  const merges = now.objects.flatMap((into, place) => {
    if (into === objectId) return [];
    const label = `Merge ${name} into ${nameOf(now, into)}`;
    const act = onclick(() => actions.merge(objectId, into));
    const attributes = { "aria-label": label, "data-merge": into, onclick: act };
    return [button(attributes, `Merge into ${nameOf(now, into)}`, key(place < 9 ? `M ${place + 1}` : ""))];
  });
  const duplicate = { "aria-label": `Duplicate: ${name}`, onclick: onclick(() => actions.duplicate(objectId)) };
  const label = `More for ${name}`;
  const ontoggle = () => {
    if (!menu.open) actions.endChoice(objectId);
  };
  const menu = node(
    "details",
    { class: "v-menu v-more", ontoggle },
    node("summary", { class: "v-switch", "aria-label": label, title: label }, icon(DOTS)),
    node(
      "div",
      { class: "v-sheet", role: "group", "aria-label": label },
      ...classChoices(objectId, now, actions, () => {
        menu.open = false;
      }),
      button(duplicate, "Duplicate", key("Ctrl D")),
      ...merges,
    ),
  );
  return menu;
}

/**
 * Show with what an object can be merged, or its classes, and bring the choice under the keys.
 * @param {HTMLElement} lanes
 * @param {number} objectId
 * @param {string} first what is chosen of, as a selector
 */
export function openChoice(lanes, objectId, first) {
  /** @type {HTMLDetailsElement | null} */
  const menu = lanes.querySelector(`[data-object="${objectId}"] .v-more`);
  if (!menu || menu.open) return;
  menu.open = true;
  /** @type {HTMLElement | null} */ (menu.querySelector(first))?.focus();
}
