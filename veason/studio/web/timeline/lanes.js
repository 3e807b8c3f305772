// @ts-check
// A lane per object: its name and switches, its timeline. Click to jump, drag to choose the frames to propagate.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Player } from "./player.js" */

import { clamp } from "../core/clamp.js";
import { button, icon, node } from "../core/dom.js";
import { colour, isOccluded, isVisible, nameOf, provenance } from "../core/objects.js";
import { classDot, classOf } from "./class-menu.js";
import { laneMenu, openChoice } from "./lane-menu.js";
import { paintLane } from "./lane-paint.js";

const EYE = "M2 12s3.500-7 10-7 10 7 10 7-3.500 7-10 7S2 12 2 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z";
const EYE_SHUT = "M3 9c3 4 6 6 9 6s6-2 9-6M6 13l-2 3M12 15v4M18 13l2 3";
const TARGET = "M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z";
const LOCK = "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3";
const UNLOCKED = "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6-1";

const LEGEND = [
  ["diamond", "model's box"],
  ["own", "yours"],
  ["verified", "verified"],
  ["waiting", "changed"],
  ["left", "left as it was"],
  ["doubt", "doubtful"],
  ["empty", "empty"],
  ["occluded", "occluded"],
  ["absent", "absent"],
  ["score", "object score"],
];
const A_DRAG = 5; // pixels: less is a click

/**
 * The parts of a lane that change without the lane.
 * @typedef {object} Lane
 * @property {HTMLElement} title
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} cursor
 * @property {HTMLElement} lit
 * @property {HTMLElement} span
 * @property {HTMLElement} figure
 * @property {HTMLElement} here
 * @property {HTMLElement} numbers
 */

export class Lanes {
  #refs;
  #state;
  #player;
  #actions;
  #threshold;
  /** @type {Map<number, Lane>} */
  #lanes = new Map();
  #built = "";

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {Player} player
   * @param {Actions} actions
   * @param {number} threshold a frame above it is doubtful
   */
  constructor(refs, state, player, actions, threshold) {
    this.#refs = refs;
    this.#state = state;
    this.#player = player;
    this.#actions = actions;
    this.#threshold = threshold;
    const signs = LEGEND.map(([kind, text]) => node("span", {}, node("i", { class: `v-sign v-sign-${kind}` }), text));
    refs.legend.replaceChildren(...signs);
    this.#bindState();
  }

