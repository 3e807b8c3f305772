// @ts-check
// Words in the field: saved like every edit, or said not to be.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../veason/studio/web/core/sync.js";
import { inLine, gpuSeconds } from "../../veason/studio/web/core/words.js";
import { typedWords } from "../../veason/studio/web/panel/question.js";

test("words of a question that was never asked are to be saved, those of another are to be asked", () => {
  assert.equal(typedWords("the red ball", "", true), "unsent");
  assert.equal(typedWords("the red ball", "the ball", false), "unasked");
  assert.equal(typedWords(" the ball ", "the ball", false), null);
  assert.equal(typedWords("", "", true), null);
});

test("the header never says saved while words are only in the field", () => {
  assert.equal(standing({ saved: "saved", typed: null }), "saved");
  assert.equal(standing({ saved: "saved", typed: "unsent" }), "saving");
  assert.equal(standing({ saved: "saved", typed: "unasked" }), "unasked");
  assert.equal(standing({ saved: "unsaved", typed: "unasked" }), "unsaved");
});

test("propagating on ZeroGPU requests time for the start as well, up to the most of one call", () => {
  const zeroGpu = { thinking: { 1: 44 }, startup: 15, factor: 1.5, max: 120 };
  assert.equal(gpuSeconds(4, zeroGpu), 21);
  assert.equal(gpuSeconds(1000, zeroGpu), 120);
  assert.equal(gpuSeconds(4, null), null);
});

test("a request in the line is told its place and the time", () => {
  assert.equal(inLine(0, null), "waiting for the models …");
  assert.equal(inLine(1, null), "1 before yours");
  assert.equal(inLine(3, 40), "3 before yours · about 40 s");
});
