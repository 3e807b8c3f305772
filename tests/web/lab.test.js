// @ts-check
// The lab's page: what its address holds, where cards stand, and how a text is cut at its claims.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readPlace, writePlace } from "../../veason/lab/web/ask.js";
import { brushOf, placeOf, readBrush, writeBrush } from "../../veason/lab/web/brush.js";
import { CaseRoom } from "../../veason/lab/web/case.js";
import { commandKey } from "../../veason/lab/web/keys.js";
import { clusters, spoken } from "../../veason/lab/web/rewards.js";
import { CARD, inSight, layOut, moved, place } from "../../veason/lab/web/window.js";
import { cut, figure, signed } from "../../veason/lab/web/words.js";

test("the address holds the place and nothing is lost on the way", () => {
  const there = {
    run: "a+b",
    other: "",
    query: 'jf < 30 and "x&y#z" in instruction',
    sort: "jf",
    descending: "1",
    brush: "",
    panel: "compare",
    key: "v/0",
  };
  assert.deepEqual(readPlace(writePlace(there)), there);
  assert.ok(Object.values(readPlace("#nonsense")).every((value) => value === ""));
});

test("a brush over the scatter is a range of either run's figure, and comes back to its place", () => {
  const axes = { left: 0.1, top: 0.05, width: 0.8, height: 0.8, low: 0, high: 100 };
  const brush = brushOf(axes, { x: 0.5, y: 0.05 }, { x: 0.1, y: 0.45 });
  assert.deepEqual(brush, [0, 50, 50, 100]);
  const rounded = Object.values(placeOf(axes, brush)).map(Math.round);
  assert.deepEqual(rounded, [10, 40, 5, 40]);
  assert.deepEqual(brushOf(axes, { x: -3, y: 4 }, { x: 9, y: -2 }), [0, 100, 0, 100]);
  assert.deepEqual(readBrush(writeBrush(brush)), brush);
  assert.equal(writeBrush([0, 100, 0, 100]), "");
  for (const text of ["", "1,2,3", "a,b,c,d"]) assert.deepEqual(readBrush(text), [0, 100, 0, 100]);
});

test("only cards in sight are drawn, however many there are", () => {
  const plan = layOut(1000, 35000);
  assert.equal(plan.columns, 3);
  const seen = inSight(plan, 100_000, 800, 35000);
  assert.ok(seen.end - seen.start <= 3 * 7);
  const { top } = place(plan, seen.start + 3);
  assert.ok(top <= 100_000 && top + CARD.height + 3 * CARD.gap >= 100_000 - CARD.height);
  assert.deepEqual(inSight(layOut(1000, 0), 0, 800, 0), { start: 0, end: 0 });
  assert.equal(layOut(10, 5).columns, 1);
});

test("keys move within the cards", () => {
  assert.equal(moved("ArrowDown", 1, 10, 4), 5);
  assert.equal(moved("ArrowUp", 1, 10, 4), 0);
  assert.equal(moved("End", 1, 10, 4), 9);
  assert.equal(moved("End", 0, 0, 4), 0);
  assert.equal(moved("x", 1, 10, 4), null);
});

/** @param {Partial<import("../../veason/lab/web/keys.js").Pressed>} event */
const pressed = (event) => ({
  key: "",
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  isComposing: false,
  getModifierState: () => false,
  ...event,
});

test("the browser's own keys are no commands, and a held key only moves", () => {
  for (const own of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }, { isComposing: true }]) {
    for (const key of ["p", "d", "1", "/", "j", "ArrowLeft", "Enter"]) {
      assert.equal(commandKey(pressed({ key, ...own })), "");
    }
  }
  for (const key of ["p", "d", "1", "/", "Enter", "Escape"]) {
    assert.deepEqual([commandKey(pressed({ key })), commandKey(pressed({ key, repeat: true }))], [key, ""]);
  }
  for (const key of ["j", "k", "ArrowRight"]) assert.equal(commandKey(pressed({ key, repeat: true })), key);
  const sign = {
    key: "/",
    ctrlKey: true,
    altKey: true,
    getModifierState: (/** @type {string} */ name) => name === "AltGraph",
  };
  assert.equal(commandKey(pressed(sign)), "/");
});

test("a case plays, widens and is judged once for a key however long it is held, and never for the browser's", () => {
  globalThis.HTMLTextAreaElement ??= /** @type {any} */ (class {});
  const element = /** @type {any} */ (new EventTarget());
  const hooks = /** @type {any} */ ({ about: { tags: [{ name: "wrong" }] }, close: () => done.push("close") });
  const room = new CaseRoom(element, hooks);
  /** @type {string[]} */
  const done = [];
  room.playOrPause = () => void done.push("play");
  room.widen = () => void done.push("widen");
  room.judge = async (tag) => void done.push(tag);
  for (const key of ["p", "d", "1", "Escape"]) {
    for (const more of [
      {},
      { repeat: true },
      { repeat: true },
      { ctrlKey: true },
      { metaKey: true },
      { altKey: true },
    ]) {
      const event = Object.assign(new Event("keydown", { cancelable: true }), pressed({ key, ...more }));
      element.dispatchEvent(event);
      assert.equal(event.defaultPrevented, Object.keys(more).length === 0);
    }
  }
  assert.deepEqual(done, ["play", "widen", "wrong", "close"]);
});

test("a text is cut at its claims by characters, whatever they are", () => {
  const claims = [
    { start: 2, end: 5 },
    { start: 4, end: 6 },
    { start: 6, end: 7 },
  ];
  const pieces = cut("😀 red b.", claims);
  assert.deepEqual(
    pieces.map((piece) => [piece.text, piece.claim?.start ?? null]),
    [
      ["😀 ", null],
      ["red", 2],
      [" ", null],
      ["b", 6],
      [".", null],
    ],
  );
  assert.equal(figure(null), "–");
  assert.equal(figure(12.345), "12.3");
});

test("answers of a group stand together by what they say, with their mean advantage", () => {
  const one = { thought: "", rewards: null };
  const group = [
    { ...one, cluster: 1, keyframe: 3, boxes: [[0, 0, 1, 1]], advantage: -1 },
    { ...one, cluster: 0, keyframe: 4, boxes: [], advantage: 1 },
    { ...one, cluster: 0, keyframe: null, boxes: [], advantage: 0.5 },
    { ...one, cluster: 2, keyframe: null, boxes: null, advantage: null },
  ];
  assert.deepEqual(
    clusters(group).map(({ numbers, said, mean }) => [numbers, said, mean]),
    [
      [[1, 2], "absent", 0.75],
      [[0], "frame 3, 1 box", -1],
      [[3], "not readable", null],
    ],
  );
  assert.deepEqual([signed(-0.5), signed(0.5), signed(null)], ["−0.50", "+0.50", "–"]);
  assert.equal(spoken({ ...one, cluster: 0, keyframe: 2, boxes: [[0], [1]], advantage: 0 }), "frame 2, 2 boxes");
});
