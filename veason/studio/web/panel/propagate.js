// Which frames to do, what it will cost, and how far it is.

import { isSpread } from "../core/objects.js";
import { duration } from "../core/words.js";

const KEEP_MS = 250;

export function makePropagate(refs, scope, state, messages) {
  let keeping = null;
  let kept = null;

  function wanted() {
    return { start: Number(refs.from.value), stop: Number(refs.to.value) + 1 };
  }

  // `only`: null is all objects on the whole range; see PropagateRequest in contract.d.ts for the others. `after`: an edit to wait for.
  function start(only = null, after = null) {
    const { objects, busy, frame, selected } = state.get();
    if (!objects.length || (only && selected === null)) return;
    if (busy && after === null) messages.stop();
    if (only && only !== "here") {
      // a correction shows at least where it was made
      refs.from.value = Math.min(refs.from.value, frame);
      refs.to.value = Math.max(refs.to.value, frame);
    }
    state.set({ busy: "propagate", done: new Set(), status: "waiting for the segmenter …" });
    messages.send("propagate", { ...wanted(), only, object: selected, frame, after });
  }

  // After a correction: where masks are everywhere they follow it; before that, its own frame shows what it gives.
  function again(edit) {
    const { objects, selected, frame, boxes, clicks } = state.get();
    const isPrompted = [...boxes, ...clicks].some((one) => one.object === selected && one.frame === frame);
    if (objects.some((object) => isSpread(state.get(), object))) start("stale", edit);
    else if (isPrompted) start("here", edit);
  }

  function estimate() {
    const { info, objects, secondsPerFrame } = state.get();
    if (!info) return;
    const { start: from, stop } = wanted();
    const frames = Math.max(0, stop - from);
    const count = Math.max(1, objects.length);
    const part = frames < info.frames ? ` of ${info.frames}` : "";
    refs.estimate.textContent = `${frames}${part} frames · ≈ ${duration(frames * count * secondsPerFrame)}`;
  }

  function drawProgress() {
    const { busy, done, goal } = state.get();
    const isBusy = busy === "propagate";
    refs.progress.hidden = !isBusy;
    if (!isBusy) return;
    const share = Math.min(1, done.size / Math.max(1, goal));
    refs.progress.firstElementChild.style.width = `${share * 100}%`;
    refs.progress.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }

  // A range that a person chose is kept with the question, so that it is there again after a restart.
  function keep() {
    const { work, range } = state.get();
    if (!work || kept === `${work} ${range}`) return;
    kept = `${work} ${range}`;
    scope.server.act(
      messages.signed({
        do: "frames",
        project: state.get().project,
        question: Number(work.split(".").at(-1)),
        start: range[0],
        stop: range[1],
      }),
    );
  }

  function choose() {
    const { start: from, stop } = wanted();
    if (refs.from.value && refs.to.value && from >= 0 && from < stop && stop <= state.get().info.frames)
      state.set({ range: [from, stop] });
  }

  refs.go.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  for (const field of [refs.from, refs.to]) {
    // While typing, not when the field is left: on a phone the page would move under the finger that leaves it.
    field.addEventListener("input", () => {
      estimate();
      choose();
    });
  }
  state.on(["range"], ({ range }) => {
    refs.from.value = range[0];
    refs.to.value = range[1] - 1;
  });
  state.on(["info"], ({ work, range }) => {
    kept = `${work} ${range}`;
  });
  state.on(["range"], () => {
    clearTimeout(keeping);
    keeping = setTimeout(keep, KEEP_MS);
  });
  state.on(["range", "objects", "info", "secondsPerFrame"], estimate);
  state.on(["done", "busy", "maskCount"], drawProgress);
  state.on(["objects", "busy"], ({ objects, busy }) => {
    refs.propagate.disabled = !objects.length || busy === "propagate";
    refs.stop.disabled = !busy;
    refs.think.disabled = busy === "think";
  });
  return { start, again };
}
