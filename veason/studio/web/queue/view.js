// @ts-check
// The queue as it is drawn: chips to filter by, rows, and how pre-labelling goes.

/** @import { PrelabelPart, QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Order, Standing } from "./list.js" */
/** @import { Queue } from "./queue.js" */

import { button, node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";
import { counted, time } from "../core/words.js";
import { NOBODY, STATUSES, countByStanding, isOpen, matches } from "./list.js";
import { makeRow } from "./row.js";
import { RowList } from "./row-list.js";
import { Thumbs } from "./thumbs.js";

export class QueueView {
  #refs;
  #queue;
  #drawActions;
  /** @type {RowList<QueueRow>} */
  #list;

  /** @param {Refs} refs @param {Queue} queue @param {() => void} drawActions */
  constructor(refs, queue, drawActions) {
    this.#refs = refs;
    this.#queue = queue;
    this.#drawActions = drawActions;
    const { show } = new Thumbs((video) => queue.thumb(video));
    const tick = (/** @type {number} */ id, /** @type {boolean} */ isReach) => queue.tick(id, isReach);
    const acts = { thumb: show, pick: queue.pick, open: queue.open, tick };
    this.#list = new RowList(
      refs.rows,
      (row) => makeRow(row, acts),
      () => this.#nothing(),
    );
    this.#bindFilters();
    this.#bindProject();
  }

  #bindFilters() {
    const { search, assigned, order, rows } = this.#refs;
    const queue = this.#queue;
    search.addEventListener("input", () => queue.look({ text: search.value.trim().toLowerCase() }));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") rows.focus();
    });
    assigned.addEventListener("change", () => queue.look({ person: assigned.value }));
    order.addEventListener("change", () => queue.sort(/** @type {Order} */ (order.value)));
  }

  #bindProject() {
    const refs = this.#refs;
    const { readOnly, key, hours, megabytes } = this.#queue.about.project;
    refs.shut.hidden = !readOnly;
    refs.visit.hidden = Boolean(key);
    refs.visitText.textContent =
      "This is yours alone, by this page's link. " +
      `The server keeps it for ${hours} hours after the last change, up to ${megabytes} MB.`;
    refs.takeHome.addEventListener("click", () => {
      refs.openTransfer.click();
      refs.packAll.click();
    });
    for (const shown of [refs.openAdd, refs.prelabel]) shown.disabled = readOnly;
    refs.annotator.value = recallPref("annotator", "");
    refs.annotator.addEventListener("input", () => keepPref("annotator", refs.annotator.value.trim()));
    refs.prelabel.addEventListener("click", () => this.#queue.togglePrelabel());
  }

  draw() {
    const { rows, listed, current, data, about } = this.#queue;
    const { queueLine, openNumbers, queueHead } = this.#refs;
    this.#drawChips();
    this.#drawPeople();
    const done = rows.filter((row) => !isOpen(row)).length;
    const { seconds, edits } = data?.effort ?? { seconds: 0, edits: 0 };
    const work = seconds >= 1 ? ` · ${time(seconds)} of work, ${edits} edits` : "";
    const clips = counted(data?.videos ?? 0, "clip");
    queueLine.textContent = rows.length ? `${done} of ${rows.length} done · ${clips}${work}` : "";
    queueLine.title = about.project.folder ? `kept in ${about.project.folder}` : "";
    openNumbers.hidden = !rows.length;
    queueHead.hidden = !listed.length;
    this.#list.show(listed, current, this.#queue.ticks.has);
    this.#drawActions();
    this.#pointAt(current);
  }

  /** @param {number} id */
  choose(id) {
    this.#list.choose(id);
    this.#pointAt(id);
    this.#drawActions();
  }

  /** @param {number | null} id */
  #pointAt(id) {
    const { rows } = this.#refs;
    if (id === null) rows.removeAttribute("aria-activedescendant");
    else rows.setAttribute("aria-activedescendant", `v-row-${id}`);
  }

  #drawChips() {
    const { rows, deleted, filter } = this.#queue;
    const among = rows.filter((row) => matches(row, filter));
    const gone = deleted.filter((row) => matches(row, filter)).length;
    const counts = countByStanding(among);
    const make = (/** @type {Standing | null} */ status, /** @type {string} */ text, /** @type {number} */ number) => {
      const isOn = filter.status === status;
      const attributes = { class: "v-filter", "aria-pressed": String(isOn), "data-status": status ?? "all" };
      const onclick = () => this.#queue.look({ status });
      return button({ ...attributes, onclick }, `${text} `, node("b", {}, String(number)));
    };
    const shown = STATUSES.filter((status) => counts.has(status) || filter.status === status);
    const chips = shown.map((status) => make(status, status, counts.get(status) ?? 0));
    const bin = gone || filter.status === "deleted" ? [make("deleted", "deleted", gone)] : [];
    this.#refs.statusChips.replaceChildren(make(null, "all", among.length), ...chips, ...bin);
  }

  #drawPeople() {
    const { assigned, order } = this.#refs;
    const people = this.#queue.data?.people ?? [];
    const option = (/** @type {string} */ value, /** @type {string} */ text) => node("option", { value }, text);
    const names = people.map((name) => option(name, name));
    assigned.replaceChildren(option("", "everybody"), option(NOBODY, "nobody yet"), ...names);
    assigned.value = this.#queue.filter.person;
    assigned.hidden = people.length === 0;
    order.value = this.#queue.order;
  }

  #nothing() {
    if (!this.#queue.rows.length && !this.#queue.deleted.length) {
      const told = "Add clips and say what to segment in them. Veason proposes, you decide.";
      const add = button({ class: "v-btn", onclick: () => this.#refs.openAdd.click() }, "Add clips");
      return empty("Nothing to label yet", node("p", { class: "v-dim" }, told), add);
    }
    const showAll = () => {
      this.#refs.search.value = "";
      this.#queue.look({ status: null, person: "", text: "" });
    };
    return empty("Nothing matches", button({ class: "v-btn v-ghost", onclick: showAll }, "Show everything"));
  }

  drawPrelabel() {
    const { prelabel, prelabelLine, prelabelText, prelabelMeter } = this.#refs;
    const now = this.#queue.prelabel;
    prelabel.textContent = now?.running ? "Stop pre-labelling" : "Pre-label all";
    prelabelLine.hidden = !now || (!now.running && !now.failure && !now.failed && !now.withheld);
    if (!now || prelabelLine.hidden) return;
    prelabelText.textContent = prelabelTold(now);
    prelabelMeter.style.width = `${100 * (now.done / (now.total || 1))}%`;
  }
}

/** @param {string} title @param {...HTMLElement} parts */
const empty = (title, ...parts) => node("div", { class: "v-empty" }, node("h2", {}, title), ...parts);

/** @param {PrelabelPart} now */
function prelabelTold({ running, done, total, stage, frames, failed, withheld, failure, secondsLeft }) {
  const unasked = withheld ? ` · ${withheld} not asked: the policy would guess` : "";
  const failures = `${failed ? ` · ${failed} failed` : ""}${unasked}`;
  if (!running) return failure || `Pre-labelling ended${failures}`;
  const within = stage === "tracking" ? ` · frame ${frames[0]} of ${frames[1]}` : stage ? ` · ${stage}` : "";
  const left = secondsLeft ? ` · ${time(secondsLeft)} left` : "";
  return `Pre-labelling ${done} of ${total ?? "…"}${within}${failures}${left}`;
}
