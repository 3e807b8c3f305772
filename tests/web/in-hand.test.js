// @ts-check
// What the pointer says is in hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inHand } from "../../veason/studio/web/canvas/in-hand.js";
import { opened, stateWith } from "./page.js";

const of = (/** @type {Parameters<typeof stateWith>[0]} */ patch) => inHand(stateWith(patch).get(), opened());

test("the object in hand is named, with its colour", () => {
  assert.deepEqual(of({ objects: [1, 2], selected: 2, names: new Map([[2, "dog"]]) }), { text: "dog", ink: "#56b4e9" });
  assert.equal(of({ objects: [1], selected: 1, locked: [1] }).text, "object 1, locked");
});

test("where the next click makes an object, that is said", () => {
  assert.deepEqual(of({ objects: [1], selected: null }), { text: "new object", ink: "#56b4e9" });
  assert.equal(of({ objects: [1], selected: 1, drawing: true }).text, "new object");
});
