// The commands that keys can give, by name; see presets.js for their keys.

import { FIT } from "../canvas/view.js";
import { doubtfulStarts } from "../core/objects.js";

export function makeCommands(
  refs,
  state,
  { actions, player, propagate, help, painter, queue, review, doubtThreshold },
) {
  function turnTo(frames, way, nothing) {
    const { frame } = state.get();
    const next = way > 0 ? frames.find((one) => one > frame) : frames.findLast((one) => one < frame);
    if (next === undefined) actions.notify(`No ${nothing} ${way > 0 ? "after" : "before"} this frame.`, "info");
    else player.step(next - frame);
  }

  function prompted() {
    const { boxes, clicks, paintings } = state.get();
    return [
      ...new Set([...boxes, ...clicks].map(({ frame }) => frame).concat(paintings.map(([, frame]) => frame))),
    ].sort((a, b) => a - b);
  }

  // Tab goes from object to object and leaves the stage after the last one: the keyboard is never caught.
  function nextObject(way) {
    const { objects, selected } = state.get();
    const next = objects[objects.indexOf(selected) + way];
    if (next === undefined) return false;
    state.set({ selected: next });
    return true;
  }

  const selectedOnly = (act) => () => {
    if (state.get().selected !== null) act(state.get().selected);
  };

  return {
    play: player.toggle,
    prev: () => player.step(-1),
    next: () => player.step(1),
    back: () => player.step(-10),
    ahead: () => player.step(10),
    first: () => player.go(0),
    last: () => player.go(Infinity),
    goto: () => {
      player.pause();
      refs.number.focus();
      refs.number.select();
    },
    prevKey: () => turnTo(prompted(), -1, "frame with a box, click or painting"),
    nextKey: () => turnTo(prompted(), 1, "frame with a box, click or painting"),
    prevDoubt: () => turnTo(doubtfulStarts(state.get(), doubtThreshold), -1, "doubtful frame"),
    nextDoubt: () => turnTo(doubtfulStarts(state.get(), doubtThreshold), 1, "doubtful frame"),
    box: () => state.set({ drawing: !state.get().drawing, tool: null }),
    finish: actions.finish,
    brush: () => actions.hold("brush"),
    eraser: () => actions.hold("eraser"),
    polygon: () => actions.hold("polygon"),
    smaller: () => actions.resizeBrush(0.8),
    larger: () => actions.resizeBrush(1.25),
    corner: actions.nextCorner,
    nextObject: () => nextObject(1),
    prevObject: () => nextObject(-1),
    drop: () => (painter.isDrawing() ? painter.back() : actions.dropBox()),
    copy: actions.copyBox,
    paste: actions.pasteBox,
    duplicate: selectedOnly(actions.duplicate),
    merge: selectedOnly(actions.beginMerge),
    verify: actions.verify,
    verifyRange: actions.verifyRange,
    absent: actions.absent,
    occluded: actions.occluded,
    occludedRange: actions.occludedRange,
    hide: selectedOnly(actions.hide),
    solo: selectedOnly(actions.solo),
    lock: selectedOnly(actions.lock),
    rename: selectedOnly((objectId) => state.set({ renaming: objectId })),
    masks: () => state.set({ eye: !state.get().eye }),
    keyframe: actions.makeKeyframe,
    propagate: () => propagate.start(),
    forward: () => propagate.start("forward"),
    backward: () => propagate.start("backward"),
    stop: actions.stop,
    save: actions.save,
    undo: () => actions.step("undo"),
    redo: () => actions.step("redo"),
    fit: () => state.set({ view: FIT }),
    closer: () => actions.zoom(1.4),
    farther: () => actions.zoom(1 / 1.4),
    accept: review.accept,
    reject: () => queue.decideAndNext("reject"),
    prevClip: () => queue.turn(-1),
    nextClip: () => queue.turn(1),
    remark: review.remark,
    queue: () => queue.show(true),
    help: help.open,
  };
}
