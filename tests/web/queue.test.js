// @ts-check
// The list of the queue, and which of its rows are in the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { idOf, workOf } from "../../veason/studio/web/queue/ids.js";
import {
  countByStanding,
  currentAfter,
  isOpen,
  listed,
  matches,
  neighbour,
  standing,
  verdictText,
} from "../../veason/studio/web/queue/list.js";
import { byClip } from "../../veason/studio/web/queue/numbers.js";
import { rowsInSight } from "../../veason/studio/web/queue/row-list.js";
import { Ticks } from "../../veason/studio/web/queue/ticks.js";
import { row } from "./page.js";

const ALL = { status: null, person: "", text: "" };
/** @param {{ id: number }[]} rows */
const ids = (rows) => rows.map(({ id }) => id);

test("rows are found by person, words and standing; a disputed one stands as disputed", () => {
  const rows = [
    row({ id: 1, assignee: "Ada", instruction: "The Dog" }),
    row({ id: 2, status: "accepted" }),
    row({ id: 3, status: "accepted", isDisputed: true }),
  ];
  assert.equal(matches(rows[0], { ...ALL, text: "dog" }), true);
  assert.deepEqual(ids(listed(rows, { ...ALL, person: "-" }, "added")), [2, 3]);
  assert.deepEqual(ids(listed(rows, { ...ALL, person: "Ada" }, "added")), [1]);
  assert.deepEqual(ids(listed(rows, { ...ALL, status: "accepted" }, "added")), [2]);
  assert.equal(countByStanding(rows).get("disputed"), 1);
});

test("an order puts rows without a value last, and leaves the rows as they were", () => {
  const rows = [row({ id: 1 }), row({ id: 2, doubt: 0.2, iou: 0.9 }), row({ id: 3, doubt: 0.7, iou: 0.1 })];
  assert.deepEqual(ids(listed(rows, ALL, "doubt")), [3, 2, 1]);
  assert.deepEqual(ids(listed(rows, ALL, "iou")), [3, 2, 1]);
  assert.deepEqual(ids(rows), [1, 2, 3]);
});

test("the next one goes round to the top once, past what is done or gone", () => {
  const rows = [row({ id: 1 }), row({ id: 2, status: "accepted" }), row({ id: 3, isGone: true }), row({ id: 4 })];
  assert.equal(neighbour(rows, 1, 1, true)?.id, 4);
  assert.equal(neighbour(rows, 4, 1, true)?.id, 1);
  assert.equal(neighbour(rows, 1, -1, false)?.id, 4);
  assert.equal(neighbour([rows[0]], 1, 1, false), undefined);
});

test("a row that leaves the list gives its place in hand to the one that stands there then", () => {
  const rows = [row({ id: 1 }), row({ id: 2 }), row({ id: 3 })];
  assert.equal(currentAfter(rows, [rows[0], rows[2]], 2), 3);
  assert.equal(currentAfter(rows, [rows[0], rows[1]], 3), 2);
  assert.equal(currentAfter(rows, rows, 2), 2);
  assert.equal(currentAfter(rows, [], 2), null);
});

test("of a thousand rows only those in sight are made, and some around them", () => {
  assert.deepEqual(rowsInSight({ scrollTop: 0, clientHeight: 600 }, 60, 1000), { start: 0, stop: 22 });
  assert.deepEqual(rowsInSight({ scrollTop: 30000, clientHeight: 600 }, 60, 1000), { start: 494, stop: 516 });
  assert.deepEqual(rowsInSight({ scrollTop: 99999, clientHeight: 600 }, 60, 1000), { start: 984, stop: 1000 });
  assert.deepEqual(rowsInSight({ scrollTop: 0, clientHeight: 600 }, 60, 3), { start: 0, stop: 3 });
});

test("an open question is called by its project and its id, which may follow several dots", () => {
  assert.equal(idOf(workOf("a.b", 12)), 12);
});

test("effort is summed by clip, the most first", () => {
  const rows = [
    row({ video: 1, seconds: 5 }),
    row({ video: 2, clip: "b", seconds: 9, edits: 1 }),
    row({ video: 1, seconds: 6 }),
  ];
  assert.deepEqual(
    byClip(rows).map(({ clip, questions, seconds }) => [clip, questions, seconds]),
    [
      ["a.mp4", 2, 11],
      ["b", 1, 9],
    ],
  );
});

test("what gave no usable answer is not proposed, and waits for a person", () => {
  const failed = row({ status: "proposed", failure: "no JSON" });
  assert.deepEqual([standing(failed), isOpen(failed)], ["no answer", true]);
  assert.equal(standing(row({ status: "new", failure: "no JSON" })), "no answer");
  assert.equal(standing(row({ status: "in review", failure: "no JSON" })), "in review");
  assert.equal(standing(row({ status: "absent", failure: "no JSON" })), "absent");
});

test("a row says what accepting it would say, before it is accepted", () => {
  assert.equal(verdictText(row({ status: "proposed", proposed: "absent" })), "absent from the clip");
  assert.equal(verdictText(row({ status: "in review", proposed: null })), "nothing to accept yet");
  assert.equal(verdictText(row({ status: "proposed", proposed: "labels" })), "2 objects");
  assert.equal(verdictText(row({ status: "absent", proposed: "absent" })), "");
});

test("several rows are ticked, and what is out of sight is ticked no more", () => {
  const rows = [row({ id: 1 }), row({ id: 2 }), row({ id: 3 }), row({ id: 4 })];
  const ticks = new Ticks();
  assert.deepEqual(ids(ticks.targets(rows, 3)), [3]);
  ticks.toggle(2);
  ticks.reach(4, rows);
  assert.deepEqual(ids(ticks.targets(rows, 1)), [2, 3, 4]);
  ticks.keepOnly(rows.slice(0, 3));
  assert.deepEqual(ids(ticks.targets(rows, 1)), [2, 3]);
  ticks.toggleAll(rows);
  assert.equal(ticks.size, 4);
  ticks.toggleAll(rows);
  assert.equal(ticks.size, 0);
});

test("a deleted row stands as deleted, whatever it was", () => {
  assert.equal(standing(row({ status: "accepted", isDeleted: true })), "deleted");
  assert.equal(isOpen(row({ isDeleted: true })), false);
});
