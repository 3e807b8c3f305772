// @ts-check
// Words in the field: saved like every edit, or said not to be.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../veason/studio/web/core/sync.js";
import { lentSeconds } from "../../veason/studio/web/core/words.js";
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

test("masks on a borrowed GPU are counted with its start, up to what is lent at a time", () => {
  const lent = { thinking: { 1: 44 }, starting: 15, factor: 1.5, most: 120 };
  assert.equal(lentSeconds(4, lent), 21);
  assert.equal(lentSeconds(1000, lent), 120);
  assert.equal(lentSeconds(4, null), null);
});
