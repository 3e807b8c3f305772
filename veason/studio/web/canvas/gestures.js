// Wheel, pinch, Space-drag and middle-drag move the view; they take the pointer over before the stage sees it.

import { panned, zoomed } from "./view.js";

export function bindGestures(refs, state, canvas, place, cancelDrag) {
  const touches = new Map();
  let holding = false;
  let moved = false;
  let panning = null;
  let spread = 0;

  const set = (view) => {
    moved = true;
    state.set({ view });
  };
  const perPixel = () => state.get().info.width / state.get().view.zoom / canvas.getBoundingClientRect().width;
  const pan = (dx, dy) => set(panned(state.get().view, dx * perPixel(), dy * perPixel(), state.get().info));

  refs.stage.addEventListener(
    "wheel",
    (event) => {
      const { info, view } = state.get();
      if (!info) return;
      event.preventDefault();
      set(zoomed(view, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), place(event), info));
    },
    { passive: false },
  );

  function distance() {
    const [a, b] = [...touches.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const isPan = event.button === 1 || (event.button === 0 && holding);
    if (touches.size !== 2 && !isPan) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    cancelDrag();
    if (touches.size === 2) spread = distance();
    else {
      panning = event.pointerId;
      canvas.setPointerCapture(event.pointerId);
      refs.stage.dataset.grab = "held";
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    const touch = touches.get(event.pointerId);
    if (event.pointerId === panning) pan(event.movementX, event.movementY);
    else if (touch && touches.size === 2) {
      const now = { x: event.clientX, y: event.clientY };
      pan((now.x - touch.x) / 2, (now.y - touch.y) / 2);
      touches.set(event.pointerId, now);
      const wide = distance();
      const [a, b] = [...touches.values()];
      set(
        zoomed(
          state.get().view,
          wide / spread,
          place({ clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 }),
          state.get().info,
        ),
      );
      spread = wide;
    } else return;
    event.stopImmediatePropagation();
  });

  function release(event) {
    const isOurs = event.pointerId === panning || touches.size === 2;
    touches.delete(event.pointerId);
    if (event.pointerId === panning) panning = null;
    delete refs.stage.dataset.grab;
    if (holding) refs.stage.dataset.grab = "ready";
    if (isOurs) event.stopImmediatePropagation();
  }
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);

  // Space held is the hand. It tells at its release whether it was used, so that a tap can still play.
  return {
    hold() {
      if (!holding) moved = false;
      holding = true;
      refs.stage.dataset.grab ??= "ready";
    },
    release() {
      holding = false;
      delete refs.stage.dataset.grab;
      return moved;
    },
  };
}
