// @ts-check
// What shows the segmenter an object: boxes, clicks and painted masks, whatever button, key or drag makes them.

/** @import { BoxPart } from "../contract.js" */
/** @import { Notify, Point, Store, Xyxy } from "../core/types.js" */
/** @import { Changes } from "./change.js" */

import { middleBox, nudged } from "../canvas/boxes.js";
import { FINE_ZOOM } from "../canvas/view.js";
import { drawnHere, nameOf, pendingAfter } from "../core/objects.js";

const AT_ONCE = 0;
const AFTER_PAINTING = 900;
const SURE = 10;

/** Milliseconds after which masks follow what keys did: after the last of them. */
export const AFTER_KEYS = 300;

const PAINTED = "This frame is painted: go on with brush or eraser, or delete the painting first (Del).";
const NOTHING_HERE = "Select an object with a box, clicks or a painting on this frame first, then delete them.";

/** @param {number[]} objects @param {number} object */
const withObject = (objects, object) => [...new Set([...objects, object])].sort((a, b) => a - b);

export class Prompts {
  #state;
  #changes;
  #notify;
  #refuses;
  /** @type {BoxPart | null} */
  #copied = null;

  /**
   * @param {Store} state
   * @param {Changes} changes
   * @param {Notify} notify
   * @param {(objectId: number) => boolean} refuses
   */
  constructor(state, changes, notify, refuses) {
    this.#state = state;
    this.#changes = changes;
    this.#notify = notify;
    this.#refuses = refuses;
  }

  /** What is out of date by a prompt, before the server says so. @param {number} objectId @param {number} frame */
  #pending(objectId, frame) {
    return pendingAfter(this.#state.get(), objectId, frame, this.#state.clip().frames);
  }

  #newest() {
    return Math.max(0, ...this.#state.get().objects) + 1;
  }

  /**
   * Draw or move a box; 0 is an object that has none here: the one in hand where it is free, else a new one.
   * @param {number} objectId
   * @param {Xyxy} xyxy
   * @param {number} wait
   */
  putBox = (objectId, xyxy, wait = AT_ONCE) => {
    const now = this.#state.get();
    const { frame, boxes, objects, selected, drawing, locked } = now;
    const here = drawnHere(now);
    const isFree = selected !== null && !drawing && !locked.includes(selected) && !here.box && !here.isPainted;
    const target = objectId || (isFree ? selected : 0);
    const shown = { object: target || this.#newest(), frame, xyxy };
    const others = boxes.filter((box) => box.object !== shown.object || box.frame !== frame);
    this.#state.set({
      boxes: [...others, shown],
      pending: this.#pending(shown.object, frame),
      objects: withObject(objects, shown.object),
      selected: shown.object,
      drawing: false,
    });
    this.#changes.change({ edit: "box", object: target, frame, xyxy }, wait);
  };

  /**
   * Click on the object in hand, or beside it; on a new one where none is in hand.
   * @param {Point} xy
   * @param {boolean} positive
   */
  putClick = (xy, positive) => {
    const now = this.#state.get();
    const { frame, selected, drawing, clicks, objects } = now;
    const target = drawing || selected === null ? 0 : selected;
    if (!target && !positive) return; // there is nothing yet that it could be beside of
    if (this.#refuses(target)) return;
    if (!drawing && drawnHere(now).isPainted) {
      this.#notify(PAINTED, "info");
      return;
    }
    const shown = { object: target || this.#newest(), frame, xy, positive };
    this.#state.set({
      clicks: [...clicks, shown],
      pending: this.#pending(shown.object, frame),
      objects: withObject(objects, shown.object),
      selected: shown.object,
      drawing: false,
    });
    this.#changes.change({ edit: "click", object: target, frame, xy, positive }, AT_ONCE);
  };

  /**
   * A mask as it was painted: it is on the page at once, and the server keeps it as it is.
   * @param {number} objectId 0 is a new object
   * @param {number} frame
   * @param {string} counts
   */
  putMask = (objectId, frame, counts) => {
    const { masks, maskCount, paintings, boxes, clicks, objects } = this.#state.get();
    const object = objectId || this.#newest();
    masks.set(frame, new Map(masks.get(frame)).set(object, [counts, SURE]));
    const isOther = (/** @type {{ object: number, frame: number }} */ one) =>
      one.object !== object || one.frame !== frame;
    this.#state.set({
      maskCount: maskCount + 1,
      pending: this.#pending(object, frame),
      paintings: [...paintings.filter(([one, at]) => one !== object || at !== frame), [object, frame]],
      boxes: boxes.filter(isOther),
      clicks: clicks.filter(isOther),
      objects: withObject(objects, object),
      selected: object,
      drawing: false,
    });
    this.#changes.change({ edit: "mask", object: objectId, frame, counts }, AFTER_PAINTING);
  };

  /** Delete what was drawn of the object in hand on this frame. */
  drop = () => {
    const now = this.#state.get();
    const { selected, frame } = now;
    if (selected !== null && this.#refuses(selected)) return;
    const isDrawn = selected !== null && drawnHere(now).isPrompted;
    if (isDrawn) this.#changes.change({ edit: "drop", object: selected, frame }, AFTER_KEYS);
    else this.#notify(NOTHING_HERE, "info");
  };

  /**
   * Move the box, or the corner in hand, by whole pixels; by tenths where the picture is large enough to see them.
   * Tells whether there is a box to move.
   * @param {number} dx
   * @param {number} dy
   */
  nudge(dx, dy) {
    const now = this.#state.get();
    const { box } = drawnHere(now);
    if (!box) return false;
    if (this.#refuses(box.object)) return true;
    const by = now.view.zoom >= FINE_ZOOM ? 0.1 : 1;
    const xyxy = nudged(box.xyxy, now.corner, [dx * by, dy * by], this.#state.clip());
    if (xyxy.some((side, number) => side !== box.xyxy[number])) this.putBox(box.object, xyxy, AFTER_KEYS);
    return true;
  }

  /** Take the box in hand along for another frame. */
  copy = () => {
    const { box } = drawnHere(this.#state.get());
    if (!box || String(window.getSelection())) return false; // marked text is the browser's to copy
    this.#copied = box;
    const name = nameOf(this.#state.get(), box.object);
    this.#notify(`The box of ${name} is copied: paste it on another frame.`, "info");
    return true;
  };

  /** The copied box on this frame: of the same object, of a new one where that is gone. */
  paste = () => {
    if (!this.#copied) return false;
    const object = this.#state.get().objects.includes(this.#copied.object) ? this.#copied.object : 0;
    if (object && this.#refuses(object)) return true;
    this.#state.set({ drawing: object === 0 });
    this.putBox(object, this.#copied.xyxy);
    return true;
  };

  /** A box for a new object without a pointer: in the middle of what is to be seen. */
  place() {
    const { drawing, view } = this.#state.get();
    if (!drawing) return false;
    this.putBox(0, middleBox(view, this.#state.clip()));
    return true;
  }
}
