// More than one answer to the question: how far they agree, and taking another one.

import { node } from "../core/dom.js";

export function makeAnswers(refs, about, state, player, actions) {
  refs.samples.hidden = !about.several;

  function chip({ number, frame, absent, current }) {
    const where = absent ? "absent" : `★ ${frame}`;
    return node(
      "button",
      {
        type: "button",
        class: `v-answer${current ? " v-current" : ""}`,
        "aria-pressed": String(current),
        "aria-label": `Answer ${number + 1}: ${absent ? "not in this video" : `frame ${frame}`}`,
        title: current ? "this answer counts" : "take this answer",
        onclick: () => {
          if (!current) actions.take(number);
          else if (frame !== null) player.go(frame);
        },
        onmouseenter: () => state.set({ lit: { frame } }),
        onmouseleave: () => state.set({ lit: null }),
      },
      node("b", {}, String(number + 1)),
      where,
    );
  }

  state.on(["proposals", "agreement"], ({ proposals, agreement }) => {
    refs.answers.hidden = proposals.length < 2;
    refs.answers.replaceChildren(
      node("span", { class: "v-dim v-small" }, agreement),
      node("div", { class: "v-suggest" }, ...proposals.map(chip)),
    );
  });
}
