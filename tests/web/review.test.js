// @ts-check
// What accepting would say.

import assert from "node:assert/strict";
import { test } from "node:test";

import { proposedVerdict } from "../../veason/studio/web/panel/review.js";

test("nothing is not absent: a person or an answer has to say so", () => {
  assert.equal(proposedVerdict(0, null), "nothing");
  assert.equal(proposedVerdict(0, false), "nothing");
  assert.equal(proposedVerdict(0, true), "absent");
  assert.equal(proposedVerdict(2, null), "labels");
  assert.equal(proposedVerdict(2, true), "labels");
});
