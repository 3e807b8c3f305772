// Frame stepping and playback by index; the browser's own video clock is never asked.

import { clamp } from "../core/clamp.js";

const PLAY = "M7 5v14l11-7z";
const PAUSE = "M8 5v14M16 5v14";

const AFTER_A_JUMP = 120; // ms: who drags the slider is not held up by the neighbours of every place on the way

export function makePlayer(refs, state, frames) {
  let timer = null;
  let resting = null;
  let last = 0;

  function go(frame) {
    const { info } = state.get();
    if (!info || Number.isNaN(frame)) return;
    state.set({ frame: clamp(Math.round(frame), 0, info.frames - 1) });
  }

  const step = (by) => {
    pause();
    go(state.get().frame + by);
  };

  function pause() {
    clearTimeout(timer);
    timer = null;
    if (state.get().playing) state.set({ playing: false });
  }

  async function tick(due) {
    const { info, frame, playing } = state.get();
    if (!playing) return;
    if (frame >= info.frames - 1) {
      pause();
      return;
    }
    frames.prefetch(frame, 1, 6, 0);
    await frames.get(frame + 1).catch(pause);
    if (!state.get().playing) return;
    go(frame + 1);
    const next = Math.max(due + 1000 / (info.fps || 25), performance.now());
    timer = setTimeout(() => tick(next), Math.max(0, next - performance.now()));
  }

  function toggle() {
    const { info, frame, playing } = state.get();
    if (!info) return;
    if (playing) {
      pause();
      return;
    }
    if (frame >= info.frames - 1) go(0);
    state.set({ playing: true });
    tick(performance.now());
  }

  refs.first.addEventListener("click", () => {
    pause();
    go(0);
  });
  refs.last.addEventListener("click", () => {
    pause();
    go(Infinity);
  });
  refs.prev.addEventListener("click", () => step(-1));
  refs.next.addEventListener("click", () => step(1));
  refs.play.addEventListener("click", toggle);
  refs.slider.addEventListener("input", () => {
    pause();
    go(Number(refs.slider.value));
  });
  refs.number.addEventListener("keydown", (event) => {
    if (event.key === "Enter") refs.stage.focus({ preventScroll: true }); // which ends the typing: keys are commands again
  });
  refs.number.addEventListener("change", () => {
    pause();
    go(Number(refs.number.value));
  });

  state.on(["info"], ({ info }) => {
    if (!info) return;
    refs.slider.max = info.frames - 1;
    refs.number.max = info.frames - 1;
    refs.total.textContent = `/ ${info.frames - 1}`;
  });
  state.on(["frame"], ({ frame }) => {
    refs.slider.value = frame;
    if (document.activeElement !== refs.number) refs.number.value = frame;
    const by = frame - last;
    last = frame;
    clearTimeout(resting);
    const wait = Math.abs(by) <= 1 ? 0 : AFTER_A_JUMP; // never before the frame itself was asked for
    resting = setTimeout(() => frames.prefetch(frame, by < 0 ? -1 : 1), wait);
  });
  state.on(["playing"], ({ playing }) => {
    refs.play.querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
    refs.play.setAttribute("aria-label", playing ? "Pause" : "Play");
  });
  return { go, step, toggle, pause };
}
