// @ts-check
// Messages arrive in order, whatever the connection does to them.

/** @import { Item, Message } from "../../veason/studio/web/contract.js" */
/** @import { Scope } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { whatBecame } from "../../veason/studio/web/core/connection.js";
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

test("while the server is away edits wait, and are sent in their order once it is back", async () => {
  const { messages, state, sent, asked } = connection(message([opened()], { revision: 1 }));
  messages.leave();
  messages.sendEdit({ edit: "undo", count: 1 });
  messages.sendEdit({ edit: "redo", count: 1 });
  assert.deepEqual([sent.length, state.get().saved], [0, "saving"]);
  assert.deepEqual(await messages.comeBack(), { sent: 2, unsure: 0, lost: 0 });
  assert.equal(asked(), 1); // what the server has comes first
  assert.deepEqual(
    sent.map(({ event, data }) => [event, data.edit, data.number]),
    [
      ["edit", "undo", 1],
      ["edit", "redo", 2],
    ],
  );
});

test("edits that were on their way when the server went are told, those that were answered are not", async () => {
  const { messages } = connection(message([opened()], { revision: 9 }));
  for (let number = 0; number < 3; number += 1) messages.sendEdit({ edit: "undo", count: 1 });
  messages.take(message([{ kind: "taken", number: 1 }], { revision: 2 }));
  messages.take(message([{ kind: "refused" }], { work: null }));
  messages.leave();
  assert.equal((await messages.comeBack())?.unsure, 1);
  messages.leave();
  assert.equal((await messages.comeBack())?.unsure, 0);
});

test("edits of a question that is gone with the server are told to be lost", async () => {
  const { messages, sent } = connection(message([], { work: null }));
  messages.leave();
  messages.sendEdit({ edit: "undo", count: 1 });
  assert.deepEqual(await messages.comeBack(), { sent: 0, unsure: 0, lost: 1 });
  assert.equal(sent.length, 0);
});

test("what is asked while the server is away leaves nothing at work", () => {
  const { messages, state, sent } = connection();
  state.set({ busy: "propagate" });
  messages.leave();
  assert.equal(state.get().busy, null);
  state.set({ busy: "propagate", status: "waiting for the segmenter …" });
  messages.send("propagate", { start: 0, stop: 9 });
  assert.deepEqual([state.get().busy, state.get().status, sent.length], [null, "", 0]);
});

test("what became of the edits is told in words, and nothing where there were none", () => {
  assert.equal(whatBecame({ sent: 0, unsure: 0, lost: 0 }), "");
  assert.equal(
    whatBecame({ sent: 2, unsure: 1, lost: 1 }),
    "The server is back: 2 changes made meanwhile were sent; look whether the last change is there; " +
      "1 change could not be sent and is lost.",
  );
});
