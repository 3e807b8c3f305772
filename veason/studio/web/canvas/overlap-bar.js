// @ts-check
// Where masks overlap on the frame that is shown: a bar at the stage's foot to say whose the pixels are.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Overlap } from "../edits/overlap.js" */

import { button, node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";

const MOST = 3;

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Overlap} overlap
 * @param {(now: State) => number[]} overlapping
 */
export function makeOverlapBar(refs, state, overlap, overlapping) {
  let shown = "";

  /** @param {State} now */
  function draw(now) {
    const others = now.playing || now.tool || !now.eye ? [] : overlapping(now).slice(0, MOST);
    const wanted = JSON.stringify([now.selected, others.map((object) => [object, nameOf(now, object)])]);
    refs.overlapBar.hidden = !others.length;
    if (wanted === shown) return;
    shown = wanted;
    refs.overlapBar.replaceChildren(
      ...others.map((object) => {
        const name = nameOf(now, object);
        const give = button({ onclick: () => overlap.give(object) }, `give it to ${name}`);
        const take = button({ onclick: () => overlap.take(object) }, `take it from ${name}`);
        return node("span", {}, `overlaps ${name}: `, give, take);
      }),
    );
  }
  state.on(
    ["pictureFrame", "selected", "maskCount", "hidden", "solo", "marks", "names", "playing", "tool", "eye"],
    draw,
  );
}
