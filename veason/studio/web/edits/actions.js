// @ts-check
// What a visitor can do, whatever button, key or drag asks for it.

/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Corner, Notify, Store, Tool } from "../core/types.js" */
/** @import { Player } from "../timeline/player.js" */

import { centre, zoomed } from "../canvas/view.js";
import { clamp } from "../core/clamp.js";
import { nameOf } from "../core/objects.js";
import { keepPref } from "../core/prefs.js";
import { Changes } from "./change.js";
import { Marks } from "./marks.js";
import { Overlap } from "./overlap.js";
import { AFTER_KEYS, Prompts } from "./prompts.js";
import { Shapes } from "./shapes.js";

/** @type {(Corner | null)[]} */
const CORNERS = [null, "nw", "se"];

/**
 * What is made after the actions, and asked by them.
 * @typedef {object} Parts
 * @property {() => boolean} closePolygon
 * @property {() => boolean} cancelDrag
 * @property {() => void} thinkAgain
 * @property {(edit: number) => void} follow
 */

export class Actions {
  #refs;
  #state;
  #messages;
  #player;
  #changes;
  /** @type {Parts | null} */
  #parts = null;

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {Messages} messages
   * @param {Player} player
   * @param {Notify} notify
   */
  constructor(refs, state, messages, player, notify) {
    this.#refs = refs;
    this.#state = state;
    this.#messages = messages;
    this.#player = player;
    this.notify = notify;
    this.#changes = new Changes(messages);
    this.prompts = new Prompts(state, this.#changes, notify, this.refuses);
    this.overlap = new Overlap(state, this.prompts, notify, this.refuses);
    this.shapes = new Shapes(state, this.#changes, notify, this.refuses);
    this.marks = new Marks(state, this.#changes, notify, this.refuses);
  }

  /** @param {Parts} parts */
  connect(parts) {
    this.#parts = parts;
    this.#changes.onFollow(parts.follow);
  }

  /** Whether an object is locked; then the visitor is told. @param {number} objectId */
  refuses = (objectId) => {
    if (!this.#state.get().locked.includes(objectId)) return false;
    this.notify(`${nameOf(this.#state.get(), objectId)} is locked. Unlock it to change it.`, "info");
    return true;
  };

  thinkAgain = () => this.#parts?.thinkAgain();

  /** Take an object in hand; the frame stays, or the next click would land on another one. @param {number} objectId */
  select = (objectId) => this.#state.set({ selected: objectId });

  /** Fill the polygon, or put the box that is to be drawn. */
  finish = () => this.#parts?.closePolygon() || this.prompts.place();

  /** A new object with the same prompts and masks; the page selects what is new. @param {number} objectId */
  duplicate = (objectId) => this.#changes.note({ edit: "duplicate", object: objectId });

  /** M and then a number: which object goes into which other one. @param {number} objectId */
  beginMerge = (objectId) => {
    if (this.refuses(objectId)) return;
    if (this.#state.get().objects.length > 1) this.#state.set({ merging: objectId });
    else this.notify("There is no other object to merge it into.", "info");
  };

  /** The menu of an object was closed: nothing is to be chosen any more. @param {number} objectId */
  endChoice(objectId) {
    const { merging, classing } = this.#state.get();
    if (merging === objectId) this.#state.set({ merging: null });
    if (classing === objectId) this.#state.set({ classing: null });
  }

  /** Then the key of a class. @param {number} objectId */
  beginClass = (objectId) => {
    if (this.#state.get().classList.length) this.#state.set({ classing: objectId });
    else this.notify("This project has no classes yet: the queue has a list of them, under Classes.", "info");
  };

  /**
   * Say of which class an object is; with the attributes that it has, where they are not given.
   * @param {number} objectId
   * @param {string} name "" is of none
   * @param {Record<string, string>} attributes
   */
  classify(objectId, name, attributes = this.#state.get().attributes.get(objectId) ?? {}) {
    this.#state.set({ classing: null });
    const given = Object.entries(attributes).map(([one, value]) => ({ name: one, value }));
    this.#changes.note({ edit: "class", object: objectId, name, attributes: name ? given : [] });
    this.#refs.stage.focus({ preventScroll: true });
  }

  /** The class of a key, where one is to be chosen; tell whether the key was one. @param {string} key */
  classByKey(key) {
    const { classing, classList } = this.#state.get();
    const chosen = classing === null ? undefined : classList.find((one) => one.key === key);
    if (classing === null || !chosen) return false;
    this.classify(classing, chosen.name);
    return true;
  }

  /** @param {number} objectId @param {number} into */
  merge(objectId, into) {
    if (objectId === into || this.refuses(objectId) || this.refuses(into)) return;
    this.#state.set({ selected: into, merging: null });
    this.#changes.change({ edit: "merge", object: objectId, into });
    this.#refs.stage.focus({ preventScroll: true });
  }

  /** @param {number} objectId @param {string} name "" takes it away */
  rename(objectId, name) {
    this.#state.set({ renaming: null });
    this.#refs.stage.focus({ preventScroll: true });
    const before = this.#state.get().names.get(objectId) ?? "";
    if (name.trim() !== before) this.#changes.note({ edit: "name", object: objectId, name });
  }

  /** @param {number} objectId */
  lock = (objectId) =>
    this.#changes.note({ edit: "lock", object: objectId, on: !this.#state.get().locked.includes(objectId) });

  /** @param {number} objectId */
  hide = (objectId) => {
    const hidden = new Set(this.#state.get().hidden);
    if (!hidden.delete(objectId)) hidden.add(objectId);
    this.#state.set({ hidden });
  };

  /** @param {number} objectId */
  solo = (objectId) => this.#state.set({ solo: this.#state.get().solo === objectId ? null : objectId });

  /** Which corner keys move: none, the first, the last. */
  nextCorner = () => {
    const next = (CORNERS.indexOf(this.#state.get().corner) + 1) % CORNERS.length;
    this.#state.set({ corner: CORNERS[next] });
  };

  /** Take another one of several answers. @param {number} answer */
  take = (answer) => this.#changes.change({ edit: "take", answer });

  makeKeyframe = () => this.#changes.change({ edit: "keyframe", frame: this.#state.get().frame }, AFTER_KEYS);

  /** Rewrite the reasoning; null confirms it as it is. @param {string | null} text */
  reason(text) {
    this.#state.set({ rewriting: false });
    this.#changes.note({ edit: "reason", text });
  }

  /** @param {"undo" | "redo"} way */
  step = (way, count = 1) => this.#changes.change({ edit: way, count });

  save = () => {
    const { saved, typed } = this.#state.get();
    if (typed === "unasked") {
      this.notify("The labels are saved. The words in the field were not asked: Think asks them.", "info");
      return;
    }
    const isKept = saved === "saved" || saved === "saving";
    const told =
      saved === "saved"
        ? "Everything is saved: every change is on the disk."
        : "The last change is on its way to the disk.";
    this.notify(isKept ? told : "The last change could not be kept: see the message.", "info");
  };

  /** Take a tool in hand, or put it down. @param {Tool | null} tool */
  hold = (tool) => {
    const now = this.#state.get();
    this.#state.set({ tool: now.tool === tool ? null : tool, drawing: tool ? now.drawing : false });
  };

  /** @param {number} factor */
  resizeBrush(factor) {
    const { width, height } = this.#state.clip();
    const wanted = Math.round(this.#state.get().brush * factor + Math.sign(factor - 1) * 0.5);
    const brush = clamp(wanted, 1, Math.max(width, height) / 2);
    this.#state.set({ brush });
    keepPref("brush", brush);
  }

  /** How masks look. @param {{ opacity?: number, outline?: boolean, onion?: boolean }} patch */
  look(patch) {
    this.#state.set(patch);
    const { opacity, outline, onion } = this.#state.get();
    keepPref("look", { opacity, outline, onion });
  }

  /** @param {number} factor */
  zoom = (factor) => {
    const { view } = this.#state.get();
    const info = this.#state.clip();
    this.#state.set({ view: zoomed(view, factor, centre(view, info), info) });
  };

  /** Esc: what is half drawn or dragged, then the tool in hand, then what runs. */
  cancel = async () => {
    this.#player.pause();
    if (this.#parts?.cancelDrag()) return;
    const { tool, drawing, corner, busy } = this.#state.get();
    if (tool || drawing || corner) this.#state.set({ tool: null, drawing: false, corner: null });
    else if (busy) await this.stop();
    else this.#state.set({ solo: null });
  };

  /** Stop what runs; a question tells itself what became of it. */
  stop = async () => {
    const { busy } = this.#state.get();
    if (!busy) return;
    this.#state.set({ status: "stopping …" });
    if ((await this.#messages.stop()) && busy !== "think") this.notify("Stopped. What was done is kept.", "info");
  };
}
