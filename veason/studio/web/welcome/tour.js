// @ts-check
// The first visit: short notes beside what they are about, each once that is there. Shown once; the help sheet can show
// them again.

/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */

import { button, node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";

/** @typedef {{ beside: "ask" | "canvas" | "timeline" | "actions", title: string, text: string }} Note */

/** @type {Note[]} */
const NOTES = [
  {
    beside: "ask",
    title: "Say what to find",
    text: "Describe the target in your words. The policy reasons aloud, picks the frame where it shows best, and boxes it there.",
  },
  {
    beside: "canvas",
    title: "Or show it",
    text: "Drag a box, or click on the target. Wheel to zoom, hold Space to move the picture. Drag any box to correct it.",
  },
  {
    beside: "actions",
    title: "Nothing is lost",
    text: "Everything can be undone, and a refresh brings it back. Press ? for all keys. Download when the masks are right.",
  },
];

/** Shown with the first object: before that there is no lane. @type {Note} */
const OF_LANES = {
  beside: "timeline",
  title: "Check where it doubts",
  text: "Each object has a lane. Orange is doubtful: press ] to go there. Drag over it to choose which frames to redo.",
};

export class Tour {
  #refs;
  #state;
  /** @type {Note[]} */
  #notes = [];
  #step = -1;

  /** @param {Refs} refs @param {Store} state */
  constructor(refs, state) {
    this.#refs = refs;
    this.#state = state;
    refs.tour.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.#skip();
    });
    window.addEventListener("resize", () => {
      if (this.#step >= 0) this.#place();
    });
    state.on(["pictureFrame"], ({ pictureFrame }) => {
      if (pictureFrame >= 0 && this.#step < 0 && recallPref("tour", null) === null) this.show();
    });
    state.on(["objects"], ({ objects }) => {
      if (!objects.length || this.#step >= 0 || recallPref("tour", null) !== "begun") return;
      requestAnimationFrame(() => this.#begin([OF_LANES])); // once the lane is drawn
    });
    state.on(["work"], ({ work }) => {
      if (!work && this.#step >= 0) this.#hide();
    });
  }

  show = () => {
    const [ask, canvas, ...rest] = NOTES;
    const hasLanes = this.#state.get().objects.length > 0;
    this.#begin([ask, canvas, ...(hasLanes ? [OF_LANES] : []), ...rest]);
    this.#focus();
  };

  /** @param {Note[]} notes */
  #begin(notes) {
    this.#notes = notes;
    this.#show(0);
  }

  /** @param {number} step */
  #show(step) {
    this.#step = step;
    if (step >= this.#notes.length) {
      this.#end();
      return;
    }
    const { tour } = this.#refs;
    const { title, text } = this.#notes[step];
    const isLast = step === this.#notes.length - 1;
    const dots = this.#notes.map((_, number) => node("i", { class: number === step ? "v-here" : "" }));
    const where = { class: "v-dots", "aria-label": `Step ${step + 1} of ${this.#notes.length}`, role: "img" };
    const skip = button({ class: "v-link", onclick: () => this.#skip() }, "Skip");
    const next = button({ class: "v-btn", onclick: () => this.#turn() }, wordOfNext(this.#notes, isLast));
    const line = [node("span", where, ...dots), node("span", { class: "v-grow" }), ...(isLast ? [] : [skip]), next];
    tour.hidden = false;
    tour.replaceChildren(
      node("b", { id: "v-tour-title" }, title),
      node("p", {}, text),
      node("div", { class: "v-row" }, ...line),
    );
    this.#place();
  }

  #turn() {
    this.#show(this.#step + 1);
    this.#focus();
  }

  #focus() {
    const [next] = [...this.#refs.tour.querySelectorAll("button")].reverse();
    next?.focus({ preventScroll: true });
  }

  #place() {
    const { tour } = this.#refs;
    const area = this.#refs[this.#notes[this.#step].beside].getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = tour;
    const { innerWidth, innerHeight } = window;
    const isBelow = area.bottom + high + 20 < innerHeight;
    const above = Math.max(12, Math.min(area.top - high - 12, innerHeight - high - 12));
    const isOver = area.height > innerHeight / 2;
    const top = isOver ? area.top + area.height / 2 - high / 2 : isBelow ? area.bottom + 12 : above;
    const left = Math.max(12, Math.min(area.left + area.width / 2 - wide / 2, innerWidth - wide - 12));
    tour.style.top = `${top}px`;
    tour.style.left = `${left}px`;
  }

  #skip() {
    this.#hide();
    keepPref("tour", "seen");
  }

  #hide() {
    this.#step = -1;
    this.#refs.tour.hidden = true;
  }

  #end() {
    const isWhole = this.#notes.includes(OF_LANES) || recallPref("tour", null) === "seen";
    this.#hide();
    keepPref("tour", isWhole ? "seen" : "begun");
  }
}

/** @param {Note[]} notes @param {boolean} isLast */
function wordOfNext(notes, isLast) {
  if (!isLast) return "Next";
  return notes.length > 1 ? "Begin" : "Understood";
}
