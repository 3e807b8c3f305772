// @ts-check
// Whether the server can be reached. While it cannot, a banner says so; once it can again, the page catches up.

/** @import { Refs } from "./refs.js" */
/** @import { Scope, Store } from "./types.js" */
/** @import { Messages } from "./messages.js" */

const EVERY_MS = 2000;

/**
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Store} state
 * @param {Messages} messages
 */
export function makeConnection(refs, scope, state, messages) {
  let isLost = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let trying;

  async function isThere() {
    try {
      await fetch(new URL(scope.props.main, document.baseURI), { cache: "no-store" });
      return true;
    } catch {
      return false;
    }
  }

  async function retry() {
    clearTimeout(trying);
    if (await isThere()) {
      isLost = false;
      refs.offline.hidden = true;
      const { work } = state.get();
      if (work) messages.recall(work);
      return;
    }
    trying = setTimeout(retry, EVERY_MS);
  }

  async function suspect() {
    if (isLost || (await isThere())) return;
    lose();
  }

  function lose() {
    isLost = true;
    refs.offline.hidden = false;
    clearTimeout(trying);
    trying = setTimeout(retry, EVERY_MS);
  }

  window.addEventListener("offline", lose);
  window.addEventListener("online", retry);
  refs.retry.addEventListener("click", retry);
  return { suspect };
}
