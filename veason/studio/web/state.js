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

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export function colour(palette, objectId) {
  return palette[(objectId - 1) % palette.length] ?? "#56b4e9";
}

export function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children); // strings become text nodes: what a model or a file name says is never markup
  return made;
}

export function icon(path) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}
