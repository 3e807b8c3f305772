// @ts-check
// The sheet of keys: every command, its keys, and how to change them.

/** @import { Refs } from "../core/refs.js" */
/** @import { Keymap } from "./keymap.js" */
/** @import { Command } from "./presets.js" */

import { button, node } from "../core/dom.js";
import { comboOf, spoken } from "./combos.js";
import { COMMANDS, PRESETS, titleOf } from "./presets.js";

const RESERVED = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** @param {string[]} combos */
const keysShown = (combos) => combos.map((combo) => node("kbd", {}, combo));

export class Help {
  #refs;
  #keymap;
  /** The command whose new key is awaited. @type {Command | null} */
  #listening = null;
  /** A key that was pressed for it and is another's. @type {string | null} */
  #clash = null;

  /** @param {Refs} refs @param {Keymap} keymap */
  constructor(refs, keymap) {
    this.#refs = refs;
    this.#keymap = keymap;
    refs.help.addEventListener("keydown", (event) => this.#press(event));
    refs.help.addEventListener("click", (event) => {
      if (event.target === refs.help) refs.help.close();
    });
    refs.help.addEventListener("close", () => this.#forget());
    refs.closeHelp.addEventListener("click", () => refs.help.close());
    const presets = Object.entries(PRESETS).map(([name, { title }]) => node("option", { value: name }, title));
    refs.keyPreset.replaceChildren(...presets);
    refs.keyPreset.addEventListener("change", () => this.#choose(refs.keyPreset.value));
    refs.keyReset.addEventListener("click", () => this.#choose(keymap.preset()));
  }

  open = () => {
    if (this.#refs.help.open) return;
    this.#draw();
    this.#refs.help.showModal();
    this.#refs.closeHelp.focus();
  };

  /** @param {string} preset */
  #choose(preset) {
    this.#keymap.choose(preset);
    this.#stop();
  }

  /** @param {Command} command @param {string} combo */
  #bind(command, combo) {
    this.#keymap.bind(command, combo);
    this.#stop();
  }

  #forget() {
    this.#listening = null;
    this.#clash = null;
  }

  #stop = () => {
    this.#forget();
    this.#draw();
    this.#refs.closeHelp.focus();
  };

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (!this.#listening || this.#clash) return;
    const combo = comboOf(event);
    event.preventDefault();
    event.stopPropagation();
    if (!combo) return;
    const owner = this.#keymap.commandOf(combo);
    if (combo === "Escape") this.#stop();
    else if (RESERVED.includes(combo) || (owner && owner !== this.#listening)) {
      this.#clash = combo;
      this.#draw();
    } else this.#bind(this.#listening, combo);
  }

  #draw() {
    const { keyPreset, keyReset, keyRows } = this.#refs;
    keyPreset.value = this.#keymap.preset();
    keyReset.hidden = !this.#keymap.isChanged();
    const sections = COMMANDS.map(([group, rows]) => {
      const lines = rows.map(([command, text]) => this.#row(command, text));
      return node("section", {}, node("h3", {}, group), ...lines, ...this.#fixed(group));
    });
    keyRows.replaceChildren(...sections);
    /** @type {HTMLElement | null} */ (keyRows.querySelector(".v-listen, .v-link:not(.v-change)"))?.focus();
  }

  /** @param {Command} command @param {string} text */
  #row(command, text) {
    const keys = node("span", { class: "v-combos" }, ...this.#keys(command));
    return node("div", { class: "v-keyrow", "data-command": command }, node("span", {}, text), keys);
  }

  /** @param {Command} command */
  #keys(command) {
    if (this.#listening === command && this.#clash) return this.#clashing(command, this.#clash);
    if (this.#listening === command) {
      return [node("span", { class: "v-listen", role: "status", tabindex: "-1" }, "Press the new key …")];
    }
    const change = () => {
      this.#listening = command;
      this.#clash = null;
      this.#draw();
    };
    const label = `Change the key of ${titleOf(command)}`;
    const combos = this.#keymap.keysOf(command).map(spoken);
    const shown = combos.length ? keysShown(combos) : [node("span", { class: "v-dim" }, "none")];
    return [button({ class: "v-link v-change", "aria-label": label, onclick: change }, "change"), ...shown];
  }

  /** The key is another's: take it all the same, or leave it. @param {Command} command @param {string} combo */
  #clashing(command, combo) {
    const owner = this.#keymap.commandOf(combo);
    const isReserved = RESERVED.includes(combo);
    const told =
      isReserved || !owner
        ? `${spoken(combo)} is taken and cannot be changed.`
        : `${spoken(combo)} is “${titleOf(owner)}” already.`;
    const use = button({ class: "v-link", onclick: () => this.#bind(command, combo) }, "Use it here");
    return [
      node("span", { class: "v-clash", role: "alert" }, told),
      ...(isReserved ? [] : [use]),
      button({ class: "v-link", onclick: this.#stop }, "Cancel"),
    ];
  }

  /** What cannot be changed. @param {"Video" | "Object" | "Mask" | "Work"} group */
  #fixed(group) {
    /** @type {Record<typeof group, [text: string, keys: string[]][]>} */
    const rows = {
      Video: [
        ["Move the picture", ["Space + drag"]],
        ["Zoom", ["wheel, pinch"]],
      ],
      Object: [
        ["Select object 1 to 9", ["1 – 9"]],
        ["On the object, off it", ["click", "Alt click"]],
        ["Move the box by 1 pixel, or 10", [spoken(`${this.#keymap.nudge()}+arrows`), "+ Shift"]],
        ["The same by tenths", ["from 800 % zoom"]],
        ["Brush size", ["Shift wheel"]],
      ],
      Mask: [["By how much", ["in the menu"]]],
      Work: [],
    };
    return rows[group].map(([text, keys]) =>
      node(
        "div",
        { class: "v-keyrow v-dim" },
        node("span", {}, text),
        node("span", { class: "v-combos" }, ...keysShown(keys)),
      ),
    );
  }
}
