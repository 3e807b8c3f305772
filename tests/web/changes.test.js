// @ts-check
// Masks follow an edit, but never in the place of what a person has asked for since.

/** @import { Edit, Scope } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Messages } from "../../veason/studio/web/core/messages.js";
import { Changes } from "../../veason/studio/web/edits/change.js";
import { message, stateWith } from "./page.js";

const MASKS = /** @type {const} */ ({ start: 0, stop: 20, only: "here", object: 1, frame: 5, settles: false });
/** @type {Edit} */
const BOX = { edit: "box", object: 1, frame: 5, xyxy: [1, 1, 4, 4] };
const QUESTION = { instruction: "the square", again: true };
const WAIT = 300;

/** @param {import("node:test").TestContext} context */
function page(context) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  const state = stateWith({ work: "key.1", busy: "propagate" });
  /** @type {{ event: string, data: any }[]} */
  const sent = [];
  const scope = /** @type {Scope} */ (
    /** @type {unknown} */ ({
      watch: () => {},
      trigger: (/** @type {string} */ event, /** @type {any} */ data) => sent.push({ event, data }),
      server: {
        stop() {
          throw new Error("the edit stops what runs; a request of its own may come after what is asked next");
        },
      },
    })
  );
  const messages = new Messages(scope, state, () => {});
  const changes = new Changes(messages);
  changes.onFollow((after) => messages.send("propagate", { ...MASKS, after, follows: true }));
  const names = () => sent.map(({ event }) => event);
  return { state, messages, changes, sent, names, pass: (/** @type {number} */ ms) => context.mock.timers.tick(ms) };
}

test("masks follow the last of several edits, once", (context) => {
  const { changes, sent, names, pass } = page(context);
  changes.change(BOX, WAIT);
  pass(WAIT - 1);
  changes.change(BOX, WAIT);
  pass(WAIT);
  assert.deepEqual(names(), ["edit", "edit", "propagate"]);
  assert.equal(sent[2]?.data.after, sent[1]?.data.stamp);
  changes.change(BOX, 0);
  assert.deepEqual(names().slice(3), ["edit", "propagate"]);
});

test("a question that is asked before the masks of an edit were is not stopped by them", (context) => {
  const { messages, changes, names, pass } = page(context);
  changes.change(BOX, WAIT);
  messages.send("think", QUESTION);
  pass(WAIT);
  assert.deepEqual(names(), ["edit", "think"]);
});

test("nor are masks that a person asked for", (context) => {
  const { messages, changes, names, pass } = page(context);
  changes.change(BOX, WAIT);
  messages.send("propagate", { ...MASKS, only: null });
  pass(WAIT);
  assert.deepEqual(names(), ["edit", "propagate"]);
});

test("what is asked next names the edit on its way, and none once that was taken or changes no mask", (context) => {
  const { state, messages, changes, sent } = page(context);
  assert.equal(messages.awaited, null);
  changes.change(BOX);
  changes.note({ edit: "name", object: 1, name: "cat" });
  assert.equal(messages.awaited, sent[0]?.data.stamp);
  state.set({ work: "key.2" });
  assert.equal(messages.awaited, null, "edits of another question");
  state.set({ work: "key.1" });
  messages.take(message([{ kind: "taken", number: 1 }], { work: null }));
  assert.equal(messages.awaited, null);
});
