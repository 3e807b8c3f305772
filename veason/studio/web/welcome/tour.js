// @ts-check
// The first visit: four short notes beside what they are about. Shown once; the help sheet can show them again.

/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */

import { button, node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";

/** @type {{ beside: "ask" | "canvas" | "film" | "actions", title: string, text: string }[]} */
const STEPS = [
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
    beside: "film",
    title: "Check where it doubts",
    text: "Each object has a timeline. Orange is doubtful: press ] to go there. Drag over it to choose which frames to redo.",
  },
  {
    beside: "actions",
    title: "Nothing is lost",
    text: "Everything can be undone, and a refresh brings it back. Press ? for all keys. Download when the masks are right.",
  },
];

export class Tour {
  #refs;
  #step = -1;

  /** @param {Refs} refs @param {Store} state */
  constructor(refs, state) {
    this.#refs = refs;
    refs.tour.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.#end();
    });
    window.addEventListener("resize", () => {
      if (this.#step >= 0) this.#place();
    });
    state.on(["pictureFrame"], ({ pictureFrame }) => {
      if (pictureFrame >= 0 && this.#step < 0 && recallPref("tour", null) === null) this.show();
    });
    state.on(["work"], ({ work }) => {
      if (!work && this.#step >= 0) this.#hide();
    });
  }

  show = () => this.#show(0);

  /** @param {number} step */
  #show(step) {
    this.#step = step;
    if (step >= STEPS.length) {
      this.#end();
      return;
    }
    const { tour } = this.#refs;
    const { title, text } = STEPS[step];
    const isLast = step === STEPS.length - 1;
    const dots = STEPS.map((_, number) => node("i", { class: number === step ? "v-here" : "" }));
    const where = { class: "v-dots", "aria-label": `Step ${step + 1} of ${STEPS.length}`, role: "img" };
    const skip = button({ class: "v-link", onclick: () => this.#end() }, "Skip");
    const next = button({ class: "v-btn", onclick: () => this.#show(step + 1) }, isLast ? "Begin" : "Next");
    const line = [node("span", where, ...dots), node("span", { class: "v-grow" }), ...(isLast ? [] : [skip]), next];
    tour.hidden = false;
    tour.replaceChildren(
      node("b", { id: "v-tour-title" }, title),
      node("p", {}, text),
      node("div", { class: "v-row" }, ...line),
    );
    this.#place();
    next.focus({ preventScroll: true });
  }

  #place() {
    const { tour } = this.#refs;
    const area = this.#refs[STEPS[this.#step].beside].getBoundingClientRect();
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

  #hide() {
    this.#step = -1;
    this.#refs.tour.hidden = true;
  }

  #end() {
    this.#hide();
    keepPref("tour", "seen");
  }
}
