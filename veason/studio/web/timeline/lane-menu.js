// What else can be done with an object, beside its name and switches in the lane.

import { icon, node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";

const DOTS = "M5 11.500v1M12 11.500v1M19 11.500v1";

export function laneMenu(objectId, now, actions) {
  const name = nameOf(now, objectId);
  const entry = (text, keys, act, more = {}) =>
    node(
      "button",
      {
        type: "button",
        "aria-label": `${text}: ${name}`,
        ...more,
        onclick: () => {
          menu.open = false;
          act();
        },
      },
      text,
      keys ? node("kbd", { "aria-hidden": "true" }, keys) : "",
    );
  const others = now.objects
    .map((one, place) => [one, place + 1 < 10 ? String(place + 1) : ""])
    .filter(([one]) => one !== objectId);
  const merges = others.map(([one, key]) =>
    entry(`Merge into ${nameOf(now, one)}`, key && `M ${key}`, () => actions.merge(objectId, one), {
      "data-merge": one,
      "aria-label": `Merge ${name} into ${nameOf(now, one)}`,
    }),
  );
  const menu = node(
    "details",
    {
      class: "v-menu v-more",
      ontoggle: () => {
        if (!menu.open) actions.endMerge(objectId);
      },
    },
    node("summary", { class: "v-switch", "aria-label": `More for ${name}`, title: `More for ${name}` }, icon(DOTS)),
    node(
      "div",
      { class: "v-sheet", role: "group", "aria-label": `More for ${name}` },
      entry("Duplicate", "Ctrl D", () => actions.duplicate(objectId)),
      ...merges,
    ),
  );
  return menu;
}

// Show with what an object can be merged, and bring the choice under the keys.
export function openMerges(lanes, objectId) {
  const menu = lanes.querySelector(`[data-object="${objectId}"] .v-more`);
  if (!menu || menu.open) return;
  menu.open = true;
  menu.querySelector("[data-merge]")?.focus();
}

// A menu closes when something else is pressed, or Esc, which then does nothing else.
export function closeMenus(lanes, stage) {
  const opened = () => lanes.querySelectorAll(".v-more[open]");
  document.addEventListener("pointerdown", ({ target }) => {
    for (const menu of opened()) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !opened().length) return;
      event.stopPropagation();
      for (const menu of opened()) menu.open = false;
      stage.focus({ preventScroll: true });
    },
    true,
  );
}
