// What comes next: of thinking, propagating and accepting one alone is the filled button.

import { isSpread } from "../core/objects.js";

const ACCEPTED = ["accepted", "absent"];

function next(now) {
  const { work, busy, review, objects, pending, answered } = now;
  if (!work || busy) return null;
  if (ACCEPTED.includes(review)) return "accept";
  if (!objects.length) return answered?.absent ? "accept" : "think";
  const isDone = objects.every((object) => isSpread(now, object) && !pending[object]);
  return isDone ? "accept" : "propagate";
}

export function makePrimary(refs, state) {
  state.on(["work", "busy", "review", "objects", "pending", "answered", "maskCount"], (now) => {
    const lead = next(now);
    for (const step of ["think", "propagate", "accept"]) refs[step].classList.toggle("v-ghost", step !== lead);
  });
  new ResizeObserver(() => refs.app.style.setProperty("--head", `${refs.head.offsetHeight}px`)).observe(refs.head);
}
