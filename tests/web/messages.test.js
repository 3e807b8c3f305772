// @ts-check
// Messages arrive in order, whatever the connection does to them.

/** @import { Item, Message } from "../../veason/studio/web/contract.js" */
/** @import { Scope } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Messages } from "../../veason/studio/web/core/messages.js";
import { message, opened, session, stateWith } from "./page.js";

/** @param {Message} snapshot what the server answers when it is asked for everything */
function connection(snapshot = message([], { work: null })) {
  const state = stateWith({ work: "key.1" });
  /** @type {Item[]} */
  const received = [];
  /** @type {{ event: string, data: any }[]} */
  const sent = [];
  let asked = 0;
  const scope = /** @type {Scope} */ (
    /** @type {unknown} */ ({
      watch: () => {},
      trigger: (/** @type {string} */ event, /** @type {any} */ data) => sent.push({ event, data }),
      server: {
        snapshot: async () => {
          asked += 1;
          return snapshot;
        },
      },
    })
  );
  const messages = new Messages(scope, state, (item) => received.push(item));
  messages.take(message([opened()], { revision: 1 }));
  received.length = 0;
  return { messages, state, received, sent, asked: () => asked };
}

/** @param {string} text @returns {Item} */
const thought = (text) => ({ kind: "thought", text });
/** @param {Item[]} items */
const texts = (items) => items.map((item) => (item.kind === "thought" ? item.text : item.kind));

test("two that changed places wait for each other", () => {
  const { messages, received } = connection();
  messages.take(message([thought("b")], { revision: 3 }));
  assert.deepEqual(texts(received), []);
  messages.take(message([thought("a")], { revision: 2 }));
  assert.deepEqual(texts(received), ["a", "b"]);
});

test("one that was heard already, or is about another question, is not heard", () => {
  const { messages, received } = connection();
  messages.take(message([thought("a")], { revision: 1 }));
  messages.take(message([thought("b")], { revision: 2, work: "key.2" }));
  assert.deepEqual(texts(received), []);
});

test("a gap that stays is healed by a snapshot", async () => {
  const { messages, received, asked } = connection(message([opened(), thought("all")], { revision: 5 }));
  messages.take(message([thought("late")], { revision: 4 }));
  await new Promise((done) => setTimeout(done, 700));
  assert.equal(asked(), 1);
  assert.deepEqual(texts(received), ["opened", "all"]);
});

test("a server that was started anew is asked for everything, once", async () => {
  const { messages, received, asked } = connection(message([opened()], { epoch: "other", revision: 1 }));
  messages.take(message([thought("a")], { revision: 9, epoch: "other" }));
  messages.take(message([thought("b")], { revision: 10, epoch: "other" }));
  await new Promise((done) => setTimeout(done, 0));
  assert.equal(asked(), 1);
  assert.deepEqual(texts(received), ["opened"]);
});

test("an older state does not take back an edit that is on its way", () => {
  const { messages, received } = connection();
  messages.sendEdit({ edit: "lock", object: 1, on: true });
  messages.sendEdit({ edit: "lock", object: 2, on: true });
  messages.take(message([{ kind: "taken", number: 1 }, session()], { revision: 2 }));
  assert.deepEqual(texts(received), ["taken"]);
  messages.take(message([{ kind: "taken", number: 2 }, session()], { revision: 3 }));
  assert.deepEqual(texts(received), ["taken", "taken", "session"]);
});

test("everything sent names the tab, the person, the question and what the tab has seen", () => {
  const { messages, state, sent } = connection();
  state.set({ seen: 7 });
  messages.send("think", { instruction: "the dog", again: false, samples: 1 });
  messages.sendEdit({ edit: "drop", object: 1, frame: 2, stamp: 5 });
  assert.deepEqual(
    sent.map(({ event }) => event),
    ["think", "edit"],
  );
  const [first, second] = sent.map(({ data }) => data);
  assert.deepEqual([first.work, first.seen, first.by, typeof first.tab], ["key.1", 7, "", "string"]);
  assert.deepEqual([second.number, second.stamp, second.edit], [1, 5, "drop"]);
});
