// @ts-check
// Whether the server can be reached. While it cannot, a banner says so and edits wait; then they are sent.

/** @import { Refs } from "./refs.js" */
/** @import { Notify, Scope } from "./types.js" */
/** @import { Messages } from "./messages.js" */

import { counted } from "./words.js";

const EVERY_MS = 1500;
/** A server that is gone refuses at once, and that is told within three seconds; one that says nothing may be busy. */
const PATIENCE_MS = 4000;
/** One answer that does not come is no proof. */
const TRIES = 2;

/**
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Messages} messages
 * @param {Notify} notify
 */
export function makeConnection(refs, scope, messages, notify) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let next;
  let isTrying = false;

  async function check() {
    if (isTrying) return;
    isTrying = true;
    clearTimeout(next);
    try {
      if (document.hidden && !messages.isAway) return;
      if (!(await isThere(scope))) lose();
      else if (messages.isAway) await regain();
    } finally {
      isTrying = false;
      next = setTimeout(check, EVERY_MS);
    }
  }

  async function regain() {
    const back = await messages.comeBack();
    if (!back) return; // it went again before it had told how things stand: edits wait on
    refs.offline.hidden = true;
    const told = whatBecame(back);
    if (told) notify(told, back.unsure || back.lost ? "error" : "info");
  }

  function lose() {
    if (!messages.isAway) messages.leave();
    refs.offline.hidden = false;
  }

  window.addEventListener("offline", lose);
  window.addEventListener("online", check);
  document.addEventListener("visibilitychange", check);
  refs.retry.addEventListener("click", check);
  next = setTimeout(check, EVERY_MS);
  return { suspect: check };
}

/** @param {Scope} scope */
async function isThere(scope) {
  for (let number = 0; number < TRIES; number += 1) {
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      await fetch(new URL(scope.props.main, document.baseURI), { method: "HEAD", cache: "no-store", signal });
      return true;
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "TimeoutError")) return false;
    }
  }
  return false;
}

/**
 * What became of the edits of a time without a server, "" where there were none.
 * @param {{ sent: number, unsure: number, lost: number }} back
 */
export function whatBecame({ sent, unsure, lost }) {
  const parts = [];
  if (sent) parts.push(`${counted(sent, "change")} made meanwhile ${sent === 1 ? "was" : "were"} sent`);
  if (unsure) parts.push(`look whether the last ${unsure === 1 ? "change is" : `${unsure} changes are`} there`);
  if (lost) parts.push(`${counted(lost, "change")} could not be sent and ${lost === 1 ? "is" : "are"} lost`);
  return parts.length ? `The server is back: ${parts.join("; ")}.` : "";
}
