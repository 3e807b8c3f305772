// @ts-check
// Masks of two objects that share pixels: which do, and who is to have them.

/** @import { Notify, State, Store } from "../core/types.js" */
/** @import { Prompts } from "./prompts.js" */

import { overlapArea, without } from "../canvas/spans.js";
import { isAbsent, isVisible } from "../core/objects.js";

/**
 * The visible objects whose masks share pixels with that of the object in hand, on the frame that is shown.
 * @param {State} now
 */
export function overlapping(now) {
  const { selected, masks, pictureFrame, marks } = now;
  const here = masks.get(pictureFrame);
  const own = selected === null ? undefined : here?.get(selected);
  if (!own || !here || selected === null || isAbsent(marks, selected, pictureFrame)) return [];
  return [...here]
    .filter(([object]) => object !== selected && isVisible(now, object) && !isAbsent(marks, object, pictureFrame))
    .filter(([, [counts]]) => overlapArea(own[0], counts) > 0)
    .map(([object]) => object);
}

export class Overlap {
  #state;
  #prompts;
  #notify;
  #refuses;

  /**
   * @param {Store} state
   * @param {Prompts} prompts
   * @param {Notify} notify
   * @param {(objectId: number) => boolean} refuses
   */
  constructor(state, prompts, notify, refuses) {
    this.#state = state;
    this.#prompts = prompts;
    this.#notify = notify;
    this.#refuses = refuses;
  }

  /** What the object in hand shares with another one is the other's alone, on this frame. @param {number} objectId */
  give = (objectId) => this.#cut(this.#state.get().selected, objectId);

  /** It is the alone of the object in hand. @param {number} objectId */
  take = (objectId) => this.#cut(objectId, this.#state.get().selected);

  /** @param {number | null} loser @param {number | null} winner */
  #cut(loser, winner) {
    const { frame, pictureFrame, masks, selected } = this.#state.get();
    if (loser === null || winner === null || frame !== pictureFrame || this.#refuses(loser)) return;
    const here = masks.get(frame);
    const [lost, won] = [here?.get(loser)?.[0], here?.get(winner)?.[0]];
    if (!lost || !won) return;
    const counts = without(lost, won);
    if (counts) this.#prompts.putMask(loser, frame, counts);
    else this.#notify("Nothing would be left of the mask: mark the object absent here, or merge the two.", "info");
    this.#state.set({ selected });
  }
}
