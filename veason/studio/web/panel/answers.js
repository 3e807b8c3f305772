// @ts-check
// More than one answer to the question: how far they agree, and taking another one.

/** @import { About, AnswerPart } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Player } from "../timeline/player.js" */

import { button, node } from "../core/dom.js";

/**
 * @param {Refs} refs
 * @param {About} about
 * @param {Store} state
 * @param {Player} player
 * @param {Actions} actions
 */
export function makeAnswers(refs, about, state, player, actions) {
  refs.samples.hidden = !about.models.several;

  /** @param {AnswerPart} answer */
  function chip({ number, frame, absent, current, sureness }) {
    const attributes = {
      class: current ? "v-answer v-current" : "v-answer",
      "aria-pressed": String(current),
      "aria-label": `Answer ${number + 1}: ${absent ? "not in this video" : `frame ${frame}`}`,
      title: (current ? "this answer counts" : "take this answer") + (sureness ? `; ${sureness}` : ""),
      onclick() {
        if (!current) actions.take(number);
        else if (frame !== null) player.go(frame);
      },
      onmouseenter: () => state.set({ lit: { frame } }),
      onmouseleave: () => state.set({ lit: null }),
    };
    return button(attributes, node("b", {}, String(number + 1)), absent ? "absent" : `★ ${frame}`);
  }

  state.on(["proposals", "agreement"], ({ proposals, agreement }) => {
    refs.answers.hidden = proposals.length < 2;
    const chips = node("div", { class: "v-suggest" }, ...proposals.map(chip));
    refs.answers.replaceChildren(node("span", { class: "v-dim v-small" }, agreement), chips);
  });
}
