// Single-key shortcuts; none fires while typing.

export function bindKeys(element, state, { transport, actions, propagate, stop }) {
  const bindings = {
    " ": () => transport.toggle(),
    ArrowLeft: () => transport.step(-1),
    d: () => transport.step(-1),
    ArrowRight: () => transport.step(1),
    f: () => transport.step(1),
    "shift+ArrowLeft": () => transport.step(-10),
    "shift+ArrowRight": () => transport.step(10),
    c: () => transport.step(-10),
    v: () => transport.step(10),
    Home: () => transport.go(0),
    End: () => transport.go(Infinity),
    k: () => actions.makeKeyframe(),
    n: () => state.set({ drawing: !state.get().drawing }),
    h: () => state.set({ eye: !state.get().eye }),
    p: () => propagate.start(),
    Delete: () => actions.dropBox(),
    Escape: () => stop(),
    "ctrl+z": () => actions.step("undo"),
    "ctrl+shift+z": () => actions.step("redo"),
    "ctrl+y": () => actions.step("redo"),
  };
  const nudges = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("keydown", (event) => {
    const { work, info } = state.get();
    if (!work || !info || !element.isConnected) return;
    const isTyping = event.target.closest("input:not([type=range]), textarea, select, [contenteditable]");
    if (isTyping && event.key !== "Escape") return;
    if (event.key === " " && event.target.closest("button, summary")) return; // Space presses the focused button
    if (event.altKey && nudges[event.key]) {
      const by = event.shiftKey ? 10 : 1;
      actions.nudge(...nudges[event.key].map((way) => way * by));
      event.preventDefault();
      return;
    }
    if (event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = `${event.ctrlKey || event.metaKey ? "ctrl+" : ""}${event.shiftKey && key !== " " ? "shift+" : ""}${key}`;
    const act = bindings[name];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
