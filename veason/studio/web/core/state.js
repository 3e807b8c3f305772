// @ts-check
// One observable record. Views listen to the keys they draw; several changes in one tick draw once.

/** @import { State, Store } from "./types.js" */

/**
 * @param {State} values
 * @returns {Store}
 */
export function makeState(values) {
  /** @type {{ keys: (keyof State)[], draw: (now: State) => void }[]} */
  const listeners = [];
  /** @type {Set<keyof State>} */
  let dirty = new Set();

  function flush() {
    const changed = dirty;
    dirty = new Set();
    for (const { keys, draw } of listeners) {
      if (keys.some((key) => changed.has(key))) draw(values);
    }
  }

  return {
    get: () => values,
    clip() {
      if (!values.info) throw new Error("no clip is open");
      return values.info;
    },
    set(patch) {
      Object.assign(values, patch);
      if (!dirty.size) queueMicrotask(flush);
      for (const key of Object.keys(patch)) dirty.add(/** @type {keyof State} */ (key));
    },
    on(keys, draw) {
      listeners.push({ keys, draw });
    },
  };
}
