// What else can be done with an object, beside its name and switches in the lane.

import { icon, node } from "./state.js";

const DOTS = "M5 11.500v1M12 11.500v1M19 11.500v1";

export function laneMenu(objectId, name, actions) {
  const entry = (text, keys, act) => node("button", {
    type: "button", "aria-label": `${text}: ${name}`, onclick: () => { menu.open = false; act(); },
  }, text, keys ? node("kbd", { "aria-hidden": "true" }, keys) : "");
  const menu = node(
    "details", { class: "v-menu v-more" },
    node("summary", { class: "v-switch", "aria-label": `More for ${name}`, title: `More for ${name}` }, icon(DOTS)),
    node("div", { class: "v-sheet", role: "group", "aria-label": `More for ${name}` }, entry("Duplicate", "Ctrl D", () => actions.duplicate(objectId))),
  );
  return menu;
}

// A menu closes when something else is pressed, or Esc.
export function closeMenus(lanes) {
  const close = (event) => {
    for (const menu of lanes.querySelectorAll(".v-more[open]")) if (event.key === "Escape" || !menu.contains(event.target)) menu.open = false;
  };
  document.addEventListener("pointerdown", close);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(event); });
}
