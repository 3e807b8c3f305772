// Sending edits, and letting the masks follow: at once after a drag, a moment after the last key or brush stroke.

export function makeChange(state, wire) {
  let follow = null;
  let timer = null;
  let due = null;

  // `wait`: milliseconds after which the masks follow; null is not at all. What runs is stopped: it would not fit.
  async function change(edit, wait = null) {
    clearTimeout(timer);
    due = wait === null ? due : performance.now() + wait;
    if (state.get().busy) await wire.stop();
    wire.send("edit", edit);
  }

  // Names, locks and verified marks change no mask: what runs goes on, and respects them.
  const note = (edit) => wire.send("edit", edit);

  // The server has taken the edit.
  function edited() {
    if (due === null) return;
    clearTimeout(timer);
    const left = due - performance.now();
    const go = () => { due = null; follow?.(); };
    if (left <= 0) go();
    else timer = setTimeout(go, left);
  }

  return { change, note, edited, onFollow(act) { follow = act; } };
}
