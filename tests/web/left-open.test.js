// @ts-check
// What is left open before labels are accepted, and what empty frames are apart from doubtful ones.

/** @import { State } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeRuns } from "../../veason/studio/web/canvas/rle.js";
import { initial } from "../../veason/studio/web/core/blank.js";
import { isEmptyMask } from "../../veason/studio/web/core/empty.js";
import { canBeAbsent, leftOpen, placeAfter } from "../../veason/studio/web/core/left-open.js";
import { doubtfulStarts, isDoubtful } from "../../veason/studio/web/core/objects.js";
import { attributesText, readAttributes } from "../../veason/studio/web/queue/rules.js";
import { countText, countsText } from "../../veason/studio/web/timeline/lanes.js";

const FULL = encodeRuns([0, 48]);
const EMPTY = encodeRuns([48]);

/**
 * @param {[string, number][]} masks from frame 0 on, with the doubt of each
 * @param {Partial<State>} more
 * @returns {State}
 */
const labelled = (masks, more = {}) => ({
  ...initial(),
  info: /** @type {State["info"]} */ ({ frames: 6 }),
  objects: [1],
  masks: new Map(
    masks.map(([counts], frame) => [frame, new Map([[1, /** @type {[string, number]} */ ([counts, 9])]])]),
  ),
  doubt: new Map([[1, new Map(masks.map(([, doubt], frame) => [frame, doubt]))]]),
  ...more,
});

test("a mask is empty where no run holds a pixel, however its code is written", () => {
  assert.equal(isEmptyMask(EMPTY), true);
  assert.equal(isEmptyMask(encodeRuns([1920 * 1080])), true);
  assert.equal(isEmptyMask(encodeRuns([48, 0])), true);
  assert.equal(isEmptyMask(FULL), false);
  assert.equal(isEmptyMask(encodeRuns([0, 16])), false);
  assert.equal(isEmptyMask(encodeRuns([7, 1, 40])), false);
});

test("every frame is open in the way that a person can close it", () => {
  const now = labelled(
    [
      [FULL, 0],
      [FULL, 0.9],
      [EMPTY, 1],
      [FULL, 0.1],
      [EMPTY, 1],
    ],
    { byHand: [[1, 0]], marks: [{ object: 1, start: 4, stop: 5, mark: "absent" }] },
  );
  const found = leftOpen(now, 0.5);
  assert.deepEqual(found.missing, [[1, 5]]);
  assert.deepEqual(found.empty, [[1, 2]]);
  assert.deepEqual(found.doubtful, [[1, 1]]);
  assert.deepEqual(found.unverified, [
    [1, 1],
    [1, 3],
  ]);
  assert.deepEqual(placeAfter(found.unverified, 1), [1, 3]);
  assert.deepEqual(placeAfter(found.unverified, 3), [1, 1]);
  assert.equal(canBeAbsent({ ...now, clicks: [{ object: 1, frame: 2, xy: [1, 1], positive: true }] }, [1, 2]), false);
  assert.equal(canBeAbsent(now, [1, 2]), true);
});

test("an empty frame is not a doubtful one, and the keys go to both", () => {
  const now = labelled([
    [FULL, 0.9],
    [FULL, 0.9],
    [EMPTY, 1],
    [EMPTY, 1],
    [FULL, 0.8],
    [FULL, 0],
  ]);
  assert.equal(isDoubtful(now, 1, 2, 0.5), false);
  assert.deepEqual(doubtfulStarts(now, 0.5), [0, 2, 4]);
});

test("a lane counts what there is", () => {
  const counts = { done: 9, count: 4, empty: 2, doubtful: 1 };
  assert.equal(countText(counts), "4 fr");
  assert.equal(countText({ ...counts, count: 0 }), "2 empty");
  assert.equal(countText({ ...counts, count: 0, empty: 0 }), "absent");
  assert.match(countsText(counts, 10), /9 of 10 frames done: 4 with a mask, 2 empty, 1 doubtful, 3 marked absent/);
});

test("attributes of a class are typed in a line and come back as it", () => {
  const read = readAttributes(" size: big, small ; colour;; ");
  assert.deepEqual(read, [
    { name: "size", values: ["big", "small"] },
    { name: "colour", values: [] },
  ]);
  assert.equal(attributesText(read), "size: big, small; colour");
});
