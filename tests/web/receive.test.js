// @ts-check
// What each message does to the state, without a page.

/** @import { Item } from "../../veason/studio/web/contract.js" */
/** @import { Effects } from "../../veason/studio/web/core/receive.js" */
/** @import { State } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeReceiver } from "../../veason/studio/web/core/receive.js";
import { opened, session, stateWith } from "./page.js";

/** @param {Partial<State>} patch */
function page(patch = {}) {
  const state = stateWith(patch);
  /** @type {unknown[][]} */
  const did = [];
  const note =
    (/** @type {string} */ name) =>
    (/** @type {unknown[]} */ ...values) => {
      did.push([name, ...values]);
    };
  /** @type {Effects} */
  const effects = {
    go: note("go"),
    notify: note("notify"),
    recall: note("recall"),
    watch: note("watch"),
    opened: note("opened"),
    instruct: note("instruct"),
    download: async (...values) => note("download")(...values),
    transfer: {
      added: note("added"),
      exported: note("exported"),
      written: note("written"),
      transferred: note("transferred"),
    },
  };
  const receive = makeReceiver(state, effects);
  return { state, did, receive: (/** @type {Item[]} */ ...items) => items.forEach(receive) };
}

test("another question begins blank, the same one keeps its frame and what is in hand", () => {
  const { state, did, receive } = page({ work: "key.1", frame: 7, selected: 2, thought: "old", tool: "brush" });
  receive(opened());
  assert.deepEqual([state.get().frame, state.get().selected, state.get().tool], [7, 2, "brush"]);
  assert.equal(state.get().thought, "");
  receive({ ...opened(), work: "key.2" });
  assert.deepEqual([state.get().frame, state.get().selected, state.get().work], [0, null, "key.2"]);
  assert.deepEqual(
    did.map(([name, , isSame]) => [name, isSame]),
    [
      ["opened", true],
      ["opened", false],
    ],
  );
});

test("the newest object is in hand; a selection that is still there stays", () => {
  const { state, receive } = page({ objects: [1, 2], selected: 1 });
  receive(session({ objects: [1, 2] }));
  assert.equal(state.get().selected, 1);
  receive(session({ objects: [1, 2, 5] }));
  assert.equal(state.get().selected, 5);
  receive(session({ objects: [2] }));
  assert.equal(state.get().selected, 2);
});

test("names and what is out of date are kept by number", () => {
  const { state, receive } = page();
  receive(session({ names: { 3: "dog" }, pending: { 3: [[0, 4]] } }));
  assert.equal(state.get().names.get(3), "dog");
  assert.deepEqual(state.get().pending.get(3), [[0, 4]]);
});

test("a snapshot without shown frames leaves the strip as it is", () => {
  const { state, receive } = page({ shown: [1, 2] });
  receive(session({ shown: [] }));
  assert.deepEqual(state.get().shown, [1, 2]);
});

test("masks are laid over those that are there, or take their place", () => {
  const { state, receive } = page();
  receive({ kind: "masks", reset: false, frames: { 4: { 1: ["a", 1] } } });
  receive({ kind: "masks", reset: false, frames: { 4: { 2: ["b", 1] }, 5: { 1: ["c", 1] } } });
  assert.deepEqual(
    [...(state.get().masks.get(4) ?? [])],
    [
      [1, ["a", 1]],
      [2, ["b", 1]],
    ],
  );
  receive({ kind: "masks", reset: true, frames: { 6: { 1: ["d", 1] } } });
  assert.deepEqual([...state.get().masks.keys()], [6]);
});

test("a changed frame holds another map than before, so that what draws it notices", () => {
  const { state, receive } = page();
  receive({ kind: "masks", reset: false, frames: { 4: { 1: ["a", 1] } } });
  const before = state.get().masks.get(4);
  receive({ kind: "masks", reset: false, frames: { 4: { 1: ["b", 1] } } });
  assert.notEqual(state.get().masks.get(4), before);
});

test("the policy's first box begins its list anew, and a later one of the same object moves it", () => {
  const { state, receive } = page({
    keyframe: 6,
    objects: [1, 2, 3],
    boxes: [{ object: 3, frame: 0, xyxy: [0, 0, 1, 1] }],
  });
  receive({ kind: "box", object: 1, xyxy: [0, 0, 2, 2] }, { kind: "box", object: 2, xyxy: [1, 1, 3, 3] });
  receive({ kind: "box", object: 2, xyxy: [2, 2, 4, 4] });
  assert.deepEqual(state.get().objects, [1, 2]);
  assert.deepEqual(
    state.get().boxes.map(({ object, frame, xyxy }) => [object, frame, xyxy]),
    [
      [1, 6, [0, 0, 2, 2]],
      [2, 6, [2, 2, 4, 4]],
    ],
  );
});

test("a range that a person chose stays, unless the server insists", () => {
  const { state, receive } = page({ range: [3, 9], home: [0, 20] });
  receive({ kind: "range", range: [0, 5], home: [0, 5], insists: false });
  assert.deepEqual(state.get().range, [3, 9]);
  receive({ kind: "range", range: [0, 5], home: [0, 5], insists: true });
  assert.deepEqual(state.get().range, [0, 5]);
});

test("a correction on one frame leaves the chosen range", () => {
  const { state, receive } = page({ range: [3, 9] });
  receive({ kind: "propagating", start: 4, stop: 5, count: 1, only: "here" });
  assert.deepEqual(state.get().range, [3, 9]);
  receive({ kind: "propagating", start: 0, stop: 20, count: 20, only: null });
  assert.deepEqual([state.get().range, state.get().busy], [[0, 20], "propagate"]);
});

test("a refused edit asks for everything anew", () => {
  const { did, receive } = page({ work: "key.1" });
  receive({ kind: "refused" });
  assert.deepEqual(did, [["recall"]]);
});

test("what was thought before goes when the policy begins, and comes back where no answer came", () => {
  const { state, receive } = page({ work: "key.1", thought: "old", proposals: [] });
  receive({ kind: "queued", ahead: 1, seconds: null });
  assert.equal(state.get().thought, "old");
  receive({ kind: "thinking" });
  assert.deepEqual([state.get().thought, state.get().busy], ["", "think"]);
  receive({ kind: "recalled", text: "old", mentions: [], failure: "", reason: "", answered: null }, { kind: "idle" });
  assert.deepEqual([state.get().thought, state.get().busy], ["old", null]);
});
