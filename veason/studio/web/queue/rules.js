// @ts-check
// The project's classes, what it demands before labels are accepted, and whether its objects may overlap.

/** @import { ClassPart, RulesReply } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */
/** @import { Queue } from "./queue.js" */

import { bindClosing, button, node } from "../core/dom.js";

const COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#882255"];

/**
 * Attributes as they are typed: "size: big, small; pose" gives one of two values, and one of any text.
 * @param {string} text
 */
export const readAttributes = (text) =>
  text
    .split(";")
    .map((part) => part.split(":"))
    .filter(([name]) => name.trim())
    .map(([name, values = ""]) => ({
      name: name.trim(),
      values: values
        .split(",")
        .map((value) => value.trim())
        .filter(Boolean),
    }));

/** @param {ClassPart["attributes"]} attributes */
export const attributesText = (attributes) =>
  attributes.map(({ name, values }) => (values.length ? `${name}: ${values.join(", ")}` : name)).join("; ");

export class Rules {
  #refs;
  #state;
  #queue;

  /** @param {Refs} refs @param {Store} state @param {Queue} queue */
  constructor(refs, state, queue) {
    this.#refs = refs;
    this.#state = state;
    this.#queue = queue;
    bindClosing(refs.rulesDialog);
    refs.openRules.addEventListener("click", () => this.#open());
    refs.addClass.addEventListener("click", () => this.#add()?.focus());
    refs.rulesForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  #open() {
    const { classRows, rulesDialog, rulesKeep, neverOverlap } = this.#refs;
    const { classList, demanded } = this.#state.get();
    classRows.replaceChildren(...classList.map((one) => this.#row(one)));
    if (!classList.length) this.#add();
    neverOverlap.checked = this.#state.get().neverOverlap;
    for (const box of this.#boxes()) box.checked = demanded.some((point) => point === box.value);
    rulesKeep.disabled = this.#queue.about.project.readOnly;
    rulesDialog.showModal();
  }

  #boxes() {
    const { rulesForm, neverOverlap } = this.#refs;
    return [...rulesForm.querySelectorAll("input")].filter((one) => one.type === "checkbox" && one !== neverOverlap);
  }

  #add() {
    const { classRows } = this.#refs;
    const colour = COLOURS[classRows.children.length % COLOURS.length];
    classRows.append(this.#row({ name: "", colour, key: "", attributes: [] }));
    return classRows.lastElementChild?.querySelector("input");
  }

  /** @param {ClassPart} one */
  #row({ name, colour, key, attributes }) {
    const field = (/** @type {string} */ part, /** @type {string} */ label, /** @type {object} */ more) =>
      node("input", { "data-part": part, "aria-label": label, autocomplete: "off", ...more });
    const row = node(
      "div",
      { class: "v-classrow" },
      field("colour", "Colour", { type: "color", value: colour }),
      field("name", "Name of the class", { type: "text", maxlength: 80, value: name, placeholder: "dog" }),
      field("key", "Key", { type: "text", maxlength: 1, value: key, placeholder: "–" }),
      field("attributes", "Attributes", {
        type: "text",
        maxlength: 2000,
        value: attributesText(attributes),
        placeholder: "size: big, small; colour",
      }),
      button({ class: "v-link", "aria-label": `Take ${name || "this class"} away`, onclick: () => row.remove() }, "✕"),
    );
    return row;
  }

  async #submit() {
    const { classRows, rulesDialog, neverOverlap } = this.#refs;
    const classes = [...classRows.children].map(classIn).filter(({ name }) => name);
    const demanded = /** @type {RulesReply["demanded"]} */ (
      this.#boxes()
        .filter(({ checked }) => checked)
        .map(({ value }) => value)
    );
    const told = await this.#queue.act({ do: "rules", classes, demanded, neverOverlap: neverOverlap.checked });
    if (!told) return;
    this.#state.set({ classList: told.classes, demanded: told.demanded, neverOverlap: told.neverOverlap });
    rulesDialog.close();
  }
}

/** @param {Element} row */
function classIn(row) {
  const of = (/** @type {string} */ part) =>
    /** @type {HTMLInputElement} */ (row.querySelector(`[data-part="${part}"]`)).value.trim();
  const key = of("key").toLowerCase();
  return { name: of("name"), colour: of("colour"), key, attributes: readAttributes(of("attributes")) };
}
