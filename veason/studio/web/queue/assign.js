// @ts-check
// The dialog that gives a question to a person, or a second version of it to another.

/** @import { QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Queue } from "./queue.js" */

import { bindClosing, button } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";

export class Assign {
  #refs;
  #queue;
  /** @type {QueueRow | null} */
  #row = null;

  /** @param {Refs} refs @param {Queue} queue */
  constructor(refs, queue) {
    this.#refs = refs;
    this.#queue = queue;
    bindClosing(refs.assignDialog);
    refs.assignForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** @param {QueueRow} row */
  open(row) {
    this.#row = row;
    const { assignAbout, assignPeople, assignName, assignSecond, assignSecondField, assignDialog } = this.#refs;
    const me = recallPref("annotator", "");
    const names = [...new Set([me, ...(this.#queue.data?.people ?? [])])].filter(Boolean);
    assignAbout.textContent = row.instruction ? `“${row.instruction}” in ${row.clip}` : row.clip;
    assignPeople.replaceChildren(...names.map((name) => this.#person(name, name === me)));
    assignName.value = row.assignee ?? me;
    assignSecond.checked = false;
    assignSecondField.hidden = row.isSecond || !row.instruction;
    assignDialog.showModal();
    assignName.focus();
    assignName.select();
  }

  /** @param {string} name @param {boolean} isMe */
  #person(name, isMe) {
    const onclick = () => {
      this.#refs.assignName.value = name;
      this.#refs.assignForm.requestSubmit();
    };
    return button({ class: "v-filter", onclick }, isMe ? `${name} (you)` : name);
  }

  async #submit() {
    if (!this.#row) return;
    const { assignName, assignSecond, assignDialog } = this.#refs;
    if (await this.#queue.assign(this.#row.id, assignName.value, assignSecond.checked)) assignDialog.close();
  }
}
