// Sending edits, and letting the masks follow: at once after a drag, a moment after the last key or brush stroke.

export function makeChange(state, messages) {
  let follow = null;
  let timer = null;
  let last = 0;

  // What runs is stopped, it would not fit any more. `wait`: milliseconds after which the masks follow, null is never.
  // The request for masks names the edit it has to wait for, so that it need not wait for the edit's answer here.
  async function change(edit, wait = null) {
    clearTimeout(timer);
    last = Math.max(last + 1, Date.now());
    if (state.get().busy) await messages.stop();
    messages.send("edit", { ...edit, stamp: last });
    if (wait === 0) follow?.(last);
    else if (wait !== null) timer = setTimeout(() => follow?.(last), wait);
  }

  // Names, locks and verified marks change no mask: what runs goes on, and respects them.
  const note = (edit) => messages.send("edit", edit);

  return {
    change,
    note,
    onFollow(act) {
      follow = act;
    },
  };
}
