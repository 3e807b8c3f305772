// Messages from the server, in order. Two that changed places wait for each other; a gap that stays (the browser
// dropped an update) is healed by a snapshot.

const PATIENCE = 500;

export function makeWire(scope, state, receive) {
  let revision = 0;
  let healing = null;
  let losing = null;
  const early = new Map();

  function take(message) {
    if (!message || !message.items) return;
    if (message.work === null) {
      message.items.forEach(receive);
      return;
    }
    if (message.items.some((item) => item.kind === "opened")) {
      revision = message.revision;
      early.clear();
    }
    else if (message.work !== state.get().work) return;
    else if (message.revision <= revision) return;
    else if (message.revision > revision + 1) {
      early.set(message.revision, message);
      losing ??= setTimeout(heal, PATIENCE);
      return;
    } else revision = message.revision;
    message.items.forEach(receive);
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
    healing ??= recall(state.get().work).finally(() => { healing = null; });
    return healing;
  }

  async function recall(work) {
    const message = await scope.server.snapshot({ work });
    if (message.work) revision = message.revision - 1;
    take(message);
    return message.work !== null;
  }

  scope.watch("value", () => take(scope.props.value));

  return {
    send: (name, data) => scope.trigger(name, { work: state.get().work, ...data }),
    stop: () => scope.server.stop({ work: state.get().work }),
    recall,
  };
}
