// The first visit: four short notes beside what they are about. Shown once; the help sheet can show them again.

import { node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";

const STEPS = [
  [
    "ask",
    "Say what to find",
    "Describe the target in your words. The policy reasons aloud, picks the frame where it shows best, and boxes it there.",
  ],
  [
    "canvas",
    "Or show it",
    "Drag a box, or click on the target. Wheel to zoom, hold Space to move the picture. Drag any box to correct it.",
  ],
  [
    "film",
    "Check where it doubts",
    "Each object has a timeline. Orange is doubtful: press ] to go there. Drag over it to choose which frames to redo.",
  ],
  [
    "actions",
    "Nothing is lost",
    "Everything can be undone, and a refresh brings it back. Press ? for all keys. Download when the masks are right.",
  ],
];

export function makeTour(refs, state) {
  let step = -1;

  function place() {
    const area = refs[STEPS[step][0]].getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = refs.tour;
    const isBelow = area.bottom + high + 20 < window.innerHeight;
    const top = isBelow
      ? area.bottom + 12
      : Math.max(12, Math.min(area.top - high - 12, window.innerHeight - high - 12));
    const isOver = area.height > window.innerHeight / 2;
    refs.tour.style.top = `${isOver ? area.top + area.height / 2 - high / 2 : top}px`;
    refs.tour.style.left = `${Math.max(12, Math.min(area.left + area.width / 2 - wide / 2, window.innerWidth - wide - 12))}px`;
  }

  function show(next) {
    step = next;
    if (step >= STEPS.length) {
      end();
      return;
    }
    const [, title, text] = STEPS[step];
    const isLast = step === STEPS.length - 1;
    refs.tour.hidden = false;
    refs.tour.replaceChildren(
      node("b", { id: "v-tour-title" }, title),
      node("p", {}, text),
      node(
        "div",
        { class: "v-row" },
        node(
          "span",
          { class: "v-dots", "aria-label": `Step ${step + 1} of ${STEPS.length}`, role: "img" },
          ...STEPS.map((_, number) => node("i", { class: number === step ? "v-here" : "" })),
        ),
        node("span", { class: "v-grow" }),
        ...(isLast ? [] : [node("button", { type: "button", class: "v-link", onclick: end }, "Skip")]),
        node("button", { type: "button", class: "v-btn", onclick: () => show(step + 1) }, isLast ? "Begin" : "Next"),
      ),
    );
    place();
    refs.tour.querySelector(".v-btn").focus({ preventScroll: true });
  }

  function end() {
    step = -1;
    refs.tour.hidden = true;
    keepPref("tour", "seen");
  }

  refs.tour.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") end();
  });
  window.addEventListener("resize", () => {
    if (step >= 0) place();
  });
  state.on(["pictureFrame"], ({ pictureFrame }) => {
    if (pictureFrame >= 0 && step < 0 && recallPref("tour", null) === null) show(0);
  });
  state.on(["work"], ({ work }) => {
    if (!work && step >= 0) {
      step = -1;
      refs.tour.hidden = true;
    }
  });
  return { show: () => show(0) };
}
