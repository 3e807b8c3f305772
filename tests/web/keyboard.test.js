// @ts-check
/** @import { Command } from "../../veason/studio/web/keyboard/presets.js" */
/** @import { Pressed } from "../../veason/studio/web/keyboard/combos.js" */
/** @import { Parts } from "../../veason/studio/web/keyboard/commands.js" */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { keepPref } from "../../veason/studio/web/core/prefs.js";
import { comboOf, spoken } from "../../veason/studio/web/keyboard/combos.js";
import { bindKeys } from "../../veason/studio/web/keyboard/keys.js";
import { makeCommands } from "../../veason/studio/web/keyboard/commands.js";
import { Keymap } from "../../veason/studio/web/keyboard/keymap.js";
import { COMMANDS, PRESETS } from "../../veason/studio/web/keyboard/presets.js";
import { bindQueueKeys } from "../../veason/studio/web/queue/keys.js";

beforeEach(() => keepPref("keys", {}));

/** @param {Partial<Pressed>} event */
const combo = (event) =>
  comboOf({
    key: "",
    code: "",
    ctrlKey: false,
    altKey: false,
    shiftKey: false,
    metaKey: false,
    getModifierState: () => false,
    ...event,
  });

const COMMAND_IDS = COMMANDS.flatMap(([, rows]) => rows.map(([id]) => id));

for (const [name, { keys }] of Object.entries(PRESETS)) {
  test(`${name} gives no key to two commands, and names all of them`, () => {
    const all = Object.values(keys).flat();
    assert.deepEqual(
      all.filter((key, place) => all.indexOf(key) !== place),
      [],
    );
    assert.deepEqual(Object.keys(keys).sort(), [...COMMAND_IDS].sort());
  });
}

test("every act is that of a command that keys can give", () => {
  const one = { prompts: {}, marks: {} };
  const parts = { actions: one, player: {}, review: {}, help: {} };
  const acts = makeCommands(/** @type {Parts} */ (/** @type {unknown} */ (parts)));
  assert.deepEqual(Object.keys(acts).sort(), [...COMMAND_IDS].sort());
});

test("modifiers are part of a key, but not the Shift that writes a sign", () => {
  assert.equal(combo({ key: "z", ctrlKey: true }), "ctrl+z");
  assert.equal(combo({ key: "Z", ctrlKey: true, shiftKey: true }), "ctrl+shift+z");
  assert.equal(combo({ key: "z", metaKey: true }), "ctrl+z");
  assert.equal(combo({ key: "?", shiftKey: true }), "?");
  assert.equal(combo({ key: "ArrowLeft", shiftKey: true }), "shift+ArrowLeft");
  assert.equal(combo({ key: " ", shiftKey: true }), " ");
  assert.equal(combo({ key: "Shift", shiftKey: true }), null);
});

test("AltGr writes signs; Alt with a letter is that letter, whatever sign the system makes of it", () => {
  assert.equal(combo({ key: "{", ctrlKey: true, altKey: true, getModifierState: (key) => key === "AltGraph" }), "{");
  assert.equal(combo({ key: "ø", code: "KeyO", altKey: true }), "alt+o");
});

test("keys are told as they are written on the keyboard", () => {
  assert.equal(spoken("ctrl+shift+z"), "Ctrl Shift Z");
  assert.equal(spoken("shift+ArrowLeft"), "Shift ←");
  assert.equal(spoken("alt+ "), "Alt Space");
  assert.deepEqual([spoken("+"), spoken("ctrl++")], ["+", "Ctrl +"]);
});

test("who takes a key takes it from its owner, and it is remembered", () => {
  const keymap = new Keymap();
  keymap.bind("box", "d");
  assert.equal(keymap.commandOf("d"), "box");
  assert.deepEqual(keymap.keysOf("prev"), ["ArrowLeft"]);
  const again = new Keymap();
  assert.equal(again.commandOf("d"), "box");
  assert.equal(again.isChanged(), true);
});

test("another preset begins without changes, an unknown one is the first", () => {
  const keymap = new Keymap();
  keymap.bind("box", "d");
  keymap.choose("labelme");
  assert.deepEqual([keymap.isChanged(), keymap.commandOf("d")], [false, "next"]);
  keepPref("keys", { preset: "gone" });
  assert.equal(new Keymap().preset(), "cvat");
});

test("every command that has a key is found by it", () => {
  const keymap = new Keymap();
  for (const command of /** @type {Command[]} */ (COMMAND_IDS)) {
    for (const key of keymap.keysOf(command)) assert.equal(keymap.commandOf(key), command);
  }
});

test("a held key goes on where it moves, and does everything else once", () => {
  const page = (globalThis.document = /** @type {any} */ (new EventTarget()));
  globalThis.Element ??= /** @type {any} */ (class {});
  /** @type {Command[]} */
  const done = [];
  const commands = Object.fromEntries(COMMAND_IDS.map((id) => [id, () => done.push(/** @type {Command} */ (id))]));
  const refs = { app: { isConnected: true, querySelector: () => null } };
  const state = { get: () => ({ work: "key.1", info: {}, screen: "stage" }) };
  const actions = { classByKey: () => false, prompts: {} };
  bindKeys(/** @type {any} */ ({ refs, state, keymap: new Keymap(), commands, gestures: {}, actions }));
  for (const [key, more] of /** @type {[string, object][]} */ ([
    ["d", {}],
    ["h", {}],
    ["o", {}],
    ["Escape", {}],
    ["Enter", { ctrlKey: true }],
    ["d", { ctrlKey: true }],
  ])) {
    for (const repeat of [false, true, true]) {
      const plain = { key, code: "", ctrlKey: false, altKey: false, shiftKey: false, metaKey: false, repeat };
      const event = Object.assign(new Event("keydown", { cancelable: true }), plain, more);
      page.dispatchEvent(Object.assign(event, { getModifierState: () => false }));
      assert.equal(event.defaultPrevented, true);
    }
  }
  assert.deepEqual(done, ["prev", "prev", "prev", "hide", "absent", "stop", "accept", "duplicate"]);
});

test("a held key of the queue moves on, and decides once", () => {
  const page = (globalThis.document = /** @type {any} */ (new EventTarget()));
  page.querySelector = () => null;
  globalThis.Element ??= /** @type {any} */ (class {});
  /** @type {string[]} */
  const done = [];
  const queue = { move: () => done.push("move"), tick: () => done.push("tick"), currentRow: () => ({ id: 1 }) };
  const actions = { decide: (/** @type {string} */ what) => done.push(what) };
  const state = { get: () => ({ work: null }) };
  const refs = { queue: { hidden: false }, search: {}, openAdd: {} };
  bindQueueKeys(.../** @type {[any, any, any, any]} */ ([refs, state, queue, actions]));
  for (const key of ["j", "A", "x", " "]) {
    for (const repeat of [false, true]) {
      page.dispatchEvent(Object.assign(new Event("keydown", { cancelable: true }), { key, repeat }));
    }
  }
  assert.deepEqual(done, ["move", "move", "accept", "reject", "tick"]);
});
