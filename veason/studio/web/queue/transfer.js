// @ts-check
// Dialogs that move files: clips into the queue, labels out and in.

/** @import { About, AddedItem, ExportedItem, QueueRow, Upload, WrittenItem } from "../contract.js" */
/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify, Store } from "../core/types.js" */
/** @import { Queue } from "./queue.js" */

import { bindClosing, bindDrop, node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";
import { upload } from "../core/upload.js";
import { farness, fileSize, textOf } from "../core/words.js";

const MB = 1048576;

export class Transfer {
  #refs;
  #about;
  #state;
  #messages;
  #queue;
  #notify;
  /** @type {File[]} */
  #files = [];
  /** Rows that were chosen to be exported. @type {QueueRow[]} */
  #rows = [];
  #begun = 0;
  #doing = "";

  /**
   * @param {Refs} refs
   * @param {About} about
   * @param {Store} state
   * @param {Messages} messages
   * @param {Queue} queue
   * @param {Notify} notify
   */
  constructor(refs, about, state, messages, queue, notify) {
    this.#refs = refs;
    this.#about = about;
    this.#state = state;
    this.#messages = messages;
    this.#queue = queue;
    this.#notify = notify;
    this.#fillFormats();
    this.#bindAdd();
    this.#bindExport();
    this.#bindImport();
    for (const dialog of [refs.addDialog, refs.transferDialog]) bindClosing(dialog);
  }

  /** Clips or labels came into a project: its queue shows them. @param {AddedItem} item */
  added = ({ project }) => {
    keepPref("project", project);
    this.#refs.addForm.reset();
    this.#take([]);
    this.#refs.addDialog.close();
    this.#refs.transferDialog.close();
    this.#state.set({ project });
    this.#queue.load(true);
    this.#queue.show(true);
  };

  /** A file was written: what it holds and lost. @param {ExportedItem} item */
  exported = ({ name, bytes, lines }) => {
    this.#busy(null);
    const { report } = this.#refs;
    report.hidden = false;
    const told = lines.map((line) => node("div", { "data-lost": String(line.startsWith("lost")) }, line));
    report.replaceChildren(node("b", {}, `${name} · ${fileSize(bytes)}`), ...told);
  };

  /** @param {WrittenItem} item */
  written = ({ done, count, unit }) => {
    if (!this.#refs.transferDialog.open && !this.#refs.addDialog.open) return;
    this.#busy(`${this.#doing}: ${done} of ${count} ${unit}, ${farness(done, count, this.#begun)} …`);
  };

  transferred = () => {
    if (!this.#refs.report.querySelector("b")) this.#busy(null);
  };

  /** Say what is being done; nothing else can be begun meanwhile. @param {string | null} text */
  #busy(text) {
    const { report, addBusy, addForm, exportForm, importForm } = this.#refs;
    report.hidden = !text;
    report.replaceChildren(text ?? "");
    addBusy.textContent = text ?? "";
    const isShut = this.#about.project.readOnly;
    for (const one of exportForm.querySelectorAll("button")) one.disabled = Boolean(text);
    for (const one of importForm.querySelectorAll("button")) one.disabled = Boolean(text) || isShut;
    for (const one of addForm.querySelectorAll("button"))
      if (one.type === "submit") one.disabled = Boolean(text) || isShut;
  }

  /** @param {string} what */
  #begin(what) {
    this.#begun = performance.now();
    this.#doing = what;
    this.#busy(`${what} …`);
  }

  /** @param {File[]} list @returns {Promise<Upload[]>} */
  async #send(list) {
    const sent = [];
    const { maxMb } = this.#about;
    for (const [number, file] of list.entries()) {
      const size = fileSize(file.size);
      if (file.size > maxMb * MB) throw new Error(`${file.name} has ${size}, the limit is ${maxMb} MB`);
      const which = list.length > 1 ? ` (${number + 1} of ${list.length})` : "";
      const path = await upload(file, (_, told) => this.#busy(`Uploading ${file.name}${which}, ${told} …`));
      sent.push({ path, name: file.name });
    }
    return sent;
  }

  /** @param {() => Promise<void>} work */
  async #trying(work) {
    try {
      await work();
    } catch (error) {
      this.#busy(null);
      this.#notify(`That did not work: ${textOf(error)}`);
    }
  }

  #fillFormats() {
    const refs = this.#refs;
    const { formats, project } = this.#about;
    const wanted = recallPref("format", "coco");
    const chosen = formats.some(({ name }) => name === wanted) ? wanted : formats[0]?.name;
    const choices = formats.map(({ name, about: text }) => {
      const field = node("input", { type: "radio", name: "format", value: name, checked: name === chosen ? "" : null });
      return node("label", { class: "v-format" }, field, node("b", {}, name), node("span", {}, text));
    });
    refs.formats.replaceChildren(...choices);
    const readable = formats.filter(({ canRead }) => canRead);
    const options = readable.map(({ name }) => node("option", { value: name }, name));
    const own = node("option", { value: "project" }, "a project downloaded here");
    refs.importFormat.replaceChildren(...options, ...(project.key ? [] : [own]));
    refs.addFolderField.hidden = !project.isLocal;
  }

  /** @param {Iterable<File>} files */
  #take(files) {
    this.#files = [...files];
    const names = this.#files.map(({ name }) => name).join(", ");
    this.#refs.addText.textContent = names || "Drop clips here or click to choose";
  }

  #bindAdd() {
    const { openAdd, addDialog, addFiles, addDrop, addForm } = this.#refs;
    openAdd.addEventListener("click", () => {
      this.#busy(null);
      addDialog.showModal();
    });
    addFiles.addEventListener("change", () => this.#take(addFiles.files ?? []));
    bindDrop(addDrop, (files) => this.#take(files ?? []));
    addForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
  }

  #add() {
    const folder = this.#refs.addFolder.value.trim();
    const instructions = this.#refs.addLines.value;
    if (!this.#files.length && !folder && !instructions.trim()) {
      this.#notify("Choose clips first, or write an instruction for the clips that are here.", "info");
      return;
    }
    this.#trying(async () => {
      const files = await this.#send(this.#files);
      this.#begin("Reading the clips");
      this.#messages.send("enqueue", { project: this.#queue.project(), files, folder, instructions });
    });
  }

  #bindExport() {
    const { openTransfer, allFormats, download, exportForm, packAll } = this.#refs;
    openTransfer.addEventListener("click", () => this.#open("project"));
    allFormats.addEventListener("click", () => {
      download.open = false;
      this.#open("clip");
    });
    exportForm.addEventListener("change", () => this.#drawTake());
    exportForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#export();
    });
    packAll.addEventListener("click", () => {
      this.#begin("Packing everything");
      this.#messages.send("export", { project: this.#queue.project(), format: "project" });
    });
  }

  /** Open the dialog to export these rows. @param {QueueRow[]} rows */
  exportRows(rows) {
    this.#rows = rows;
    this.#open("chosen");
    this.#choose(
      "take",
      rows.every(({ status }) => status === "accepted" || status === "absent") ? "accepted" : "everything",
    );
    this.#drawTake();
  }

  /** Open the dialog to export one question, some or all of them. @param {"clip" | "chosen" | "project"} scope */
  #open(scope) {
    const { scopeClip, scopeChosen, scopeChosenText, disputed, disputedField, disputedText, transferDialog } =
      this.#refs;
    this.#busy(null);
    this.#drawOverlaps();
    const hasClip = Boolean(this.#state.get().work);
    scopeClip.hidden = !hasClip;
    if (scope !== "chosen") this.#rows = [];
    scopeChosen.hidden = !this.#rows.length;
    scopeChosenText.textContent = this.#rows.length === 1 ? "the chosen row" : `the ${this.#rows.length} chosen rows`;
    this.#choose("scope", scope === "clip" && !hasClip ? "project" : scope);
    this.#choose("take", scope === "clip" ? "everything" : "accepted");
    const count = this.#queue.rows.filter(({ isDisputed }) => isDisputed).length;
    disputed.checked = false;
    disputedField.hidden = !count;
    disputedText.textContent = `and ${count} that a reviewer disagrees with`;
    this.#drawTake();
    transferDialog.showModal();
  }

  /** Where the project wants that objects never overlap it is no choice of an export. */
  #drawOverlaps() {
    const { exclusive, exclusiveText } = this.#refs;
    const { neverOverlap } = this.#state.get();
    if (neverOverlap || exclusive.disabled) exclusive.checked = neverOverlap;
    exclusive.disabled = neverOverlap;
    exclusiveText.textContent = `objects never overlap${neverOverlap ? ", as this project wants it" : ""}`;
  }

  /** The fields of one choice. @param {string} name */
  #choices(name) {
    return [...this.#refs.exportForm.querySelectorAll("input")].filter((one) => one.name === name);
  }

  /** @param {string} name @param {string} value */
  #choose(name, value) {
    for (const one of this.#choices(name)) one.checked = one.value === value;
  }

  /** @param {string} name */
  #chosen(name) {
    return this.#choices(name).find((one) => one.checked)?.value ?? "";
  }

  /** Training takes accepted answers whatever is chosen, and everything holds the disputed ones already. */
  #drawTake() {
    const format = this.#chosen("format");
    const isTraining = this.#about.formats.find(({ name }) => name === format)?.onlyAccepted ?? false;
    for (const one of this.#choices("take")) one.disabled = isTraining;
    this.#refs.disputed.disabled = !isTraining && this.#chosen("take") === "everything";
  }

  #export() {
    const format = this.#chosen("format");
    keepPref("format", format);
    this.#begin("Writing");
    const scope = this.#chosen("scope");
    this.#messages.send("export", {
      project: this.#queue.project(),
      format,
      scope: scope === "clip" ? "clip" : "project",
      questions: scope === "chosen" ? this.#rows.map(({ id }) => id) : null,
      everything: this.#chosen("take") === "everything",
      disputed: this.#refs.disputed.checked,
      overlaps: !this.#refs.exclusive.checked,
      pictures: this.#refs.pictures.checked,
    });
  }

  #bindImport() {
    const { importForm, importFile, importFormat } = this.#refs;
    importForm.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = importFile.files?.[0];
      if (!file) {
        this.#notify("Choose the file with the labels first.", "info");
        return;
      }
      this.#trying(async () => {
        const [sent] = await this.#send([file]);
        this.#begin("Reading the labels");
        this.#messages.send("take", { project: this.#queue.project(), ...sent, format: importFormat.value });
      });
    });
  }
}
