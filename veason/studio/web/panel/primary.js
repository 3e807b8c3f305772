// @ts-check
// What comes next: of thinking, propagating and accepting one alone is the filled button.

/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */

import { nextStep } from "../core/objects.js";

/** @param {Refs} refs @param {Store} state */
export function makePrimary(refs, state) {
  const steps = { think: refs.think, propagate: refs.propagate, accept: refs.accept };
  state.on(["work", "busy", "review", "objects", "pending", "answered", "withheld", "maskCount"], (now) => {
    const primary = nextStep(now);
    for (const [step, shown] of Object.entries(steps)) shown.classList.toggle("v-ghost", step !== primary);
  });
  const measure = () => refs.app.style.setProperty("--head", `${refs.head.offsetHeight}px`);
  new ResizeObserver(measure).observe(refs.head);
}
