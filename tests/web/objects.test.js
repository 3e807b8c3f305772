// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { byNumber } from "../../veason/studio/web/core/receive.js";
import {
  doubtfulStarts,
  isPropagated,
  nextPrompt,
  nextStep,
  provenance,
} from "../../veason/studio/web/core/objects.js";
import { opened, stateWith } from "./page.js";

/** @param {number[]} frames @param {number} value */
const doubts = (frames, value) => new Map(frames.map((frame) => [frame, value]));

test("a doubtful stretch is found where it begins, and again after a gap", () => {
  const { get } = stateWith({ doubt: new Map([[1, doubts([101, 3, 4, 5, 9, 12], 0.8)]]) });
  assert.deepEqual(doubtfulStarts(get(), 0.5), [3, 9, 12, 101]);
});

test("frames that a person settled are not doubtful: marked ones, and those with a prompt of theirs", () => {
  const { get } = stateWith({
    doubt: new Map([[1, doubts([3, 4, 8, 12], 0.8)]]),
    marks: [{ object: 1, start: 3, stop: 5, mark: "verified" }],
    byHand: [[1, 8]],
  });
  assert.deepEqual(doubtfulStarts(get(), 0.5), [12]);
});

test("a stretch that follows a verified frame begins after it", () => {
  const { get } = stateWith({
    doubt: new Map([[1, doubts([3, 4, 5], 0.8)]]),
    marks: [{ object: 1, start: 3, stop: 4, mark: "verified" }],
  });
  assert.deepEqual(doubtfulStarts(get(), 0.5), [4]);
});

test("hidden objects are not gone through", () => {
  const { get } = stateWith({ doubt: new Map([[2, doubts([3], 0.8)]]), hidden: new Set([2]) });
  assert.deepEqual(doubtfulStarts(get(), 0.5), []);
});

test("what JSON keys by text is keyed by number", () => {
  assert.deepEqual([...byNumber({ 12: "a", 3: "b" }).keys()], [3, 12]);
});

test("where a mask comes from is told in a word", () => {
  const masks = new Map(
    [4, 5, 6, 7, 8].map((frame) => [frame, new Map([[1, /** @type {[string, number]} */ (["", 1])]])]),
  );
  const { get } = stateWith({
    masks,
    boxes: [{ object: 1, frame: 4, xyxy: [0, 0, 1, 1] }],
    byHand: [
      [1, 5],
      [1, 6],
    ],
    paintings: [[1, 6]],
    marks: [{ object: 1, start: 7, stop: 8, mark: "absent" }],
  });
  const words = [4, 5, 6, 7, 8, 9].map((frame) => provenance(get(), 1, frame));
  assert.deepEqual(words, ["model", "corrected", "painted", "absent", "propagated", ""]);
});

test("an object is propagated when it has a mask where nobody drew it, or masks on all frames", () => {
  const on = (/** @type {number} */ count) =>
    new Map(
      Array.from({ length: count }, (_, frame) => [frame, new Map([[1, /** @type {[string, number]} */ (["", 1])]])]),
    );
  /** @type {[number, number][]} */
  const paintings = [0, 1, 2, 3].map((frame) => [1, frame]);
  const now = { ...stateWith({ info: opened(), paintings }).get() };
  assert.equal(isPropagated({ ...now, masks: on(4) }, 1), false); // interpolated or copied: all of them drawn
  assert.equal(isPropagated({ ...now, masks: on(5) }, 1), true);
  const marks = [{ object: 1, start: 4, stop: 5, mark: /** @type {const} */ ("absent") }];
  assert.equal(isPropagated({ ...now, masks: on(5), marks }, 1), false);
  assert.equal(isPropagated({ ...now, masks: on(4), info: { ...opened(), frames: 4 } }, 1), true);
  assert.equal(isPropagated({ ...now, masks: on(5) }, 2), false);
});

test("absent reaches up to the object's next prompt, of whatever kind, else to the end", () => {
  const { get } = stateWith({
    boxes: [{ object: 2, frame: 5, xyxy: [0, 0, 1, 1] }],
    clicks: [{ object: 1, frame: 9, xy: [0, 0], positive: true }],
    paintings: [[1, 7]],
  });
  assert.equal(nextPrompt(get(), opened(), 1, 3), 7);
  assert.equal(nextPrompt(get(), opened(), 1, 9), 20);
});

test("thinking comes first, then propagating, then accepting", () => {
  const state = stateWith({ work: "key.1", info: opened() });
  assert.equal(nextStep(state.get()), "think");
  state.set({ objects: [1] });
  assert.equal(nextStep(state.get()), "propagate");
  const masks = new Map([0, 1, 2].map((frame) => [frame, new Map([[1, /** @type {[string, number]} */ (["", 1])]])]));
  state.set({ masks });
  assert.equal(nextStep(state.get()), "accept");
  state.set({ pending: new Map([[1, [[0, 3]]]]) });
  assert.equal(nextStep(state.get()), "propagate");
  state.set({ busy: "think" });
  assert.equal(nextStep(state.get()), null);
});
