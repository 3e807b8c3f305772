// @ts-check
// Messages from the server, in order. Two that changed places wait for each other; a gap that stays (the browser
// dropped an update, or the server was started anew) is healed by a snapshot. Everything sent names this tab, the
// person and what the tab has seen, so that nobody overwrites unseen work. While the server is away edits wait here.

/** @import { Events, Item, Message } from "../contract.js" */
/** @import { Edit, Scope, Sent, Store } from "./types.js" */

import { recallPref } from "./prefs.js";

const PATIENCE_MS = 500;
/** Events that a job answers. @type {Set<keyof Events>} */
const ASKING = new Set(["think", "propagate"]);
const tab = Math.random().toString(36).slice(2, 12);

export class Messages {
  #scope;
  #state;
  #receive;
  #revision = 0;
  /** @type {string | null} */
  #epoch = null;
  #edits = 0;
  #isHealing = false;
  #isAway = false;
  #asked = 0;
  /** Edits that were sent and not answered yet. @type {{ number: number, work: string | null, stamp?: number }[]} */
  #unanswered = [];
  /**
   * Edits that were made while the server was away.
   * @type {{ work: string | null, edit: Edit & { stamp?: number } }[]}
   */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | null} */
  #losing = null;
  /** @type {Map<number, Message>} */
  #early = new Map();

  /**
   * @param {Scope} scope
   * @param {Store} state
   * @param {(item: Item) => void} receive
   */
  constructor(scope, state, receive) {
    this.#scope = scope;
    this.#state = state;
    this.#receive = receive;
    scope.watch("value", () => {
      if (scope.props.value) this.take(scope.props.value);
    });
  }

  /**
   * What everything sent carries, and `data`.
   * @template {object} Data
   * @param {Data} data
   */
  signed(data) {
    return { tab, by: recallPref("annotator", ""), seen: this.#state.get().seen, ...data };
  }

  /**
   * Send one of the page's events.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Sent<Name>} data
   */
  send(name, data) {
    if (this.#isAway) {
      this.#state.set({ busy: null, opening: null, status: "" }); // the banner says why
      return;
    }
    if (ASKING.has(name) && !("follows" in data && data.follows)) this.#asked += 1;
    this.#scope.trigger(name, this.signed({ work: this.#state.get().work, ...data }));
  }

  /**
   * Send an edit, numbered: the answer names the last one that it has taken.
   * @param {Edit & { stamp?: number }} edit
   */
  sendEdit(edit) {
    this.#state.set({ saved: "saving" });
    const { work } = this.#state.get();
    if (this.#isAway) {
      this.#waiting.push({ work, edit });
      return;
    }
    this.#edits += 1;
    this.#unanswered.push({ number: this.#edits, work, stamp: edit.stamp });
    this.#scope.trigger("edit", this.signed({ work, number: this.#edits, ...edit }));
  }

  /** How often a person has asked for an answer or for masks. */
  get asked() {
    return this.#asked;
  }

  /** The stamp of the question's last edit on its way, which may arrive after what is sent now; null where none is. */
  get awaited() {
    const { work } = this.#state.get();
    return this.#unanswered.findLast((one) => one.work === work && one.stamp !== undefined)?.stamp ?? null;
  }

  /** Whether the server cannot be reached. */
  get isAway() {
    return this.#isAway;
  }

  /** The server cannot be reached: what runs is over for this page, and edits wait until it is back. */
  leave() {
    this.#isAway = true;
    this.#state.set({ busy: null, status: "" });
  }

  /**
   * The server can be reached again: show what it has, then send the edits that waited. Tells how many were sent, how
   * many were on their way when it went (whoever made them has to look), and how many cannot be sent any more; null
   * where it does not answer after all, and edits wait on.
   */
  async comeBack() {
    const { work } = this.#state.get();
    const unsure = this.#unanswered.length;
    const isThere = work === null || (await this.recall(work));
    if (isThere === null) return null;
    this.#isAway = false;
    this.#unanswered = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    const ours = isThere ? waiting.filter((one) => one.work === work) : [];
    for (const { edit } of ours) this.sendEdit(edit);
    return { sent: ours.length, unsure, lost: waiting.length - ours.length };
  }

  /** Whether labels were changed elsewhere. @param {string} work */
  pulse(work) {
    return this.#scope.server.pulse(this.signed({ work }));
  }

  /** Stop what runs, or the video that is being opened; tell whether anything did. */
  async stop() {
    const { work, opening } = this.#state.get();
    if ((!work && !opening) || this.#isAway) return false;
    const told = await this.#scope.server.stop(this.signed({ work }));
    return told.error === undefined && told.wasRunning;
  }

  /**
   * Show a question as the server has it; tell whether it is there, null where the server does not answer.
   * @param {string} work
   */
  async recall(work) {
    const message = await this.#scope.server.snapshot(this.signed({ work }));
    if (!("items" in message)) return null;
    this.take(message);
    return message.work !== null;
  }

  /** @param {Message} message */
  take(message) {
    this.#answered(message.items);
    if (message.work === null) {
      message.items.forEach(this.#receive);
      return;
    }
    if (!this.#isNext(message)) return;
    this.#hand(message.items);
    const next = this.#early.get(this.#revision + 1);
    this.#early.delete(this.#revision + 1);
    if (next) this.take(next);
    else this.#settle();
  }

  /**
   * Whether it is this message's turn; one that came too early is kept, a gap that stays is healed.
   * @param {Message} message
   */
  #isNext(message) {
    if (message.items.some((item) => item.kind === "opened")) {
      this.#revision = message.revision;
      this.#epoch = message.epoch;
      this.#early.clear();
      return true;
    }
    if (message.work !== this.#state.get().work) return false;
    if (message.epoch !== this.#epoch) {
      this.#heal();
      return false;
    }
    if (message.revision <= this.#revision) return false;
    if (message.revision > this.#revision + 1) {
      this.#early.set(message.revision, message);
      this.#losing ??= setTimeout(() => this.#heal(), PATIENCE_MS);
      return false;
    }
    this.#revision = message.revision;
    return true;
  }

  /**
   * While a later edit is on its way the page shows what that will give: an older state would take it back.
   * @param {Item[]} items
   */
  #hand(items) {
    const isLate = items.some((item) => item.kind === "taken" && item.number < this.#edits);
    items.filter((item) => !(isLate && item.kind === "session")).forEach(this.#receive);
  }

  /** An edit that was taken answers those before it too, one that was refused only the first. @param {Item[]} items */
  #answered(items) {
    for (const item of items) {
      if (item.kind === "taken") this.#unanswered = this.#unanswered.filter(({ number }) => number > item.number);
      else if (item.kind === "refused") this.#unanswered.shift();
    }
  }

  #settle() {
    for (const one of this.#early.keys()) if (one <= this.#revision) this.#early.delete(one);
    if (this.#early.size || this.#losing === null) return;
    clearTimeout(this.#losing);
    this.#losing = null;
  }

  #heal() {
    this.#losing = null;
    const { work } = this.#state.get();
    if (!work) return;
    if (this.#isHealing) return;
    this.#isHealing = true;
    this.recall(work).finally(() => {
      this.#isHealing = false;
    });
  }
}
