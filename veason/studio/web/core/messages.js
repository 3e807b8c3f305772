// Messages from the server, in order. Two that changed places wait for each other; a gap that stays (the browser dropped
// an update, or the server was started anew) is healed by a snapshot. Everything sent names this tab, the person and what
// the tab has seen, so that nobody overwrites unseen work.

import { recallPref } from "./prefs.js";

const PATIENCE = 500;
const tab = Math.random().toString(36).slice(2, 12);

export function makeMessages(scope, state, receive) {
  let revision = 0;
  let epoch = null;
  let edits = 0;
  let healing = null;
  let losing = null;
  const early = new Map();

  const signed = (data) => ({ tab, by: recallPref("annotator", ""), seen: state.get().seen, ...data });

  function take(message) {
    if (!message || !message.items) return;
    if (message.work === null) {
      message.items.forEach(receive);
      return;
    }
    if (message.items.some((item) => item.kind === "opened")) {
      ({ revision, epoch } = message);
      early.clear();
    } else if (message.work !== state.get().work) return;
    else if (message.epoch !== epoch) {
      heal();
      return;
    } else if (message.revision <= revision) return;
    else if (message.revision > revision + 1) {
      early.set(message.revision, message);
      losing ??= setTimeout(heal, PATIENCE);
      return;
    } else revision = message.revision;
    // While a later edit is on its way the page shows what that will give: an older state would take it back for a moment.
    const isLate = message.items.some((item) => item.kind === "taken" && item.number < edits);
    message.items.filter((item) => item.kind !== "taken" && !(isLate && item.kind === "session")).forEach(receive);
    const next = early.get(revision + 1);
    early.delete(revision + 1);
    if (next) take(next);
    else settle();
  }

  function settle() {
    for (const one of early.keys()) if (one <= revision) early.delete(one);
    if (early.size) return;
    clearTimeout(losing);
    losing = null;
  }

  function heal() {
    losing = null;
    healing ??= recall(state.get().work).finally(() => {
      healing = null;
    });
    return healing;
  }

  async function recall(work) {
    const message = await scope.server.snapshot(signed({ work }));
    take(message);
    return message.work !== null;
  }

  scope.watch("value", () => take(scope.props.value));

  return {
    send(name, data) {
      if (name === "edit") state.set({ saved: "saving" });
      const number = name === "edit" ? { number: ++edits } : {};
      scope.trigger(name, signed({ work: state.get().work, ...number, ...data }));
    },
    pulse: () => scope.server.pulse(signed({ work: state.get().work })),
    signed,
    stop: async () => Boolean((await scope.server.stop({ work: state.get().work })).wasRunning),
    recall,
  };
}
