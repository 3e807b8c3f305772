// @ts-check
// A look-up that the server never answered is an error that is told, and nothing is taken for an answer.

/** @import { LookUps } from "../../veason/studio/web/contract.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { answering } from "../../veason/studio/web/core/look-ups.js";
import { Messages } from "../../veason/studio/web/core/messages.js";
import { stateWith } from "./page.js";

/** @param {unknown} reply @returns {LookUps} */
const server = (reply) =>
  /** @type {LookUps} */ (/** @type {unknown} */ ({ stop: async () => reply, snapshot: async () => reply }));

test("an answer comes through as it is", async () => {
  assert.deepEqual(await answering(server({ wasRunning: true })).stop({ work: "key.1" }), { wasRunning: true });
});

for (const [name, nothing] of [
  ["undefined", undefined],
  ["null", null],
]) {
  test(`${name} is an error in words`, async () => {
    const told = await answering(server(nothing)).stop({ work: "key.1" });
    assert.match(String("error" in told && told.error), /did not answer/);
  });
}

test("a page that comes back to a server that went again keeps its edits", async () => {
  const state = stateWith({ work: "key.1" });
  /** @type {string[]} */
  const sent = [];
  const scope = /** @type {any} */ ({
    watch: () => {},
    trigger: (/** @type {string} */ event) => sent.push(event),
    server: answering(server(undefined)),
  });
  const messages = new Messages(scope, state, () => {});
  messages.leave();
  messages.sendEdit(/** @type {any} */ ({ edit: "dropPrompt", object: 1, frame: 2 }));
  assert.equal(await messages.comeBack(), null);
  assert.equal(messages.isAway, true);
  assert.deepEqual(sent, []);
});
