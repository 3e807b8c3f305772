// @ts-check
// Lanes and the filmstrip.

import assert from "node:assert/strict";
import { test } from "node:test";

import { framesOf } from "../../veason/studio/web/timeline/film.js";
import { stretches, trackOf } from "../../veason/studio/web/timeline/lane-paint.js";
import { chosenText, scoreText } from "../../veason/studio/web/timeline/lanes.js";

/** @param {number} object @param {number} score */
const mask = (object, score) => new Map([[object, /** @type {[string, number]} */ (["", score])]]);

test("neighbours are one stretch", () => {
  assert.deepEqual(stretches([1, 2, 3, 7, 8]), [
    [1, 4],
    [7, 9],
  ]);
  assert.deepEqual(
    stretches([1, 2, 3], (frame) => frame !== 2),
    [
      [1, 2],
      [3, 4],
    ],
  );
  assert.deepEqual(stretches([]), []);
});

test("a track counts the frames that are done, leaves out where the object is absent, and goes by time", () => {
  const masks = new Map([
    [7, mask(1, 0)],
    [3, mask(1, 0)],
    [5, mask(1, 0)],
    [4, mask(2, 0)],
  ]);
  const track = trackOf({ masks, marks: [{ object: 1, start: 5, stop: 6, mark: "absent" }] }, 1);
  assert.equal(track.done, 3);
  assert.deepEqual(track.present, [3, 7]);
  assert.equal(track.score(3), 0.5);
});

test("the strip holds what the policy was shown, the keyframe, and what other answers chose, by time", () => {
  const answer = { number: 1, frame: 4, absent: false, boxes: [], current: false, sureness: "" };
  const frames = framesOf({
    shown: [0, 8],
    keyframe: 6,
    proposals: [answer, { ...answer, frame: null, absent: true }],
  });
  assert.deepEqual(frames, [0, 4, 6, 8]);
});

test("the segmenter's score is called what it is, not how good a mask is", () => {
  assert.match(scoreText(0.974), /^Mean object score 0\.97: .*not of how good a mask is\.$/);
});

test("the bar of the chosen frames names the object that they are of", () => {
  const names = new Map([[2, "dog"]]);
  assert.equal(chosenText({ range: [3, 9], selected: 2, names }), "dog, frames 3 to 8");
  assert.equal(chosenText({ range: [3, 4], selected: 1, names }), "object 1, frame 3");
  assert.equal(chosenText({ range: [3, 9], selected: null, names }), "frames 3 to 8");
});
