// The keys in force: a preset, and what the visitor changed about it; remembered in the browser.

import { keepPref, recallPref } from "../core/prefs.js";
import { PRESETS } from "./presets.js";

export function makeKeymap() {
  const kept = recallPref("keys", {});
  let preset = PRESETS[kept.preset] ? kept.preset : "cvat";
  let own = kept.own ?? {};

  const keep = () => keepPref("keys", { preset, own });
  const keysOf = (command) => own[command] ?? PRESETS[preset].keys[command] ?? [];
  const commandOf = (combo) =>
    Object.keys(PRESETS[preset].keys).find((command) => keysOf(command).includes(combo)) ?? null;

  return {
    keysOf,
    commandOf,
    preset: () => preset,
    nudge: () => PRESETS[preset].nudge,
    isChanged: () => Object.keys(own).length > 0,
    choose(name) {
      preset = name;
      own = {};
      keep();
    },
    // Give `combo` to `command`; whoever had it loses it.
    bind(command, combo) {
      const before = commandOf(combo);
      if (before && before !== command) own = { ...own, [before]: keysOf(before).filter((one) => one !== combo) };
      own = { ...own, [command]: [combo] };
      keep();
    },
  };
}
