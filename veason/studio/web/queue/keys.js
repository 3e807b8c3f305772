// @ts-check
// Keys of the queue: they go before those of the stage while the queue is to be seen.

/** @import { QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */
/** @import { Assign } from "./assign.js" */
/** @import { Queue } from "./queue.js" */

import { targetOf } from "../core/dom.js";

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Queue} queue
 * @param {Assign} assign
 */
export function bindQueueKeys(refs, state, queue, assign) {
  const keys = { ...moving(queue), ...deciding(queue, assign), ...elsewhere(refs, state, queue) };
  const acts = new Map(Object.entries(keys));

  const press = (/** @type {KeyboardEvent} */ event) => {
    if (refs.queue.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const target = targetOf(event);
    const isTyping = Boolean(target?.closest("input, textarea, select"));
    if (isTyping && event.key === "Escape") refs.rows.focus();
    if (isTyping || (event.key === "Enter" && target?.closest("button"))) return;
    const act = acts.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (event.key === "Escape" && state.get().work) queue.show(false);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  document.addEventListener("keydown", press, true);
}

/** @param {Queue} queue */
const moving = (queue) => ({
  ArrowDown: () => queue.move(1),
  ArrowUp: () => queue.move(-1),
  j: () => queue.move(1),
  k: () => queue.move(-1),
  PageDown: () => queue.move(10),
  PageUp: () => queue.move(-10),
  Home: () => queue.move(-1e9),
  End: () => queue.move(1e9),
});

/** @param {Queue} queue @param {Assign} assign */
function deciding(queue, assign) {
  const ofRow = (/** @type {(row: QueueRow) => unknown} */ act) => () => {
    const row = queue.currentRow();
    if (row) act(row);
  };
  return {
    Enter: ofRow((row) => queue.open(row.id)),
    a: ofRow((row) => queue.decideHere("accept", row)),
    x: ofRow((row) => queue.decideHere("reject", row)),
    r: ofRow((row) => queue.decideHere("reopen", row)),
    g: ofRow((row) => queue.judge("agree", row.id)),
    d: ofRow((row) => queue.judge("disagree", row.id)),
    p: ofRow((row) => assign.open(row)),
  };
}

/** @param {Refs} refs @param {Store} state @param {Queue} queue */
const elsewhere = (refs, state, queue) => ({
  "/": () => refs.search.focus(),
  i() {
    if (state.get().work) queue.show(false);
  },
  n: () => refs.openAdd.click(),
});
