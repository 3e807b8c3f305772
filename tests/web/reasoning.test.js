// @ts-check
// What a reasoning names: steps, frames, boxes, and the records of objects.

import assert from "node:assert/strict";
import { test } from "node:test";

import { boxesIn, framesIn, stepsOf } from "../../veason/studio/web/panel/chips.js";
import { agreementText } from "../../veason/studio/web/panel/reasoning.js";
import { readRecords, readable } from "../../veason/studio/web/panel/records.js";
import { opened, stateWith } from "./page.js";

test("marked steps are shown as steps, and what stands before the first is not lost", () => {
  const text = "So. Step 1: look. Step 2: choose.";
  const steps = stepsOf(text, ["Step 2:", "Step 1:"]);
  assert.deepEqual(
    steps.map(({ title, start, end }) => [title, text.slice(start, end).trim()]),
    [
      [null, "So."],
      ["1 · Step 1", "look."],
      ["2 · Step 2", "choose."],
    ],
  );
  assert.deepEqual(stepsOf("plain", ["Step 1:"]), [{ title: null, start: 0, end: 5 }]);
});

test("four bracketed numbers are a box in the policy's space, and an object's where one was drawn there", () => {
  const now = {
    info: { ...opened(), width: 200, height: 100 },
    keyframe: 3,
    boxes: [{ object: 2, frame: 3, xyxy: /** @type {[number, number, number, number]} */ ([21, 10, 41, 20]) }],
    rewritten: null,
  };
  const [own, other] = boxesIn("at [10, 10, 20, 20] and (1,1,2,2)", 100, now, [100, 100]);
  assert.deepEqual([own.object, own.xyxy, own.frame, own.start], [2, [20, 10, 40, 20], 3, 103]);
  assert.deepEqual([own.text, own.written], ["20 10 40 20", "[10, 10, 20, 20]"]); // in pixels, as the answer's
  assert.equal(other.object, null);
  assert.deepEqual(boxesIn("[10, 10, 20, 20]", 0, { ...now, rewritten: "" }, [100, 100])[0].xyxy, [10, 10, 20, 20]);
  assert.equal(boxesIn("[10, 10, 20, 20]", 0, { ...now, rewritten: "" }, [100, 100])[0].text, "[10, 10, 20, 20]");
  assert.deepEqual(boxesIn("[10, 10, 20, 20]", 0, { ...now, keyframe: null }, [100, 100]), []);
});

test("frames are those that the server found, or, in a person's words, those that exist", () => {
  const info = opened();
  const mentions = [{ kind: /** @type {const} */ ("mention"), frame: 4, start: 12, end: 13 }];
  assert.deepEqual(
    framesIn("abcde", 10, { info, mentions, rewritten: null }).map(({ frame }) => frame),
    [4],
  );
  assert.deepEqual(framesIn("abcde", 20, { info, mentions, rewritten: null }), []);
  const words = framesIn("in frame 7 and frame 999", 0, { info, mentions, rewritten: "" });
  assert.deepEqual(words, [{ start: 9, end: 10, frame: 7 }]);
});

test("records are read: path, what can be said, and whether each fits", () => {
  const told = readRecords(
    "one red ball frame 0 10/20 frame 5 - moving, two blue box frame 0 30/40, then left one so find red, one yes, two no: it is one",
  );
  assert.ok(told);
  assert.deepEqual(
    told.records.map(({ name, places, fits }) => ({ name, places, fits })),
    [
      { name: "red ball", places: [[10, 20], null], fits: true },
      { name: "blue box", places: [[30, 40]], fits: false },
    ],
  );
  assert.deepEqual(told.records[0].tags, ["moving", "left"]);
  assert.equal(told.wanted, "red");
});

test("a record that is just being written is there already, and not judged", () => {
  const told = readRecords("one red ball frame 0 10/20, two blue box frame 0 30/40");
  assert.deepEqual(
    told?.records.map(({ fits }) => fits),
    [null, null],
  );
  assert.equal(told?.end, "one red ball frame 0 10/20, two blue box frame 0 30/40".length);
});

test("text without records is left alone", () => {
  assert.equal(readRecords("The ball is red."), null);
  assert.equal(readable("it is two red ball"), "it is the red ball");
});

test("an answer agrees with its masks once there are some, and nothing is said where there is none", () => {
  const answered = {
    kind: /** @type {const} */ ("answered"),
    absent: false,
    guess: false,
    recorded: false,
    notes: [],
    firstWord: 1,
    tokensPerSecond: 9,
    sureness: "",
  };
  const said = (/** @type {Parameters<typeof stateWith>[0]} */ patch) => agreementText(stateWith(patch).get());
  assert.equal(said({ answered }), "✓ the answer agrees with its reasoning");
  assert.equal(said({ answered, hasCheckedMasks: true }), "✓ the answer agrees with its reasoning and its masks");
  assert.equal(said({ answered: null, failureReason: "no JSON" }), null);
  assert.doesNotMatch(said({ answered, unknownWords: ["asdf"] }) ?? "", /✓/);
});
