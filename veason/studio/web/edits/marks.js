// @ts-check
// What a person says of masks: they are right on these frames, or the object is hidden or not there.

/** @import { Notify, Span, Store } from "../core/types.js" */
/** @import { Changes } from "./change.js" */

import {
  drawnHere,
  isAbsent,
  isOccluded,
  isVerified,
  nameOf,
  nextPrompt,
  prompted,
  unmasked,
} from "../core/objects.js";

const DRAWN_HERE =
  "There is a box, click or painting of this object here: delete it first, or begin on a frame without one.";

export class Marks {
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

  /** Absent from here on up to its next prompt, or there again. */
  absent = () => {
    const info = this.#state.clip();
    const now = this.#state.get();
    const { selected, frame } = now;
    if (selected === null || this.#refuses(selected)) return;
    const on = !isAbsent(now.marks, selected, frame);
    if (on && drawnHere(now).isPrompted) {
      this.#notify(DRAWN_HERE, "info");
      return;
    }
    const stop = nextPrompt(now, info, selected, frame);
    this.#changes.change({ edit: "absent", object: selected, start: frame, stop, on }, on ? null : 0);
    this.#told(selected, on ? "absent" : "no longer marked absent", [frame, stop]);
  };

  /** Absent on the chosen frames. */
  absentRange = () => {
    const now = this.#state.get();
    const { selected, range } = now;
    const [start, stop] = range;
    if (selected === null || this.#refuses(selected)) return;
    const inside = prompted(now).find(([object, at]) => object === selected && at >= start && at < stop);
    if (inside) {
      const text = `There is a box, click or painting of this object on frame ${inside[1]}: delete it first.`;
      this.#notify(text, "info");
      return;
    }
    this.#changes.change({ edit: "absent", object: selected, start, stop, on: true });
    this.#told(selected, "absent", range);
    this.#giveUpRange();
  };

  /** Every empty frame of every object absent, in one step. */
  emptyAbsent = () => {
    this.#changes.change({ edit: "empty" });
  };

  /** Right here, or not said any more. */
  verify = () => {
    const { frame } = this.#state.get();
    this.#verify([frame, frame + 1]);
  };

  /** Right on the chosen frames. */
  verifyRange = () => {
    if (this.#verify(this.#state.get().range)) this.#giveUpRange();
  };

  /** Occluded here, or seen whole. */
  occluded = () => {
    const now = this.#state.get();
    const { selected, frame } = now;
    if (selected !== null) this.#occlude([frame, frame + 1], !isOccluded(now, selected, frame));
  };

  /** Occluded on the chosen frames; off where all of them are already. */
  occludedRange = () => {
    const now = this.#state.get();
    const { selected, range } = now;
    if (selected === null) return;
    const frames = Array.from({ length: range[1] - range[0] }, (_, number) => range[0] + number);
    const isAll = frames.every((frame) => isOccluded(now, selected, frame));
    if (this.#occlude(range, !isAll)) this.#giveUpRange();
  };

  /** @param {Span} range */
  #verify([start, stop]) {
    const now = this.#state.get();
    const { selected, frame, marks, masks } = now;
    if (selected === null || this.#refuses(selected)) return false;
    const isRange = stop - start > 1;
    const on = isRange || !isVerified(marks, selected, frame);
    const missing = unmasked(masks, selected, start, stop);
    if (on && missing !== null) {
      this.#notify(`There is no mask of ${nameOf(now, selected)} on frame ${missing} yet: propagate first.`, "info");
      return false;
    }
    this.#changes.note({ edit: "verified", object: selected, start, stop, on });
    if (isRange) this.#told(selected, "verified", [start, stop]); // of one frame its lane and the button tell
    return true;
  }

  /** @param {Span} range @param {boolean} on */
  #occlude([start, stop], on) {
    const now = this.#state.get();
    const { selected, marks, masks } = now;
    if (selected === null || this.#refuses(selected)) return false;
    const missing = unmasked(masks, selected, start, stop);
    const isAway = stop - start === 1 && isAbsent(marks, selected, start);
    if (on && (missing !== null || isAway)) {
      const why = isAway
        ? `is marked absent on frame ${start}: take that mark away first`
        : `has no mask on frame ${missing} yet: propagate first`;
      this.#notify(`${nameOf(now, selected)} ${why}.`, "info");
      return false;
    }
    this.#changes.note({ edit: "occluded", object: selected, start, stop, on });
    this.#told(selected, on ? "occluded" : "no longer occluded", [start, stop]);
    return true;
  }

  /** @param {number} objectId @param {string} said @param {Span} range */
  #told(objectId, said, [start, stop]) {
    const end = stop === this.#state.clip().frames ? "the end" : stop - 1;
    const where = stop - start === 1 ? `on frame ${start}` : `from frame ${start} to ${end}`;
    this.#notify(`${nameOf(this.#state.get(), objectId)} is ${said} ${where}.`, "info");
  }

  /** A range that was marked has served: kept, it would narrow the corrections that come later. */
  #giveUpRange() {
    this.#state.set({ range: this.#state.get().home });
  }
}
