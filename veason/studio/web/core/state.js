// One observable record. Views listen to the keys they draw; several changes in one tick draw once.

export function makeState(initial) {
  const values = { ...initial };
  const listeners = [];
  let dirty = null;

  function flush() {
    const changed = dirty;
    dirty = null;
    for (const { keys, draw } of listeners) {
      if (keys.some((key) => changed.has(key))) draw(values);
    }
  }

  return {
    get: () => values,
    set(patch) {
      for (const [key, value] of Object.entries(patch)) values[key] = value;
      if (dirty === null) {
        dirty = new Set();
        queueMicrotask(flush);
      }
      for (const key of Object.keys(patch)) dirty.add(key);
    },
    on(keys, draw) {
      listeners.push({ keys, draw });
    },
  };
}
