// @ts-check
// The queue: clips and instructions, where each stands, and the way from one to the next.

/** @import { About, ErrorReply, PrelabelPart, QueueReply, QueueRow } from "../contract.js" */
/** @import { RowAction, RowReply } from "./types.js" */
/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify, Scope, State, Store, Way } from "../core/types.js" */
/** @import { Filter, Order } from "./list.js" */

import { keepPref, recallPref } from "../core/prefs.js";
import { idOf, workOf } from "./ids.js";
import { currentAfter, isOpen, listed, neighbour } from "./list.js";
import { Ticks } from "./ticks.js";

const EVERY_MS = 2500;

/** @typedef {"accept" | "absent" | "reject" | "reopen"} Decision */

/** What draws the queue. @typedef {{ draw(): void, drawPrelabel(): void, choose(id: number): void }} View */

export class Queue {
  #refs;
  #scope;
  #state;
  #messages;
  #notify;
  /** @type {View | null} */
  #view = null;
  /** @type {Filter} */
  filter = { status: null, person: "", text: "" };
  /** @type {Order} */
  order = recallPref("order", /** @type {Order} */ ("added"));
  /** Everything that the server told; null before it did. @type {QueueReply | null} */
  data = null;
  /** @type {PrelabelPart | null} */
  prelabel = null;
  /** The rows that are listed, and the one in hand. @type {QueueRow[]} */
  listed = [];
  /** @type {number | null} */
  current = null;
  ticks = new Ticks();
  #decisions = 0;
  /** @type {Promise<void> | null} */
  #refreshed = null;
  /** @type {Promise<void> | null} */
  #looking = null;
  /** @type {"all" | "news" | null} */
  #wanted = null;

