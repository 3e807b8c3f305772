// @ts-check
// What can be done with the ticked rows, or the one in hand: the bar above the list, and its dialogs.

/** @import { ManyReply, QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify } from "../core/types.js" */
/** @import { Assign } from "./assign.js" */
/** @import { Decision, Queue } from "./queue.js" */

import { bindClosing, button } from "../core/dom.js";
import { counted } from "../core/words.js";

/** @type {Record<Decision, string>} */
const DONE = { accept: "accepted", absent: "absent", reject: "rejected", reopen: "in review again" };

export class RowActions {
  #refs;
  #queue;
  #assign;
  #notify;
  #exportRows;

  /**
   * @param {Refs} refs
   * @param {Queue} queue
   * @param {Assign} assign
   * @param {Notify} notify
   * @param {(rows: QueueRow[]) => void} exportRows
   */
  constructor(refs, queue, assign, notify, exportRows) {
    this.#refs = refs;
    this.#queue = queue;
    this.#assign = assign;
    this.#notify = notify;
    this.#exportRows = exportRows;
    bindClosing(refs.renameDialog);
    refs.renameForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitName();
    });
  }

  /** The bar: it always has its place, so that nothing moves as rows are ticked. */
  draw() {
    const { rowActions } = this.#refs;
    const rows = this.#queue.targets();
    const isDeleted = rows.some((row) => row.isDeleted);
    const isShut = this.#queue.about.project.readOnly;
    const one = rows.length === 1 ? rows[0] : null;
    const make = (/** @type {string} */ text, /** @type {() => unknown} */ act, isPossible = true) =>
      button({ class: "v-link", onclick: act, disabled: isPossible && rows.length ? null : "" }, text);
    const size = this.#queue.ticks.size;
    const told = size ? `${size} ticked` : one ? "this row" : "no row";
    const label = button(
      { class: "v-filter", onclick: () => this.#queue.tickAll(), "aria-pressed": String(size > 0) },
      told,
    );
    if (isDeleted) {
      rowActions.replaceChildren(label, make("Restore", this.restore, !isShut));
      return;
    }
    rowActions.replaceChildren(
      label,
      make("Accept", () => this.decide("accept"), !isShut),
      make("Reject", () => this.decide("reject"), !isShut),
      make("Review again", () => this.decide("reopen"), !isShut),
      make("Assign", this.assign, !isShut),
      make("Export", () => this.#exportRows(rows)),
      make("Reword", this.rename, !isShut && one !== null),
      make("Duplicate", this.duplicate, !isShut && one !== null),
      make("Delete", this.delete, !isShut),
    );
  }

  /** @param {Decision} kind */
  decide = async (kind) => {
    const rows = this.#queue.targets();
    if (this.#queue.ticks.size) {
      const told = await this.#queue.act({ do: "decide", questions: ids(rows), decision: kind });
      if (told) this.#tell(told, DONE[kind]);
    } else if (rows[0]) await this.#queue.decideHere(kind, rows[0]);
  };

  assign = () => {
    const rows = this.#queue.targets();
    if (rows.length) this.#assign.open(rows);
  };

  duplicate = async () => {
    const [row] = this.#queue.targets();
    if (!row) return;
    const told = await this.#queue.act({ do: "copy", question: row.id });
    if (told) this.#queue.choose(told.question);
  };

  /** Delete, with a way back: here, and later among the deleted ones. */
  delete = async () => {
    const rows = this.#queue.targets().filter(({ isDeleted }) => !isDeleted);
    if (!rows.length) return;
    const told = await this.#queue.act({ do: "delete", questions: ids(rows) });
    if (!told) return;
    this.#queue.ticks.clear();
    this.#queue.draw();
    this.#notify(`Deleted ${counted(rows.length, "question")}; kept under “deleted”.`, "info", {
      text: "Undo",
      act: () => this.#restore(ids(rows)),
    });
  };

  restore = () => this.#restore(ids(this.#queue.targets()));

  /** @param {number[]} questions */
  #restore = async (questions) => {
    if (!(await this.#queue.act({ do: "restore", questions }))) return;
    this.#queue.ticks.clear();
    if (this.#queue.filter.status === "deleted") this.#queue.look({ status: null });
    this.#queue.choose(questions[0]);
  };

  rename = () => {
    const [row] = this.#queue.targets();
    if (!row || row.isDeleted) return;
    const { renameDialog, renameText, renameAbout } = this.#refs;
    renameText.value = row.instruction;
    renameAbout.textContent = row.clip;
    renameDialog.showModal();
    renameText.select();
  };

  async #submitName() {
    const [row] = this.#queue.targets();
    const { renameText, renameDialog } = this.#refs;
    const text = renameText.value.trim();
    if (!row || !text) return;
    if (text === row.instruction || (await this.#queue.act({ do: "rename", question: row.id, text })))
      renameDialog.close();
  }

  /** @param {ManyReply} told @param {string} what */
  #tell({ done, refused }, what) {
    if (done.length) this.#notify(`${counted(done.length, "question")} ${what}.`, "info");
    for (const line of refused) this.#notify(line);
  }
}

/** @param {QueueRow[]} rows */
const ids = (rows) => rows.map(({ id }) => id);
