// Whether the server can be reached. While it cannot, a banner says so; once it can again, the page catches up.

const EVERY_MS = 2000;

export function makeConnection(refs, scope, state, messages) {
  let isLost = false;
  let trying = null;

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
