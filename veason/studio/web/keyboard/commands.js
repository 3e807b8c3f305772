// @ts-check
// The commands that keys can give, by name; see presets.js for their keys.

/** @import { Stage } from "../canvas/stage.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Store, Way } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Propagation } from "../panel/propagate.js" */
/** @import { Review } from "../panel/review.js" */
/** @import { Queue } from "../queue/queue.js" */
/** @import { Player } from "../timeline/player.js" */
/** @import { Help } from "./help.js" */
/** @import { Command } from "./presets.js" */

import { FIT } from "../core/blank.js";
import { doubtfulStarts, prompted } from "../core/objects.js";

/** What a key does; false where it did nothing, so that the browser may use the key. @typedef {() => unknown} Act */

/**
 * @typedef {object} Parts
 * @property {Refs} refs
 * @property {Store} state
 * @property {Actions} actions
 * @property {Player} player
 * @property {Propagation} propagation
 * @property {Help} help
 * @property {Stage} stage
 * @property {Queue} queue
 * @property {Review} review
 * @property {number} doubtThreshold
 */

/**
 * A command without an act, or an act without a command, is a type error.
 * @param {Parts} parts
 * @returns {Record<Command, Act>}
 */
export const makeCommands = (parts) => ({ ...videoCommands(parts), ...objectCommands(parts), ...workCommands(parts) });

/** @param {Parts} parts */
function videoCommands({ refs, state, actions, player, doubtThreshold }) {
  /**
   * The next of the frames, which ascend; round the end, of which the visitor is told.
   * @param {number[]} frames
   * @param {Way} way
   * @param {string} kind
   */
  function turnTo(frames, way, kind) {
    const { frame } = state.get();
    const next = way > 0 ? frames.find((one) => one > frame) : frames.findLast((one) => one < frame);
    const round = next ?? (way > 0 ? frames[0] : frames.at(-1));
    if (round === undefined) actions.notify(`No ${kind}.`, "info");
    else if (round === frame) actions.notify(`This is the only ${kind}.`, "info");
    else {
      const [end, other] = way > 0 ? ["last", "first"] : ["first", "last"];
      if (next === undefined) actions.notify(`That was the ${end} ${kind}: here is the ${other}.`, "info");
      player.step(round - frame);
    }
  }

  /** @param {Way} way */
  function turnToPrompt(way) {
    const frames = [...new Set(prompted(state.get()).map(([, frame]) => frame))].sort((a, b) => a - b);
    turnTo(frames, way, "frame with a box, click or painting");
  }

  /** @param {Way} way */
  const turnToDoubt = (way) => turnTo(doubtfulStarts(state.get(), doubtThreshold), way, "doubtful or empty frame");

  return {
    play: player.toggle,
    prev: () => player.step(-1),
    next: () => player.step(1),
    back: () => player.step(-10),
    ahead: () => player.step(10),
    first: () => player.go(0),
    last: () => player.go(Infinity),
    goto() {
      player.pause();
      refs.number.focus();
      refs.number.select();
    },
    prevKey: () => turnToPrompt(-1),
    nextKey: () => turnToPrompt(1),
    prevDoubt: () => turnToDoubt(-1),
    nextDoubt: () => turnToDoubt(1),
    second: () => state.set({ beside: state.get().beside ? null : { by: -1 } }),
    fit: () => state.set({ view: FIT }),
    closer: () => actions.zoom(1.4),
    farther: () => actions.zoom(1 / 1.4),
  };
}

/** @param {Parts} parts */
function objectCommands({ state, actions, stage }) {
  const { prompts, marks, shapes } = actions;

  // Tab goes round the objects; after Esc it leaves the stage (see keys.js): the keyboard is never caught.
  /** @param {Way} way */
  function nextObject(way) {
    const { objects, selected } = state.get();
    if (!objects.length) return false;
    const place = selected === null ? -1 : objects.indexOf(selected);
    const next = place < 0 && way < 0 ? -1 : place + way;
    actions.select(objects[(next + objects.length) % objects.length]);
    return true;
  }

  /** @param {(objectId: number) => void} act */
  const ofSelected = (act) => () => {
    const { selected } = state.get();
    if (selected !== null) act(selected);
  };

  return {
    box: () => state.set({ drawing: !state.get().drawing, tool: null }),
    finish: actions.finish,
    corner: actions.nextCorner,
    brush: () => actions.hold("brush"),
    eraser: () => actions.hold("eraser"),
    polygon: () => actions.hold("polygon"),
    smaller: () => actions.resizeBrush(0.8),
    larger: () => actions.resizeBrush(1.25),
    nextObject: () => nextObject(1),
    prevObject: () => nextObject(-1),
    drop: () => (stage.painter.isDrawing() ? stage.painter.back() : prompts.drop()),
    copy: prompts.copy,
    paste: prompts.paste,
    fill: () => shapes.use("fill"),
    despeck: () => shapes.use("despeck"),
    largest: () => shapes.use("largest"),
    grow: () => shapes.use("grow"),
    shrink: () => shapes.use("shrink"),
    smooth: () => shapes.use("smooth"),
    subtract: () => shapes.use("subtract"),
    intersect: () => shapes.use("intersect"),
    copyMask: () => shapes.copy(),
    interpolate: () => shapes.interpolate(),
    hold: () => shapes.hold(),
    duplicate: ofSelected(actions.duplicate),
    merge: ofSelected(actions.beginMerge),
    classify: ofSelected(actions.beginClass),
    verify: marks.verify,
    verifyRange: marks.verifyRange,
    absent: marks.absent,
    occluded: marks.occluded,
    occludedRange: marks.occludedRange,
    hide: ofSelected(actions.hide),
    solo: ofSelected(actions.solo),
    lock: ofSelected(actions.lock),
    rename: ofSelected((objectId) => state.set({ renaming: objectId })),
  };
}

/** @param {Parts} parts */
function workCommands({ state, actions, propagation, review, queue, help }) {
  return {
    keyframe: actions.makeKeyframe,
    propagate: () => propagation.run(),
    goOn: () => propagation.goOn(),
    forward: () => propagation.start("forward"),
    backward: () => propagation.start("backward"),
    stop: actions.cancel,
    save: actions.save,
    undo: () => actions.step("undo"),
    redo: () => actions.step("redo"),
    masks: () => state.set({ eye: !state.get().eye }),
    accept: review.accept,
    reject: () => queue.decideAndNext("reject"),
    prevClip: () => queue.turn(-1),
    nextClip: () => queue.turn(1),
    remark: review.remark,
    queue: () => queue.show(true),
    help: help.open,
  };
}
