// @ts-check
// One case: frames of one run or two side by side, the strip of overlaps, the reasoning with its claims, the verdict.

import { ask, pictureAddress, send } from "./ask.js";
import { commandKey } from "./keys.js";
import { strip, words } from "./parts.js";
import { make } from "./words.js";

const WIDTH = 960;
const HINT = "Green: target. Orange: prediction. White: boxes. Blue: missed.";
const KEYS = "← → frames, P plays, D all views, J K cases, 1 to 7 verdicts, Esc back.";
/** A frame stays at least as long while frames are played, and until every view shows it. */
const FRAME_MS = 100;

/**
 * @typedef {{
 *   about: Record<string, any>,
 *   rater: () => string,
 *   close: () => void,
 *   next: (by: number) => void,
 *   fail: (error: unknown) => void,
 * }} Hooks
 */

/** Shows one case at a time in an element, which is hidden until one is opened. */
export class CaseRoom {
  /**
   * @param {HTMLElement} element
   * @param {Hooks} hooks
   */
  constructor(element, hooks) {
    this.element = element;
    this.hooks = hooks;
    /** @type {Record<string, any> | null} */
    this.told = null;
    this.run = "";
    this.other = "";
    this.frame = 0;
    this.boxes = "matched";
    this.isWide = false;
    /** @type {object | null} */
    this.playing = null;
    element.addEventListener("keydown", (event) => this.press(event));
  }

  /**
   * @param {string} run
   * @param {string} key
   * @param {string} other a run to show beside it, "" for none
   * @param {number} [frame]
   */
  async show(run, key, other, frame) {
    const told = await ask("case", { run, key, other });
    this.pause();
    this.told = told;
    this.run = run;
    this.other = told.others.includes(other) ? other : "";
    this.boxes = "matched";
    const judge = (/** @type {string} */ tag) => this.judge(tag);
    const turn = (/** @type {number} */ index) => this.go(index);
    const look = (/** @type {number} */ number, /** @type {number | null} */ at) => this.look(number, at);
    const [probe, sendIt] = [() => this.probe(), () => this.sendIt()];
    const hooks = { ...this.hooks, judge, turn, look, probe, send: sendIt };
    this.element.replaceChildren(this.views(told), words(told, hooks));
    this.element.hidden = false;
    this.turn(frame ?? told.frame);
    this.focus("aside button");
  }

  /** @param {Record<string, any>} told */
  views(told) {
    const names = this.other ? [this.run, this.other] : [this.run];
    const shown = names.map((name) => [name, "both", name]);
    if (this.isWide) {
      shown.unshift(["target", "truth", this.run]);
      shown.push(...names.map((name) => [`difference of ${name}`, "difference", name]));
    }
    const players = shown.map(([title, layer, name]) => {
      const image = make("img", { alt: `frame, ${title}`, "data-run": name, "data-layer": layer });
      return make("figure", {}, image, make("figcaption", {}, title));
    });
    const wide = { "aria-pressed": String(this.isWide), onclick: () => this.widen() };
    const playing = { class: "play", "aria-pressed": String(this.playing !== null), onclick: () => this.playOrPause() };
    return make(
      "div",
      { class: "views" },
      make("div", { class: `players of-${players.length}` }, ...players),
      strip(told.overlaps, (index) => this.go(index)),
      make(
        "div",
        { class: "foot" },
        make("span", { class: "hint" }, make("span", { class: "at" }), `. ${HINT} ${KEYS}`),
        make("button", playing, make("kbd", {}, "P"), "Play"),
        make("button", wide, make("kbd", {}, "D"), "Target and difference"),
      ),
    );
  }

  /** Show a frame.
   * @param {number} index
   */
  turn(index) {
    if (!this.told) return;
    this.frame = Math.min(Math.max(index, 0), this.told.num_frames - 1);
    for (const image of this.element.querySelectorAll("img")) {
      const run = image.dataset.run ?? this.run;
      const layer = image.dataset.layer ?? "both";
      const boxes = layer === "both" && (this.boxes === "matched" || run === this.run) ? this.boxes : "";
      image.src = pictureAddress(run, this.told.case.key, WIDTH, { frame: this.frame, layer, boxes });
    }
    for (const [at, bar] of this.element.querySelectorAll(".strip button").entries()) {
      bar.setAttribute("aria-current", String(at === this.frame));
    }
    for (const label of this.element.querySelectorAll(".at")) label.textContent = `Frame ${this.frame}`;
  }

