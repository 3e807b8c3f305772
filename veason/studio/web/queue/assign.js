// @ts-check
// The dialog that gives a question to a person, or a second version of it to another.

/** @import { QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Queue } from "./queue.js" */

import { bindClosing, button } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";
import { counted } from "../core/words.js";

export class Assign {
  #refs;
  #queue;
  /** @type {QueueRow[]} */
  #rows = [];

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

  /** @param {QueueRow[]} rows one or several */
  open(rows) {
    this.#rows = rows;
    const [row] = rows;
    const { assignAbout, assignPeople, assignName, assignSecond, assignSecondField, assignDialog } = this.#refs;
    const me = recallPref("annotator", "");
    const names = [...new Set([me, ...(this.#queue.data?.people ?? [])])].filter(Boolean);
    const about = row.instruction ? `“${row.instruction}” in ${row.clip}` : row.clip;
    assignAbout.textContent = rows.length > 1 ? counted(rows.length, "question") : about;
    assignPeople.replaceChildren(...names.map((name) => this.#person(name, name === me)));
    assignName.value = row.assignee ?? me;
    assignSecond.checked = false;
    assignSecondField.hidden = rows.length > 1 || row.isSecond || !row.instruction;
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
    const { assignName, assignSecond, assignDialog } = this.#refs;
    const [name, questions] = [assignName.value, this.#rows.map(({ id }) => id)];
    if (!questions.length) return;
    const isDone =
      questions.length > 1
        ? await this.#queue.act({ do: "hand out", questions, name })
        : await this.#queue.assign(questions[0], name, assignSecond.checked);
    if (isDone) assignDialog.close();
  }
}
