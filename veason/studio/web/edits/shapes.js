// @ts-check
// Tools on the mask of the object in hand: clean it, combine it, take it to other frames.

/** @import { ToolEdit } from "../contract.js" */
/** @import { Notify, Store } from "../core/types.js" */
/** @import { Changes } from "./change.js" */

import { clamp } from "../core/clamp.js";
import { nameOf, unmasked } from "../core/objects.js";
import { keepPref } from "../core/prefs.js";
import { overlapping } from "./overlap.js";

const AFTER_A_TOOL = 900;

/** @typedef {ToolEdit["edit"]} Tool */

/** Tools that take another object. @type {Tool[]} */
const TOGETHER = ["subtract", "intersect"];

export class Shapes {
  #state;
  #changes;
  #notify;
  #refuses;

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

  /** Use a tool on the mask that is shown. @param {Tool} tool */
  use(tool) {
    const now = this.#state.get();
    const object = this.#inHand();
    if (object === null) return;
    const other = TOGETHER.includes(tool) ? this.#other(object) : null;
    if (TOGETHER.includes(tool) && other === null) {
      this.#notify("There is no other mask on this frame to take.", "info");
      return;
    }
    const pixels = tool === "despeck" ? now.measure * now.measure : now.measure; // a speck is a square of that side
    this.#changes.change({ edit: tool, object, frame: now.frame, pixels, other }, AFTER_A_TOOL);
  }

  /** Copy the mask to the chosen frames. */
  copy = () => {
    const { frame, range, info, home } = this.#state.get();
    const object = this.#inHand();
    if (object === null) return;
    const [start, stop] = range;
    if (stop - start === info?.frames || String(range) === String(home)) {
      this.#notify("Drag over the lane to choose the frames that get the mask.", "info");
      return;
    }
    this.#changes.change({ edit: "copy", object, frame, start, stop }, AFTER_A_TOOL);
    this.#state.set({ range: home });
  };

  /** Draw the object between the two nearest frames on which it was drawn. */
  interpolate = () => {
    const { selected, frame } = this.#state.get();
    if (selected === null || this.#refuses(selected)) return;
    this.#changes.change({ edit: "interpolate", object: selected, frame }, AFTER_A_TOOL);
  };

  /** By how many pixels masks grow, shrink and are smoothed. @param {number} measure */
  resize(measure) {
    const chosen = clamp(Math.round(measure) || 1, 1, 99);
    this.#state.set({ measure: chosen });
    keepPref("measure", chosen);
  }

  /** Corrections wait, or their masks follow at once again. */
  hold = () => {
    const holding = !this.#state.get().holding;
    this.#state.set({ holding });
    const told = holding
      ? "Corrections wait: draw on as many frames as you like, then Propagate follows all of them."
      : "Masks follow each correction again.";
    this.#notify(told, "info");
  };

  /** The object in hand, if there is a mask of it on the frame that is shown; else the visitor is told. */
  #inHand() {
    const now = this.#state.get();
    const { selected, frame, masks } = now;
    if (selected === null) this.#notify("Select an object first: its mask is what the tool changes.", "info");
    if (selected === null || this.#refuses(selected)) return null;
    if (unmasked(masks, selected, frame, frame + 1) === null) return selected;
    this.#notify(`There is no mask of ${nameOf(now, selected)} on frame ${frame} yet.`, "info");
    return null;
  }

  /** The object that is taken away or met with: one that overlaps, else the next. @param {number} object */
  #other(object) {
    const now = this.#state.get();
    const here = now.masks.get(now.frame);
    const [overlapped] = now.frame === now.pictureFrame ? overlapping(now) : [];
    return overlapped ?? now.objects.find((one) => one !== object && here?.has(one)) ?? null;
  }
}
