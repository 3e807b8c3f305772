// @ts-check
// Which frames to do, what it will cost, and how far it is.

/** @import { PropagateRequest } from "../contract.js" */
/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, State, Store } from "../core/types.js" */

import { countFrames, drawnHere, isPropagated } from "../core/objects.js";
import { keepPref } from "../core/prefs.js";
import { duration, gpuSeconds } from "../core/words.js";
import { idOf } from "../queue/ids.js";

const KEEP_MS = 250;

/** @typedef {NonNullable<PropagateRequest["only"]>} Only */

export class Propagation {
  #refs;
  #scope;
  #state;
  #messages;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #keeping;
  /** @type {string | null} */
  #kept = null;

  /**
   * @param {Refs} refs
   * @param {Scope} scope
   * @param {Store} state
   * @param {Messages} messages
   */
  constructor(refs, scope, state, messages) {
    this.#refs = refs;
    this.#scope = scope;
    this.#state = state;
    this.#messages = messages;
    this.#bindFields();
    this.#bindState();
  }

  /**
   * Ask for masks.
   * @param {Only | null} only which; null is all objects on the whole range
   * @param {number | null} after the edit that they follow, where nobody asked for them
   */
  start(only = null, after = null) {
    const { objects, frame, selected } = this.#state.get();
    if (!objects.length || (only && selected === null)) return;
    const { from, to } = this.#refs;
    if (only && only !== "here") {
      // a correction shows at least where it was made
      from.value = String(Math.min(Number(from.value), frame));
      to.value = String(Math.max(Number(to.value), frame));
    }
    this.#state.set({ busy: "propagate", done: new Set(), status: "waiting for the segmenter …" });
    const settles = (only === "stale" || only === "here") && this.#state.get().settles;
    const order = { after: after ?? this.#messages.awaited, follows: after !== null };
    this.#messages.send("propagate", { ...this.#wanted(), only, object: selected, frame, settles, ...order });
  }

  /**
   * After a correction: where masks are everywhere they follow it; before that, its own frame shows what it gives.
   * @param {number} edit
   */
  follow = (edit) => {
    const now = this.#state.get();
    if (!now.holding && now.objects.some((object) => isPropagated(now, object))) this.start("stale", edit);
    else if (drawnHere({ ...now, paintings: [] }).isPrompted) this.start("here", edit); // a painting is its own mask
  };

  /** All masks; where corrections were made to wait, what they touch. */
  run = () => this.start(this.#state.get().holding && this.#state.get().pending.size ? "stale" : null);

  /** Do what runs that ended early left as it was. */
  goOn = () => {
    if (!this.#state.get().assumed.size) return false;
    this.start("rest");
    return true;
  };

  #wanted() {
    return { start: Number(this.#refs.from.value), stop: Number(this.#refs.to.value) + 1 };
  }

  #bindFields() {
    const { go, from, to } = this.#refs;
    go.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    for (const field of [from, to]) {
      // While typing, not when the field is left: on a phone the page would move under the finger that leaves it.
      field.addEventListener("input", () => {
        this.#estimate();
        this.#choose();
      });
    }
  }

  #bindState() {
    const { from, to, propagate, stop, stopMasks, think, goOn, settles } = this.#refs;
    const state = this.#state;
    state.on(["range"], ({ range }) => {
      from.value = String(range[0]);
      to.value = String(range[1] - 1);
    });
    state.on(["info"], ({ work, range }) => {
      this.#kept = `${work} ${range}`;
    });
    state.on(["range"], () => {
      clearTimeout(this.#keeping);
      this.#keeping = setTimeout(() => this.#keep(), KEEP_MS);
    });
    state.on(["range", "objects", "info", "secondsPerFrame"], () => this.#estimate());
    state.on(["done", "busy", "maskCount"], (now) => this.#drawProgress(now));
    goOn.addEventListener("click", this.goOn);
    settles.checked = state.get().settles;
    settles.addEventListener("change", () => {
      state.set({ settles: settles.checked });
      keepPref("settles", settles.checked);
    });
    state.on(["assumed", "busy"], ({ assumed, busy }) => {
      const left = countFrames([...assumed.values()].flat());
      goOn.hidden = !left || busy === "propagate";
      goOn.textContent = `Go on: ${left} left`;
    });
    state.on(["objects", "busy"], ({ objects, busy }) => {
      propagate.disabled = !objects.length || busy === "propagate";
      stop.disabled = !busy;
      stop.hidden = busy === "propagate"; // it stands with what it stops
      stopMasks.hidden = !stop.hidden;
      think.disabled = busy === "think";
    });
  }

  #estimate() {
    const { info, objects, secondsPerFrame } = this.#state.get();
    if (!info) return;
    const { start, stop } = this.#wanted();
    const frames = Math.max(0, stop - start);
    const part = frames < info.frames ? ` of ${info.frames}` : "";
    const seconds = frames * Math.max(1, objects.length) * secondsPerFrame;
    const gpu = gpuSeconds(seconds, this.#scope.props.about.zeroGpu);
    const quota = gpu === null ? "" : ` · up to ${duration(gpu)} of GPU quota`;
    this.#refs.estimate.textContent = `${frames}${part} frames · ≈ ${duration(seconds)}${quota}`;
  }

  /** @param {State} now */
  #drawProgress({ busy, done, goal }) {
    const { progress, progressBar } = this.#refs;
    progress.hidden = busy !== "propagate";
    if (progress.hidden) return;
    const share = Math.min(1, done.size / Math.max(1, goal));
    progressBar.style.width = `${share * 100}%`;
    progress.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }

  /** A range that a person chose is kept with the question, so that it is there again after a restart. */
  #keep() {
    const { work, range, project } = this.#state.get();
    if (!work || !project || this.#kept === `${work} ${range}`) return;
    this.#kept = `${work} ${range}`;
    const [start, stop] = range;
    this.#scope.server.act(this.#messages.signed({ do: "frames", project, question: idOf(work), start, stop }));
  }

  #choose() {
    const { start, stop } = this.#wanted();
    const isTyped = this.#refs.from.value && this.#refs.to.value;
    if (isTyped && start >= 0 && start < stop && stop <= this.#state.clip().frames)
      this.#state.set({ range: [start, stop] });
  }
}
