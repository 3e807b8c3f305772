// @ts-check
// Masks of two objects that share pixels, and masks that are out of date.

/** @import { Mask, State } from "../../veason/studio/web/core/types.js" */
/** @import { Prompts } from "../../veason/studio/web/edits/prompts.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeMask, encodeMask, paintMask } from "../../veason/studio/web/canvas/rle.js";
import { overlapArea, without } from "../../veason/studio/web/canvas/spans.js";
import { isStale, pendingAfter, withSpan, withoutFrame } from "../../veason/studio/web/core/objects.js";
import { Overlap, overlapping } from "../../veason/studio/web/edits/overlap.js";
import { opened, stateWith } from "./page.js";

const { width, height } = opened();

/** A mask of the pixels for which it holds. @param {(x: number, y: number) => boolean} isIn */
function coded(isIn) {
  const pixels = Uint8Array.from({ length: width * height }, (_, at) =>
    Number(isIn(at % width, Math.floor(at / width))),
  );
  return encodeMask(pixels, width, height);
}

const LEFT = coded((x) => x < 5);
const RIGHT = coded((x) => x >= 3);
const LOW = coded((_x, y) => y >= 4);

/** @param {string} counts */
const pixelsOf = (counts) => decodeMask(counts, width, height);

/** @type {(object: number, counts: string) => [number, Mask]} */
const masked = (object, counts) => [object, [counts, 9]];

test("what two masks share is counted, and taken away from one of them", () => {
  for (const [a, b] of [
    [LEFT, RIGHT],
    [LEFT, LOW],
    [LOW, LEFT],
    [RIGHT, RIGHT],
  ]) {
    const [mine, theirs] = [pixelsOf(a), pixelsOf(b)];
    assert.equal(overlapArea(a, b), mine.filter((inside, at) => inside && theirs[at]).length);
    const rest = mine.map((inside, at) => Number(inside && !theirs[at]));
    const counts = without(a, b);
    if (rest.includes(1)) assert.deepEqual(pixelsOf(counts), rest);
    else assert.equal(counts, "");
  }
});

test("under the object in hand the other one stays to be seen, and a stale mask is stripes", () => {
  const pixels = new Uint32Array(64 * 64);
  const whole = encodeMask(new Uint8Array(64 * 64).fill(1), 64, 64);
  paintMask(whole, 64, 64, pixels, [255, 0, 0], 0.5);
  const below = pixels[20 * 64 + 20];
  paintMask(whole, 64, 64, pixels, [0, 0, 255], 0.5);
  const inner = pixels.filter((_, at) => at % 64 > 8 && at % 64 < 56 && at > 8 * 64 && at < 56 * 64);
  assert.equal(new Set(inner).size, 2);
  assert.ok(inner.includes(below));
  const stale = new Uint32Array(64 * 64);
  paintMask(whole, 64, 64, stale, [255, 0, 0], 0.5, true);
  assert.ok(stale.includes(0));
  assert.ok(Math.max(...stale.map((pixel) => pixel >>> 24)) < 255);
});

test("only visible objects that share pixels with the one in hand overlap it", () => {
  const masks = new Map([[0, new Map([masked(1, LEFT), masked(2, RIGHT), masked(3, LOW)])]]);
  const now = stateWith({ info: opened(), masks, pictureFrame: 0, selected: 1, hidden: new Set([3]) }).get();
  assert.deepEqual(overlapping(now), [2]);
  assert.deepEqual(overlapping({ ...now, selected: null }), []);
});

test("the overlap is given away or taken, on this frame, and the object in hand stays in hand", () => {
  const masks = new Map([[0, new Map([masked(1, LEFT), masked(2, RIGHT)])]]);
  const state = stateWith({ info: opened(), masks, pictureFrame: 0, selected: 1 });
  /** @type {[number, number, string][]} */
  const put = [];
  /** @type {string[]} */
  const told = [];
  const prompts = /** @type {Prompts} */ (
    /** @type {unknown} */ ({
      putMask(/** @type {number} */ object, /** @type {number} */ frame, /** @type {string} */ counts) {
        put.push([object, frame, counts]);
        state.set({ selected: object });
      },
    })
  );
  const overlap = new Overlap(
    state,
    prompts,
    (text) => told.push(text),
    () => false,
  );
  overlap.give(2);
  overlap.take(2);
  assert.deepEqual(put, [
    [1, 0, without(LEFT, RIGHT)],
    [2, 0, without(RIGHT, LEFT)],
  ]);
  assert.equal(state.get().selected, 1);
  masks.get(0)?.set(2, [coded(() => true), 9]);
  overlap.give(2);
  assert.equal(put.length, 2);
  assert.match(told.join(), /Nothing would be left/);
});

test("a prompt makes stale what lies up to the frames that a person confirmed, at once", () => {
  const masks = new Map([...Array(20).keys()].map((frame) => [frame, new Map([masked(1, LEFT)])]));
  const marks = [{ object: 1, start: 15, stop: 16, mark: /** @type {const} */ ("verified") }];
  /** @type {Partial<State>} */
  const patch = { info: opened(), masks, marks, byHand: [[1, 4]] };
  const now = stateWith(patch).get();
  const pending = pendingAfter(now, 1, 10, 20);
  assert.deepEqual([...pending], [[1, [[5, 15]]]]);
  const stale = [...Array(20).keys()].filter((frame) => isStale({ ...now, pending }, 1, frame));
  assert.deepEqual([stale[0], stale.at(-1), stale.length], [5, 14, 10]);
  assert.equal(isStale({ ...now, pending, paintings: [[1, 10]] }, 1, 10), false);
  assert.equal(pendingAfter({ ...now, masks: new Map() }, 1, 10, 20).size, 0);
});

test("spans are joined and cut", () => {
  assert.deepEqual(withSpan([[0, 3]], [2, 9]), [[0, 9]]);
  assert.deepEqual(withoutFrame([[0, 3]], 1), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(withoutFrame([[4, 5]], 4), []);
});