  /**
   * @param {Refs} refs
   * @param {Scope} scope
   * @param {Store} state
   * @param {Messages} messages
   * @param {Notify} notify
   */
  constructor(refs, scope, state, messages, notify) {
    this.#refs = refs;
    this.#scope = scope;
    this.#state = state;
    this.#messages = messages;
    this.#notify = notify;
    state.on(["screen"], (now) => this.#turnTo(now));
    setTimeout(() => this.#watch(), EVERY_MS);
  }

  /** @param {View} view */
  connect(view) {
    this.#view = view;
  }

  /** @returns {About} */
  get about() {
    return this.#scope.props.about;
  }

  /** All but the deleted ones. */
  get rows() {
    return this.#all.filter(({ isDeleted }) => !isDeleted);
  }

  /** Those that a person deleted, and can restore. */
  get deleted() {
    return this.#all.filter(({ isDeleted }) => isDeleted);
  }

  get #all() {
    return this.data?.rows ?? [];
  }

  /** The rows that something is done with: the ticked ones, else the one in hand. */
  targets() {
    return this.ticks.targets(this.listed, this.current);
  }

  /** With Shift all up to the last one. @param {number} id @param {boolean} isReach */
  tick(id, isReach) {
    if (isReach) this.ticks.reach(id, this.listed);
    else this.ticks.toggle(id);
    this.draw();
  }

  /** Tick everything that is listed, or nothing. */
  tickAll() {
    this.ticks.toggleAll(this.listed);
    this.draw();
  }

  /** The key of the project, null where there is none yet. @returns {string | null} */
  project() {
    return this.#state.get().project ?? this.about.project.key ?? recallPref("project", null);
  }

  currentRow() {
    return this.rows.find(({ id }) => id === this.current);
  }

  /** Look anew: one look at a time; what is asked meanwhile is answered by one more look after it. */
  load(isForced = false) {
    this.#wanted = isForced || this.#wanted === "all" ? "all" : "news";
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookOn() {
    while (this.#wanted) {
      const isForced = this.#wanted === "all";
      this.#wanted = null;
      await this.#look(isForced);
    }
  }

  /** @param {boolean} isForced */
  async #look(isForced) {
    const project = this.project();
    if (!project) {
      this.draw();
      return;
    }
    const decisions = this.#decisions;
    const revision = isForced ? null : (this.data?.revision ?? null);
    const told = await this.#scope.server.queue(this.#messages.signed({ project, revision }));
    if (told.error !== undefined) this.draw();
    else if (this.#decisions !== decisions)
      this.#wanted = "all"; // it may tell how things stood before
    else {
      const isNew = "rows" in told;
      if (isNew) {
        this.data = told;
        this.#state.set({ classList: told.classes, demanded: told.demanded, neverOverlap: told.neverOverlap });
      }
      if (!isNew && this.data) this.data.revision = told.revision;
      this.prelabel = told.prelabel;
      this.#state.set({ queueSize: this.rows.filter(isOpen).length, queueCount: this.rows.length });
      if (isNew || isForced) this.draw();
      this.#view?.drawPrelabel();
    }
  }

  async #watch() {
    try {
      if (!this.#refs.queue.hidden && !document.hidden) await this.load();
    } catch {
      // the server cannot be reached: the connection says so
    }
    setTimeout(() => this.#watch(), EVERY_MS);
  }

  draw() {
    if (this.#refs.queue.hidden) return;
    const among = this.filter.status === "deleted" ? this.deleted : this.rows;
    const rows = listed(among, this.filter, this.order);
    this.ticks.keepOnly(rows);
    this.current = currentAfter(this.listed, rows, this.current);
    this.listed = rows;
    this.#view?.draw();
  }

  /** @param {Partial<Filter>} patch */
  look(patch) {
    this.filter = { ...this.filter, ...patch };
    this.draw();
  }

  /** @param {Order} order */
  sort(order) {
    this.order = order;
    keepPref("order", order);
    this.draw();
  }

  /** @param {number} id */
  choose(id) {
    this.current = id;
    this.#view?.choose(id);
  }

  /** The row in hand opens, another one is taken in hand. @param {number} id */
  pick = (id) => {
    if (id === this.current) this.open(id);
    else this.choose(id);
  };

  /** @param {number} by */
  move(by) {
    const place = this.listed.findIndex(({ id }) => id === this.current);
    const next = this.listed[Math.min(Math.max(place + by, 0), this.listed.length - 1)];
    if (next) this.choose(next.id);
  }

  /** Show a question on the stage. @param {number} id */
  open = async (id) => {
    this.current = id;
    const project = this.project();
    if (project && (await this.#messages.recall(workOf(project, id)))) {
      this.show(false);
      requestAnimationFrame(() => this.#refs.stage.focus({ preventScroll: true })); // it is visible by then
    } else await this.load(true);
  };

  /** Open the question before or after the one that is open. @param {Way} way */
  async turn(way) {
    if (!this.data) await this.load(true);
    const { work } = this.#state.get();
    const next = work && this.#neighbour(idOf(work), way, false);
    if (next) await this.open(next.id);
  }

  /**
   * In the order of the list, which may be out of sight, and not drawn.
   * @param {number} id
   * @param {Way} way
   * @param {boolean} onlyOpen
   */
  #neighbour(id, way, onlyOpen) {
    return neighbour(listed(this.rows, this.filter, this.order), id, way, onlyOpen);
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.#state.set({ screen: isShown ? "queue" : "stage" });
  }

  /**
   * What went well; null where it did not, of which the visitor is told.
   * @template {object} Reply
   * @param {Reply | ErrorReply} told
   * @returns {Reply | null}
   */
  checked(told) {
    if (!("error" in told) || told.error === undefined) return /** @type {Reply} */ (told);
    this.#notify(String(told.error));
    return null;
  }

  /**
   * What everything that changes the queue carries.
   * @template {object} Data
   * @param {Data} data
   */
  signed(data) {
    return this.#messages.signed({ project: this.project() ?? "", ...data });
  }

  /**
   * Decide about a question; null where it cannot be.
   * @param {Decision} kind
   * @param {number} id
   * @param {number | null} seen the revision that the decision is about
   */
  async decide(kind, id, seen) {
    const told = this.checked(await this.#scope.server.act(this.signed({ do: kind, question: id, seen })));
    if (!told) return null;
    this.#decisions += 1;
    const { status } = told;
    const isOver = status !== "accepted" && status !== "absent";
    const change = (/** @type {QueueRow} */ row) =>
      row.id === id ? { ...row, status, seen: told.seen, isDisputed: row.isDisputed && !isOver } : row;
    if (this.data) this.data.rows = this.#all.map(change);
    this.draw();
    this.#refreshed = this.load(true);
    return status;
  }

  /**
   * Decide about the row in hand; where it leaves the list by that, the next one stands in its place already.
   * @param {Decision} kind
   * @param {QueueRow} row
   */
  async decideHere(kind, row) {
    const isDone = await this.decide(kind, row.id, row.seen);
    if (isDone && kind !== "reopen" && this.current === row.id) this.move(1);
  }

  /** Decide about the question that is open, and open the next that waits. @param {Decision} kind */
  async decideAndNext(kind) {
    const { work, seen, busy } = this.#state.get();
    if (!work) return;
    if (busy === "think") {
      this.#notify("The policy is still thinking: wait for its answer, or stop it.", "info");
      return;
    }
    const status = await this.decide(kind, idOf(work), seen);
    if (!status) {
      await this.#messages.recall(work);
      return;
    }
    const said = status === "absent" ? "Accepted: the target is absent." : "Accepted.";
    this.#notify(status === "rejected" ? "Rejected." : said, "info");
    await this.#refreshed; // others may have decided meanwhile
    const next = this.#neighbour(idOf(work), 1, true);
    if (next) await this.open(next.id);
    else {
      this.#notify("That was the last one: nothing is left to review.", "info");
      this.show(true);
    }
  }

  /**
   * Agree or disagree with accepted labels; only the server knows what it comes to.
   * @param {"agree" | "disagree"} kind
   * @param {number} id
   */
  async judge(kind, id) {
    const told = this.checked(await this.#scope.server.act(this.signed({ do: kind, question: id })));
    if (!told) return false;
    this.#decisions += 1;
    await this.load(true);
    return true;
  }

  /**
   * Do something with rows that changes the list; null where it cannot be.
   * @template {RowAction} Act
   * @param {Act} action
   * @returns {Promise<RowReply<Act> | null>}
   */
  async act(action) {
    const { act } = this.#scope.server;
    const told = this.checked(await /** @type {any} */ (act)(this.signed(action)));
    this.#decisions += 1;
    await this.load(true);
    return told;
  }

  /**
   * Give a question to somebody; whatever it says by now.
   * @param {number} question
   * @param {string} name
   * @param {boolean} isSecond
   */
  async assign(question, name, isSecond) {
    const sent = this.signed({ do: /** @type {const} */ ("assign"), question, name, isSecond, seen: null });
    const isDone = this.checked(await this.#scope.server.act(sent)) !== null;
    if (isDone) await this.load(true);
    return isDone;
  }

  /** Start pre-labelling, or stop it. */
  async togglePrelabel() {
    const wanted = this.prelabel?.running ? "pause" : "prelabel";
    const told = this.checked(await this.#scope.server.act(this.signed({ do: wanted })));
    if (!told) return;
    this.prelabel = told.prelabel;
    this.#view?.drawPrelabel();
  }

  /** @param {number} video */
  thumb(video) {
    return this.#scope.server.thumb(this.signed({ video }));
  }

  /** The link says what is shown, so that a refresh brings it back. @param {State} now */
  #turnTo({ screen, work }) {
    const { queue, rows } = this.#refs;
    const isQueue = screen === "queue";
    const project = this.project();
    queue.hidden = !isQueue;
    const link = new URL(window.location.href);
    if (isQueue && project) {
      link.searchParams.set("queue", project);
      link.searchParams.delete("work");
      link.searchParams.delete("frame");
    } else if (!isQueue) {
      link.searchParams.delete("queue");
      if (work) link.searchParams.set("work", work);
    }
    window.history.replaceState(null, "", link);
    if (!isQueue) return;
    this.current = (work && idOf(work)) || this.current;
    this.load(true).then(() => {
      if (this.current !== null) this.choose(this.current);
      rows.focus({ preventScroll: true });
    });
  }
}
