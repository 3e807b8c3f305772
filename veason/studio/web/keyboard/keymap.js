// @ts-check
// The keys in force: a preset, and what the visitor changed about it; remembered in the browser.

/** @import { Command } from "./presets.js" */

import { keepPref, recallPref } from "../core/prefs.js";
import { PRESETS } from "./presets.js";

export class Keymap {
  #preset = "cvat";
  /** @type {Partial<Record<Command, string[]>>} */
  #own = {};

  constructor() {
    /** @type {{ preset?: string, own?: Partial<Record<Command, string[]>> }} */
    const kept = recallPref("keys", {});
    if (kept.preset && kept.preset in PRESETS) this.#preset = kept.preset;
    this.#own = kept.own ?? {};
  }

  /** The keys of a command. @param {Command} command */
  keysOf(command) {
    return this.#own[command] ?? PRESETS[this.#preset].keys[command];
  }

  /** The command of a key, null where it has none. @param {string} combo */
  commandOf(combo) {
    const commands = /** @type {Command[]} */ (Object.keys(PRESETS[this.#preset].keys));
    return commands.find((command) => this.keysOf(command).includes(combo)) ?? null;
  }

  preset() {
    return this.#preset;
  }

  /** The key that makes arrows move the box. */
  nudge() {
    return PRESETS[this.#preset].nudge;
  }

  isChanged() {
    return Object.keys(this.#own).length > 0;
  }

  /** Take a preset as it is. @param {string} name */
  choose(name) {
    this.#preset = name;
    this.#own = {};
    this.#keep();
  }

  /** Give a key to a command; whoever had it loses it. @param {Command} command @param {string} combo */
  bind(command, combo) {
    const before = this.commandOf(combo);
    if (before && before !== command) this.#own[before] = this.keysOf(before).filter((one) => one !== combo);
    this.#own[command] = [combo];
    this.#keep();
  }

  #keep() {
    keepPref("keys", { preset: this.#preset, own: this.#own });
  }
}
