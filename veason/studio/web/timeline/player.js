// @ts-check
// Frame stepping and playback by index; the browser's own video clock is never asked.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Frames } from "../canvas/frames.js" */

import { clamp } from "../core/clamp.js";
import { keepPref } from "../core/prefs.js";

const PLAY = "M7 5v14l11-7z";
const PAUSE = "M8 5v14M16 5v14";

const AFTER_A_JUMP = 120; // ms: who drags the slider is not held up by the neighbours of every place on the way

export class Player {
  #refs;
  #state;
  #frames;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;
  #last = 0;

  /** @param {Refs} refs @param {Store} state @param {Frames} frames */
  constructor(refs, state, frames) {
    this.#refs = refs;
    this.#state = state;
    this.#frames = frames;
    this.#bindButtons();
    state.on(["info"], ({ info }) => {
      if (!info) return;
      refs.slider.max = String(info.frames - 1);
      refs.number.max = String(info.frames - 1);
      refs.total.textContent = `/ ${info.frames - 1}`;
    });
    state.on(["frame"], (now) => this.#follow(now));
    state.on(["playing"], ({ playing }) => {
      refs.play.querySelector("path")?.setAttribute("d", playing ? PAUSE : PLAY);
      refs.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    });
  }

  /** Show a frame, or the nearest that there is. @param {number} frame */
  go = (frame) => {
    const { info } = this.#state.get();
    if (!info || Number.isNaN(frame)) return;
    this.#state.set({ frame: clamp(Math.round(frame), 0, info.frames - 1) });
  };

  /** @param {number} by */
  step = (by) => this.#jump(this.#state.get().frame + by);

  pause = () => {
    clearTimeout(this.#timer);
    if (this.#state.get().playing) this.#state.set({ playing: false });
  };

  toggle = () => {
    const { info, frame, playing } = this.#state.get();
    if (!info) return;
    if (playing) {
      this.pause();
      return;
    }
    if (frame >= info.frames - 1) this.go(0);
    this.#state.set({ playing: true });
    this.#tick(performance.now());
  };

  /** @param {number} frame */
  #jump(frame) {
    this.pause();
    this.go(frame);
  }

  /** @param {number} due */
  async #tick(due) {
    const { info, frame, playing, rate } = this.#state.get();
    if (!playing || !info) return;
    if (frame >= info.frames - 1) {
      this.pause();
      return;
    }
    this.#frames.prefetch(frame, 1, 6, 0);
    await this.#frames.get(frame + 1).catch(this.pause);
    if (!this.#state.get().playing) return;
    this.go(frame + 1);
    const next = Math.max(due + 1000 / ((info.fps || 25) * rate), performance.now());
    this.#timer = setTimeout(() => this.#tick(next), Math.max(0, next - performance.now()));
  }

  #bindButtons() {
    const { first, last, prev, next, play, slider, number, stage, rate } = this.#refs;
    first.addEventListener("click", () => this.#jump(0));
    last.addEventListener("click", () => this.#jump(Infinity));
    prev.addEventListener("click", () => this.step(-1));
    next.addEventListener("click", () => this.step(1));
    play.addEventListener("click", this.toggle);
    rate.value = String(this.#state.get().rate);
    rate.addEventListener("change", () => {
      this.#state.set({ rate: Number(rate.value) });
      keepPref("rate", Number(rate.value));
      stage.focus({ preventScroll: true });
    });
    slider.addEventListener("input", () => this.#jump(Number(slider.value)));
    number.addEventListener("keydown", (event) => {
      if (event.key === "Enter") stage.focus({ preventScroll: true }); // which ends the typing: keys are commands again
    });
    number.addEventListener("change", () => this.#jump(Number(number.value)));
  }

  /** @param {State} now */
  #follow({ frame }) {
    const { slider, number } = this.#refs;
    slider.value = String(frame);
    if (document.activeElement !== number) number.value = String(frame);
    const by = frame - this.#last;
    this.#last = frame;
    clearTimeout(this.#resting);
    const wait = Math.abs(by) <= 1 ? 0 : AFTER_A_JUMP; // never before the frame itself was asked for
    const prefetch = () => {
      if (this.#state.get().picture) this.#frames.prefetch(frame, by < 0 ? -1 : 1);
      else this.#resting = setTimeout(prefetch, AFTER_A_JUMP); // the first picture has the line for itself
    };
    this.#resting = setTimeout(prefetch, wait);
  }
}
