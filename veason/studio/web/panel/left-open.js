// @ts-check
// Before accepting: how much nobody has looked at, and the way there.

/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Player } from "../timeline/player.js" */

import { button, node } from "../core/dom.js";
import { OPEN_POINTS, canBeAbsent, leftOpen, placeAfter } from "../core/left-open.js";

const REST_MS = 150; // masks stream in one by one

/** @typedef {import("../core/left-open.js").OpenPoint} OpenPoint */

/** @type {Record<OpenPoint, string>} */
const WORDS = {
  missing: "not done",
  assumed: "left as it was",
  empty: "empty",
  doubtful: "doubtful",
  unverified: "unverified",
};
/** @type {Record<OpenPoint, string>} */
const TITLES = {
  missing: "frames without a mask, or with one that does not follow from the prompts",
  assumed: "frames that a run which ended early left as they were; Shift P goes on with it",
  empty: "frames with an empty mask that nobody said to be absent",
  doubtful: "frames whose mask is in doubt, and of which nobody said anything",
  unverified: "frames with a mask that nobody drew or verified",
};

export class LeftOpenLine {
  #refs;
  #state;
  #player;
  #actions;
  #threshold;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {Player} player
   * @param {Actions} actions
   * @param {number} threshold
   */
  constructor(refs, state, player, actions, threshold) {
    this.#refs = refs;
    this.#state = state;
    this.#player = player;
    this.#actions = actions;
    this.#threshold = threshold;
    const soon = () => {
      clearTimeout(this.#resting);
      this.#resting = setTimeout(() => this.#draw(), REST_MS);
    };
    state.on(
      ["work", "objects", "maskCount", "masks", "doubt", "marks", "byHand", "pending", "assumed", "paintings"],
      soon,
    );
    state.on(["demanded", "review"], soon);
  }

  #draw() {
    const now = this.#state.get();
    const { openLine } = this.#refs;
    if (!now.info || !now.objects.length) {
      openLine.replaceChildren();
      return;
    }
    const found = leftOpen(now, this.#threshold);
    const chips = OPEN_POINTS.filter((point) => found[point].length).map((point) => this.#chip(point, found, now));
    const marked = found.empty.filter((place) => canBeAbsent(now, place) && !now.locked.includes(place[0]));
    const title = "Mark every empty frame of every object absent; frames with a box or click stay";
    const absent = button({ class: "v-link", title, onclick: this.#actions.marks.emptyAbsent }, "mark empty absent");
    const done = node("span", { class: "v-dim v-small" }, "every frame was looked at");
    openLine.replaceChildren(...(chips.length ? chips : [done]), ...(marked.length ? [absent] : []));
  }

  /** @param {OpenPoint} point @param {Record<OpenPoint, [number, number][]>} found @param {State} now */
  #chip(point, found, now) {
    const places = found[point];
    const isWanted = now.demanded.includes(point);
    const onclick = () => {
      const [object, frame] = placeAfter(places, this.#state.get().frame);
      this.#actions.select(object);
      this.#player.pause();
      this.#player.go(frame);
    };
    const wanted = isWanted ? "; this project wants none left" : "";
    const title = `${TITLES[point]}${wanted}: click for the next one`;
    const look = { class: "v-openchip", "data-point": point, "data-wanted": String(isWanted), title, onclick };
    return button(look, node("b", {}, String(places.length)), ` ${WORDS[point]}`);
  }
}
