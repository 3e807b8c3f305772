// @ts-check
// The filmstrip: the frames the policy is shown, by absolute index; the keyframe lights up.

/** @import { AnswerPart } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, State, Store } from "../core/types.js" */
/** @import { Player } from "./player.js" */

import { button, node } from "../core/dom.js";

const LONGEST = 240;
const WAIT_MS = 60;
const MOST_WAITS = 100;

/** The frames that other answers chose. @param {AnswerPart[]} proposals */
const others = (proposals) => proposals.filter(({ current, absent }) => !current && !absent);

/**
 * The frames of the strip, ascending.
 * @param {Pick<State, "shown" | "keyframe" | "proposals">} now
 * @returns {number[]}
 */
export function framesOf({ shown, keyframe, proposals }) {
  const named = [keyframe, ...others(proposals).map(({ frame }) => frame)].filter((frame) => frame !== null);
  return [...new Set([...shown, ...named])].sort((a, b) => a - b);
}

/**
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Store} state
 * @param {Player} player
 */
export function makeFilm(refs, scope, state, player) {
  /** @type {Map<string, string>} */
  const pictures = new Map();
  /** @type {Map<number, HTMLElement>} */
  let cells = new Map();
  let built = "";

  /** @param {HTMLElement} cell @param {string} work @param {number} frame */
  async function fill(cell, work, frame) {
    const key = `${work}/${frame}`;
    let picture = pictures.get(key);
    if (picture === undefined) {
      await firstPicture(state);
      const reply = await scope.server.frame({ work, frame, longest: LONGEST });
      if (reply.error !== undefined) return;
      picture = reply.jpeg;
      pictures.set(key, picture);
    }
    cell.style.backgroundImage = `url("${picture}")`;
  }

  /** @param {number} frame @param {string} work */
  function make(frame, work) {
    const attributes = { class: "v-cell", "data-frame": frame, onclick: () => player.go(frame) };
    const cell = button(attributes, node("span", {}, String(frame)));
    fill(cell, work, frame);
    return cell;
  }

  /** @param {State} now */
  function build(now) {
    const { work } = now;
    if (!work) return;
    cells = new Map(framesOf(now).map((frame) => [frame, make(frame, work)]));
    refs.film.replaceChildren(...cells.values());
    mark(now);
  }

  /** @param {State} now */
  function mark(now) {
    for (const [frame, cell] of cells) markCell(cell, frame, now);
  }

  state.on(["shown", "keyframe", "work", "proposals"], (now) => {
    const key = `${now.work}:${framesOf(now).join()}`;
    if (key === built) mark(now);
    else {
      built = key;
      build(now);
    }
  });
  state.on(["frame", "lit"], mark);
}

/** The strip leaves the line to the first picture of the stage. @param {Store} state @returns {Promise<void>} */
const firstPicture = async (state) => {
  for (let left = MOST_WAITS; left > 0 && !state.get().picture; left -= 1)
    await new Promise((done) => setTimeout(done, WAIT_MS));
};

/** @param {HTMLElement} cell @param {number} own @param {State} now */
function markCell(cell, own, { frame, keyframe, lit, proposals }) {
  const isKeyframe = own === keyframe;
  const chosen = others(proposals).filter((answer) => answer.frame === own && !isKeyframe);
  const numbers = chosen.map(({ number }) => number + 1);
  cell.classList.toggle("v-keyframe", isKeyframe);
  cell.classList.toggle("v-seen", own === lit?.frame);
  cell.classList.toggle("v-other", numbers.length > 0);
  const byOthers = numbers.length ? `, chosen by answer ${numbers.join(" and ")}` : "";
  cell.setAttribute("aria-label", `Frame ${own}${isKeyframe ? ", keyframe" : byOthers}`);
  cell.title = numbers.length ? `Answer ${numbers.join(", ")} chose this frame` : "";
  cell.setAttribute("aria-current", String(own === frame));
}
