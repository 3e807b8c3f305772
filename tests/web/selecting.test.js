// @ts-check
/** @import { Parts } from "../../veason/studio/web/keyboard/commands.js" */
/** @import { Messages } from "../../veason/studio/web/core/messages.js" */
/** @import { Refs } from "../../veason/studio/web/core/refs.js" */
/** @import { Player } from "../../veason/studio/web/timeline/player.js" */
/** @import { State } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Actions } from "../../veason/studio/web/edits/actions.js";
import { makeCommands } from "../../veason/studio/web/keyboard/commands.js";
import { opened, stateWith } from "./page.js";

/**
 * The actions on a state, and what they do beside changing it.
 * @param {Partial<State>} patch
 */
function actionsOn(patch) {
  const state = stateWith({ info: opened(), work: "key.1", ...patch });
  /** @type {object[]} */
  const sent = [];
  /** @type {string[]} */
  const told = [];
  const stops = { count: 0 };
  const messages = /** @type {Messages} */ (
    /** @type {unknown} */ ({
      sendEdit: (/** @type {object} */ edit) => sent.push(edit),
      stop: () => ((stops.count += 1), Promise.resolve(true)),
    })
  );
  const player = /** @type {Player} */ (
    /** @type {unknown} */ ({
      go: (/** @type {number} */ frame) => state.set({ frame }),
      step: (/** @type {number} */ by) => state.set({ frame: state.get().frame + by }),
      pause() {},
    })
  );
  const actions = new Actions(/** @type {Refs} */ ({}), state, messages, player, (text) => told.push(text));
  const parts = /** @type {Parts} */ (
    /** @type {unknown} */ ({ state, actions, player, review: {}, help: {}, doubtThreshold: 0.5 })
  );
  return { state, actions, sent, told, stops, commands: makeCommands(parts) };
}

/** @type {(object: number, frame: number) => State["boxes"][number]} */
const box = (object, frame) => ({ object, frame, xyxy: [0, 0, 4, 4] });

test("taking an object in hand never moves the frame", () => {
  const { state, actions } = actionsOn({ frame: 9, objects: [1, 2], boxes: [box(1, 0), box(2, 5)], selected: 1 });
  actions.select(2);
  assert.deepEqual([state.get().selected, state.get().frame], [2, 9]);
});

test("Tab goes round the objects, and leaves the stage only where there is none", () => {
  const { state, commands } = actionsOn({ objects: [3, 7], selected: 7 });
  assert.notEqual(commands.nextObject(), false);
  assert.equal(state.get().selected, 3);
  assert.notEqual(commands.prevObject(), false);
  assert.equal(state.get().selected, 7);
  assert.equal(actionsOn({ objects: [] }).commands.nextObject(), false);
});

test("doubtful frames are gone through by number, round the end, and never the settled ones", () => {
  const doubt = new Map([[2, new Map([2, 9, 10, 14].map((frame) => [frame, 0.9]))]]);
  const marks = [{ object: 2, start: 14, stop: 15, mark: /** @type {const} */ ("verified") }];
  const { state, commands, told } = actionsOn({ objects: [2], doubt, marks, frame: 2 });
  commands.nextDoubt();
  assert.equal(state.get().frame, 9);
  commands.nextDoubt();
  assert.equal(state.get().frame, 2);
  assert.match(told.join(), /last doubtful or empty frame/);
  commands.prevDoubt();
  assert.equal(state.get().frame, 9);
});

test("where no frame is doubtful, that is said", () => {
  const { state, commands, told } = actionsOn({ objects: [2], frame: 4 });
  commands.nextDoubt();
  assert.equal(state.get().frame, 4);
  assert.deepEqual(told, ["No doubtful or empty frame."]);
});

test("a click with nothing in hand makes an object, beside nothing it makes none", () => {
  const { state, actions, sent } = actionsOn({ objects: [1], selected: null, frame: 3 });
  actions.prompts.putClick([1, 2], false);
  assert.equal(sent.length, 0);
  actions.prompts.putClick([1, 2], true);
  assert.equal(state.get().selected, 2);
  assert.equal(/** @type {{ object: number }} */ (sent[0]).object, 0);
});

test("Esc puts the tool down first, then stops what runs", async () => {
  const { state, actions, stops } = actionsOn({ busy: "propagate", tool: "brush" });
  await actions.cancel();
  assert.deepEqual([state.get().tool, stops.count], [null, 0]);
  await actions.cancel();
  assert.equal(stops.count, 1);
});

test("Stop stops, whatever is in hand", async () => {
  const { state, actions, stops } = actionsOn({ busy: "propagate", tool: "brush" });
  await actions.stop();
  assert.deepEqual([state.get().tool, stops.count], ["brush", 1]);
});
