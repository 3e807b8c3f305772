// @ts-check
// Menus that open over the page: one at a time; they close by Esc, by a press beside them, and when the page turns.

/** @import { Refs } from "./refs.js" */
/** @import { Store } from "./types.js" */

import { targetOf } from "./dom.js";

/** @param {Refs} refs @param {Store} state */
export function bindMenus({ app, lanes, stage }, state) {
  const opened = () => /** @type {HTMLDetailsElement[]} */ ([...app.querySelectorAll("details.v-menu[open]")]);
  const close = (/** @type {Node | null} */ but) => {
    for (const menu of opened()) if (!but || !menu.contains(but)) menu.open = false;
  };
  document.addEventListener("pointerdown", (event) => close(targetOf(event)), true);
  document.addEventListener("focusin", (event) => close(targetOf(event)));
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const [menu] = opened();
    if (event.key !== "Escape" || !menu) return;
    event.stopPropagation(); // it does nothing else
    const isLane = lanes.contains(menu);
    close(null);
    if (isLane) stage.focus({ preventScroll: true });
    else menu.querySelector("summary")?.focus();
  };
  document.addEventListener("keydown", onkeydown, true);
  state.on(["screen", "work"], () => close(null));
}
