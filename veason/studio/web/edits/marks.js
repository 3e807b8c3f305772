// What a person says of masks: they are right on these frames, or the object is not there.

import { isAbsent, isOccluded, isVerified, nameOf, nextPrompt, unmasked } from "../core/objects.js";

export function makeMarks(state, { change, note, notify, refuses, isPrompted }) {
  function told(objectId, said, start, stop) {
    const { info } = state.get();
    const where =
      stop - start === 1
        ? `on frame ${start}`
        : `from frame ${start} to ${stop === info.frames ? "the end" : stop - 1}`;
    notify(`${nameOf(state.get(), objectId)} is ${said} ${where}.`, "info");
  }

  function absent() {
    const { selected, frame, marks, info } = state.get();
    if (selected === null || refuses(selected)) return;
    const on = !isAbsent(marks, selected, frame);
    if (on && isPrompted()) {
      notify(
        "There is a box, click or painting of this object here: delete it first, or begin on a frame without one.",
        "info",
      );
      return;
    }
    const stop = nextPrompt(state.get(), selected, frame);
    change({ edit: "absent", object: selected, start: frame, stop, on }, on ? null : 0);
    told(selected, on ? "absent" : "no longer marked absent", frame, Math.min(stop, info.frames));
  }

  function verify(start, stop) {
    const { selected, frame, marks, masks } = state.get();
    if (selected === null || refuses(selected)) return false;
    const on = stop - start > 1 || !isVerified(marks, selected, frame);
    const missing = unmasked({ masks }, selected, start, stop);
    if (on && missing !== null) {
      notify(`There is no mask of ${nameOf(state.get(), selected)} on frame ${missing} yet: propagate first.`, "info");
      return false;
    }
    note({ edit: "verified", object: selected, start, stop, on });
    if (stop - start > 1) told(selected, "verified", start, stop); // of one frame its lane and the button tell
    return true;
  }

  function occlude(start, stop, on) {
    const { selected, marks, masks } = state.get();
    if (selected === null || refuses(selected)) return false;
    const missing = unmasked({ masks }, selected, start, stop);
    const isAway = stop - start === 1 && isAbsent(marks, selected, start);
    if (on && (missing !== null || isAway)) {
      const why = isAway
        ? `is marked absent on frame ${start}: take that mark away first`
        : `has no mask on frame ${missing} yet: propagate first`;
      notify(`${nameOf(state.get(), selected)} ${why}.`, "info");
      return false;
    }
    note({ edit: "occluded", object: selected, start, stop, on });
    told(selected, on ? "occluded" : "no longer occluded", start, stop);
    return true;
  }

  function occluded() {
    const { selected, frame } = state.get();
    occlude(frame, frame + 1, !isOccluded(state.get(), selected, frame));
  }

  // Off where all of the chosen frames are occluded already.
  function occludedRange() {
    const {
      selected,
      range: [start, stop],
    } = state.get();
    const frames = Array.from({ length: stop - start }, (_, number) => start + number);
    if (occlude(start, stop, !frames.every((frame) => isOccluded(state.get(), selected, frame)))) giveUpRange();
  }

  function absentRange() {
    const {
      selected,
      range: [start, stop],
      boxes,
      clicks,
      paintings,
    } = state.get();
    if (selected === null || refuses(selected)) return;
    const inside = [...boxes, ...clicks]
      .map((one) => [one.object, one.frame])
      .concat(paintings)
      .find(([object, at]) => object === selected && at >= start && at < stop);
    if (inside) {
      notify(`There is a box, click or painting of this object on frame ${inside[1]}: delete it first.`, "info");
      return;
    }
    change({ edit: "absent", object: selected, start, stop, on: true });
    told(selected, "absent", start, stop);
    giveUpRange();
  }

  // A range that was marked has served: kept, it would narrow the corrections that come later.
  const giveUpRange = () => state.set({ range: state.get().home });

  return {
    absent,
    absentRange,
    occluded,
    occludedRange,
    verify: () => verify(state.get().frame, state.get().frame + 1),
    verifyRange: () => {
      if (verify(...state.get().range)) giveUpRange();
    },
  };
}