  /** Show a frame that was asked for, and stay there.
   * @param {number} index
   */
  go(index) {
    this.pause();
    this.turn(index);
  }

  /** Go through the frames from here, or from the first at the end; all views show the same frame all the time. */
  async play() {
    if (!this.told) return;
    const { told } = this;
    const playing = {};
    this.setPlaying(playing);
    let next = this.frame + 1 < told.num_frames ? this.frame + 1 : 0;
    while (this.playing === playing && next < told.num_frames) {
      this.turn(next);
      next += 1;
      const images = [...this.element.querySelectorAll("img")];
      const shown = images.map((image) => image.decode().catch(() => {})); // one that is replaced meanwhile
      await Promise.all([...shown, new Promise((resolve) => setTimeout(resolve, FRAME_MS))]);
    }
    if (this.playing === playing) this.pause();
  }

  pause() {
    if (this.playing) this.setPlaying(null);
  }

  playOrPause() {
    if (this.playing) this.pause();
    else void this.play();
  }

  /** @param {object | null} playing what stands for this going through the frames, null for none */
  setPlaying(playing) {
    this.playing = playing;
    this.element.querySelector(".play")?.setAttribute("aria-pressed", String(playing !== null));
  }

  /** @param {string} selector of what is focused */
  focus(selector) {
    const found = this.element.querySelector(selector);
    if (found instanceof HTMLElement) found.focus();
  }

  /** Show the boxes of an answer that was drawn to the question.
   * @param {number} number
   * @param {number | null} frame its keyframe
   */
  look(number, frame) {
    this.boxes = String(number);
    this.go(frame ?? this.frame);
  }

  /** Show the target and the difference beside the runs, or no longer. */
  widen() {
    if (!this.told) return;
    this.isWide = !this.isWide;
    this.element.querySelector(".views")?.replaceWith(this.views(this.told));
    this.turn(this.frame);
    this.focus(".foot button:last-child");
  }

  /** Give a verdict, or take it back where it is given already.
   * @param {string} tag
   */
  async judge(tag) {
    if (!this.told) return;
    const rater = this.hooks.rater();
    if (!rater) {
      this.hooks.fail(new Error("Write your name under Rater first: a verdict is somebody's."));
      return;
    }
    const mine = this.told.verdicts.find((/** @type {any} */ one) => one.rater === rater);
    const note = this.element.querySelector("textarea")?.value ?? "";
    const { key } = this.told.case;
    try {
      await send("verdict", { run: this.run, key, rater, tag: mine?.tag === tag ? "" : tag, note });
      await this.show(this.run, key, this.other, this.frame);
    } catch (error) {
      this.hooks.fail(error);
    }
  }

  /** Ask the question again in every changed form, which takes a while. */
  async probe() {
    const { told } = this;
    const button = this.element.querySelector(".probe-it");
    if (!told || !(button instanceof HTMLButtonElement)) return;
    button.disabled = true;
    button.textContent = "Asking …";
    try {
      await send("probe", { run: this.run, key: told.case.key });
      if (this.told === told) await this.show(this.run, told.case.key, this.other, this.frame);
    } catch (error) {
      button.disabled = false;
      button.textContent = "Probe this question";
      this.hooks.fail(error);
    }
  }

  /** Put the case into the project. */
  async sendIt() {
    const said = this.element.querySelector(".sent");
    const button = said?.parentElement?.querySelector("button");
    if (!this.told || !said || !button) return;
    button.disabled = true;
    try {
      const sent = await send("send", { run: this.run, key: this.told.case.key });
      said.replaceChildren(`${sent.said}, in ${sent.project}. `);
      if (sent.studio) said.append(make("a", { href: sent.studio }, "Open the studio"));
    } catch (error) {
      button.disabled = false;
      this.hooks.fail(error);
    }
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const key = commandKey(event);
    if (event.target instanceof HTMLTextAreaElement && key !== "Escape") return;
    const tag = this.hooks.about.tags[Number(key) - 1];
    if (key === "Escape") this.hooks.close();
    else if (key === "p") this.playOrPause();
    else if (key === "ArrowRight") this.go(this.frame + 1);
    else if (key === "ArrowLeft") this.go(this.frame - 1);
    else if (key === "d") this.widen();
    else if (key === "j") this.hooks.next(1);
    else if (key === "k") this.hooks.next(-1);
    else if (tag) this.judge(tag.name);
    else return;
    event.preventDefault();
  }
}
