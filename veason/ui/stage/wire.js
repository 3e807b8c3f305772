// Messages from the server, in order. A gap (the browser dropped an update) is healed by a snapshot.

export function makeWire(scope, state, receive) {
  let revision = 0;
  let healing = null;

  function take(message) {
    if (!message || !message.items) return;
    if (message.work === null) {
      message.items.forEach(receive);
      return;
    }
    if (message.items.some((item) => item.kind === "opened")) revision = message.revision;
    else if (message.work !== state.get().work) return;
    else if (message.revision <= revision) return;
    else if (message.revision > revision + 1) {
      heal();
      return;
    } else revision = message.revision;
    message.items.forEach(receive);
  }

  function heal() {
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
