// @ts-check
// Keys of the queue: they go before those of the stage while the queue is to be seen.

/** @import { QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */
/** @import { Queue } from "./queue.js" */

import { targetOf } from "../core/dom.js";

/** @import { RowActions } from "./row-actions.js" */

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Queue} queue
 * @param {RowActions} actions
 */
export function bindQueueKeys(refs, state, queue, actions) {
  const moves = moving(queue);
  const acts = new Map(Object.entries({ ...moves, ...deciding(queue, actions), ...elsewhere(refs, state, queue) }));

  const press = (/** @type {KeyboardEvent} */ event) => {
    if (refs.queue.hidden || event.altKey) return;
    const isAll = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a";
    if ((event.ctrlKey || event.metaKey) && !isAll) return;
    if (document.querySelector("dialog[open]")) return;
    const target = targetOf(event);
    const isTyping = Boolean(target?.closest("input, textarea, select"));
    if (isTyping && event.key === "Escape") refs.rows.focus();
    if (isTyping || ((event.key === "Enter" || event.key === " ") && target?.closest("button"))) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = isAll ? () => queue.tickAll() : acts.get(key);
    if (event.key === "Escape" && state.get().work) queue.show(false);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || key in moves) act(); // a held key moves on, and decides once
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

/** @param {Queue} queue @param {RowActions} actions */
function deciding(queue, actions) {
  const ofRow = (/** @type {(row: QueueRow) => unknown} */ act) => () => {
    const row = queue.currentRow();
    if (row) act(row);
  };
  return {
    Enter: ofRow((row) => queue.open(row.id)),
    " ": ofRow((row) => queue.tick(row.id, false)),
    a: () => actions.decide("accept"),
    x: () => actions.decide("reject"),
    r: () => actions.decide("reopen"),
    g: ofRow((row) => queue.judge("agree", row.id)),
    d: ofRow((row) => queue.judge("disagree", row.id)),
    p: () => actions.assign(),
    c: () => actions.duplicate(),
    F2: () => actions.rename(),
    Delete: () => actions.delete(),
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