  #bindState() {
    const state = this.#state;
    const drawAll = () => {
      if (this.#lanes.size) this.#draw();
    };
    state.on(["objects", "info", "names", "hidden", "solo", "locked", "renaming"], () => this.#build());
    state.on(["classes", "attributes", "classList"], () => this.#build());
    state.on(["selected"], () => this.#mark());
    state.on(["masks", "maskCount", "doubt", "boxes", "clicks", "paintings"], drawAll);
    state.on(["stale", "pending", "assumed", "marks", "occluded", "byHand"], drawAll);
    state.on(["frame"], () => this.#move());
    state.on(["merging"], ({ merging }) => this.#openChoice(merging, "[data-merge]"));
    state.on(["classing"], ({ classing }) => this.#openChoice(classing, "[data-class]"));
    state.on(["lit"], (now) => this.#light(now));
    state.on(["range", "selected", "names"], () => this.#band());
    new ResizeObserver(drawAll).observe(this.#refs.lanes);
  }

  /** @param {number | null} objectId @param {string} first */
  #openChoice(objectId, first) {
    if (objectId !== null) openChoice(this.#refs.lanes, objectId, first);
  }

  /** Built anew only where something to be seen has changed: a drag or a name half typed goes on. */
  #build() {
    const { objects, info, renaming, work, names, hidden, solo, locked, merging, classes, attributes, classList } =
      this.#state.get();
    const said = [[...names], [...classes], [...attributes], classList];
    const wanted = JSON.stringify([work, objects, renaming, said, [...hidden], solo, locked]);
    if (wanted === this.#built) return;
    this.#built = wanted;
    this.#lanes = new Map();
    this.#refs.timeline.hidden = !info || !objects.length;
    this.#refs.lanes.replaceChildren(...(info ? objects : []).map((objectId) => this.#lane(objectId)));
    if (this.#refs.timeline.hidden) return;
    if (renaming !== null)
      /** @type {HTMLInputElement | null} */ (this.#refs.lanes.querySelector(".v-rename"))?.select();
    this.#mark();
    this.#draw();
    this.#openChoice(merging, "[data-merge]");
  }

  /** Mark the lane of the object in hand. The lanes stay as they are: one of them may be dragged over. */
  #mark() {
    const { selected } = this.#state.get();
    for (const [objectId, { title }] of this.#lanes) title.setAttribute("aria-pressed", String(objectId === selected));
  }

  /** @param {number} objectId */
  #lane(objectId) {
    const now = this.#state.get();
    const lane = {
      title: this.#title(objectId, now),
      canvas: node("canvas", { "aria-hidden": "true" }),
      cursor: node("i", { class: "v-cursor" }),
      lit: node("i", { class: "v-litmark", hidden: "" }),
      span: node("i", { class: "v-span" }),
      figure: node("span", {}),
      here: node("span", { class: "v-here-word" }),
      numbers: node("span", { class: "v-dim v-small v-figure" }),
    };
    this.#lanes.set(objectId, lane);
    const onpointerdown = (/** @type {PointerEvent} */ event) => this.#press(event, track, objectId);
    const title = "click: this object, there · drag: choose frames of it";
    const track = node(
      "div",
      { class: "v-track", title, onpointerdown },
      lane.canvas,
      lane.span,
      lane.lit,
      lane.cursor,
    );
    lane.numbers.append(lane.figure, " ", lane.here);
    const look = isVisible(now, objectId) ? "v-lane" : "v-lane v-faint";
    const switches = this.#switches(objectId, now);
    return node("div", { class: look, "data-object": objectId }, lane.title, switches, track, lane.numbers);
  }

  /** @param {number} objectId @param {State} now */
  #switches(objectId, now) {
    const name = nameOf(now, objectId);
    const isLocked = now.locked.includes(objectId);
    const isHidden = now.hidden.has(objectId);
    const { hide, solo, lock } = this.#actions;
    return node(
      "span",
      { class: "v-switches" },
      toggle(`Hide ${name}`, isHidden ? EYE_SHUT : EYE, isHidden, () => hide(objectId)),
      toggle(`Show only ${name}`, TARGET, now.solo === objectId, () => solo(objectId)),
      toggle(`Lock ${name}`, isLocked ? LOCK : UNLOCKED, isLocked, () => lock(objectId)),
      laneMenu(objectId, now, this.#actions),
    );
  }

  /** @param {number} objectId @param {State} now */
  #title(objectId, now) {
    if (now.renaming === objectId) return this.#renaming(objectId, now);
    const name = nameOf(now, objectId);
    const attributes = {
      class: "v-name",
      title: `${name} (double click or F2 to rename)`,
      onclick: () => this.#actions.select(objectId),
      ondblclick: () => this.#state.set({ renaming: objectId }),
    };
    const ink = colour(this.#state.clip().palette, objectId);
    const own = classOf(now, objectId);
    const tag = own
      ? [node("span", { class: "v-class", title: `class ${own.name}` }, classDot(own.colour), own.name)]
      : [];
    const dot = node("i", { class: "v-dot", style: `background:${ink}` });
    return button(attributes, dot, node("span", {}, name), ...tag);
  }

  /** @param {number} objectId @param {State} now */
  #renaming(objectId, now) {
    const field = node("input", {
      class: "v-rename",
      "aria-label": `Name of object ${objectId}`,
      value: now.names.get(objectId) ?? "",
      placeholder: `object ${objectId}`,
      maxlength: 80,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter") this.#actions.rename(objectId, field.value);
        if (event.key === "Escape") this.#state.set({ renaming: null });
      },
      onblur: () => {
        if (this.#state.get().renaming === objectId) this.#actions.rename(objectId, field.value);
      },
    });
    return field;
  }

  /** @param {MouseEvent} event @param {HTMLElement} track */
  #frameAt(event, track) {
    const area = track.getBoundingClientRect();
    const { frames } = this.#state.clip();
    return clamp(Math.floor(((event.clientX - area.left) / area.width) * frames), 0, frames - 1);
  }

  /** @param {PointerEvent} event @param {HTMLElement} track @param {number} objectId */
  #press(event, track, objectId) {
    if (event.button !== 0) return;
    const from = this.#frameAt(event, track);
    let isRange = false;
    track.setPointerCapture(event.pointerId);
    const drag = (/** @type {PointerEvent} */ moved) => {
      isRange ||= Math.abs(moved.clientX - event.clientX) > A_DRAG;
      if (!isRange) return;
      const to = this.#frameAt(moved, track);
      this.#actions.select(objectId); // what is said of the frames is said of it
      this.#state.set({ range: [Math.min(from, to), Math.max(from, to) + 1] });
    };
    const end = () => {
      track.removeEventListener("pointermove", drag);
      if (isRange) return;
      this.#actions.select(objectId); // or the next click on the picture would go to another object
      this.#player.go(from);
    };
    track.addEventListener("pointermove", drag);
    track.addEventListener("pointerup", end, { once: true });
    track.addEventListener("pointercancel", end, { once: true });
  }

  #draw() {
    const now = this.#state.get();
    const info = this.#state.clip();
    for (const [object, { canvas, figure, numbers }] of this.#lanes) {
      const ink = colour(info.palette, object);
      const told = paintLane(canvas, now, info, { object, ink, threshold: this.#threshold });
      figure.textContent = now.pending.has(object) ? "changed" : countText(told);
      numbers.title = told.done ? `${countsText(told, info.frames)} ${scoreText(told.sure)}` : "";
    }
    this.#move();
    this.#band();
  }

  #move() {
    const now = this.#state.get();
    if (!now.info) return;
    for (const [objectId, { cursor, here }] of this.#lanes) {
      cursor.style.left = `${((now.frame + 0.5) / now.info.frames) * 100}%`;
      const word = provenance(now, objectId, now.frame);
      const isHidden = isOccluded(now, objectId, now.frame);
      here.textContent = isHidden ? "occluded" : word; // the lane is narrow: one word, the other as its title
      here.title = isHidden ? `${word}, occluded` : "";
    }
  }

  /** The frame of a chip under the pointer, in the reasoning. @param {State} now */
  #light({ info, lit }) {
    const frame = lit?.frame ?? null;
    for (const lane of this.#lanes.values()) {
      lane.lit.hidden = !info || frame === null;
      if (info && frame !== null) lane.lit.style.left = `${((frame + 0.5) / info.frames) * 100}%`;
    }
  }

  /** The chosen frames. */
  #band() {
    const now = this.#state.get();
    const { info, range, selected } = now;
    if (!info) return;
    const isAll = range[0] === 0 && range[1] === info.frames;
    this.#refs.rangeBar.hidden = isAll;
    this.#refs.rangeText.textContent = chosenText(now);
    for (const [objectId, { span }] of this.#lanes) {
      span.hidden = isAll;
      span.classList.toggle("v-faint", objectId !== selected);
      span.style.left = `${(range[0] / info.frames) * 100}%`;
      span.style.width = `${((range[1] - range[0]) / info.frames) * 100}%`;
    }
  }
}

/**
 * How many frames of an object are what.
 * @typedef {{ done: number, count: number, empty: number, doubtful: number }} LaneCounts
 */

/** On how many frames an object is, in a word or two. @param {LaneCounts} counts */
export function countText({ done, count, empty }) {
  if (!done) return "no masks yet";
  if (count) return `${count} fr`;
  return empty ? `${empty} empty` : "absent";
}

/** All that is counted of an object. @param {LaneCounts} counts @param {number} frames */
export function countsText({ done, count, empty, doubtful }, frames) {
  const absent = done - count - empty;
  const parts = [`${count} with a mask`, `${empty} empty`, `${doubtful} doubtful`, `${absent} marked absent`];
  return `${done} of ${frames} frames done: ${parts.join(", ")}.`;
}

/** What the mean of the object scores says, and what it does not. @param {number} mean in [0, 1] */
export const scoreText = (mean) =>
  `Mean object score ${mean.toFixed(2)}: the segmenter's own, of whether the object is there, not of how good a mask is.`;

/** The object and the frames that the bar speaks of. @param {Pick<State, "range" | "selected" | "names">} now */
export function chosenText(now) {
  const [start, stop] = now.range;
  const frames = stop - start > 1 ? `frames ${start} to ${stop - 1}` : `frame ${start}`;
  return now.selected === null ? frames : `${nameOf(now, now.selected)}, ${frames}`;
}

/** @param {string} label @param {string} path @param {boolean} isOn @param {() => void} onclick */
const toggle = (label, path, isOn, onclick) =>
  button({ class: "v-switch", "aria-label": label, title: label, "aria-pressed": String(isOn), onclick }, icon(path));

/**
 * What is said of the chosen frames, and how masks look.
 * @param {Refs} refs
 * @param {Store} state
 * @param {Actions} actions
 */
export function bindLaneTools(refs, state, actions) {
  refs.rangeVerify.addEventListener("click", actions.marks.verifyRange);
  refs.rangeOccluded.addEventListener("click", actions.marks.occludedRange);
  refs.rangeAbsent.addEventListener("click", actions.marks.absentRange);
  refs.rangeAll.addEventListener("click", () => state.set({ range: [0, state.clip().frames] }));
  refs.opacity.addEventListener("input", () => actions.look({ opacity: Number(refs.opacity.value) / 100 }));
  refs.outline.addEventListener("click", () => actions.look({ outline: !state.get().outline }));
  refs.onion.addEventListener("click", () => actions.look({ onion: !state.get().onion }));

  /** @param {State} now */
  function drawLook({ opacity, outline, onion }) {
    refs.onion.setAttribute("aria-pressed", String(onion));
    refs.opacity.value = String(Math.round(opacity * 100));
    refs.opacity.disabled = outline;
    refs.outline.setAttribute("aria-pressed", String(outline));
  }
  drawLook(state.get());
  state.on(["opacity", "outline", "onion"], drawLook);
}
