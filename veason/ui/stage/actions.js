// What a visitor can do, whatever button, key or drag asks for it.

import { doubtfulStarts, isAbsent, nameOf, nextPrompt } from "./objects.js";
import { keepPref } from "./prefs.js";
import { FIT, centre, zoomed } from "./view.js";

const WAIT_MS = 300;

export function makeActions(refs, state, wire, { transport, notify, doubtThreshold }) {
  let later = {};
  let pending = null;

  async function change(edit) {
    if (state.get().busy) await wire.stop();
    wire.send("edit", edit);
  }

  function again() {
    clearTimeout(pending);
    if (state.get().masks.size) pending = setTimeout(later.again, WAIT_MS);
  }

  const isHere = (one) => one.object === state.get().selected && one.frame === state.get().frame;

  function refuseLocked(objectId) {
    if (!state.get().locked.includes(objectId)) return false;
    notify(`${nameOf(state.get(), objectId)} is locked. Unlock it to change it.`, "info");
    return true;
  }

  const actions = {
    notify,
    connect(parts) { later = parts; },
    thinkAgain: () => later.thinkAgain(),
    select(objectId) {
      const box = state.get().boxes.find((one) => one.object === objectId);
      state.set({ selected: objectId });
      if (box) transport.go(box.frame);
    },
    putBox(objectId, xyxy) {
      const { frame, boxes, objects, selected, drawing, locked } = state.get();
      const isFree = selected && !drawing && !locked.includes(selected) && !boxes.some(isHere);
      const target = objectId || (isFree ? selected : 0);
      const shown = { object: target || Math.max(0, ...objects) + 1, frame, xyxy };
      state.set({ boxes: [...boxes.filter((box) => box.object !== shown.object || box.frame !== frame), shown], selected: shown.object, drawing: false });
      change({ edit: "box", object: target, frame, xyxy });
      again();
    },
    putClick(xy, positive) {
      const { frame, selected, drawing, clicks, objects } = state.get();
      const target = drawing ? 0 : selected;
      if (target === null || refuseLocked(target)) return;
      state.set({ clicks: [...clicks, { object: target || Math.max(0, ...objects) + 1, frame, xy, positive }], drawing: false });
      change({ edit: "click", object: target, frame, xy, positive });
      again();
    },
    dropBox() {
      const { selected, frame, boxes, clicks } = state.get();
      if (refuseLocked(selected)) return;
      if ([...boxes, ...clicks].some(isHere)) change({ edit: "drop", object: selected, frame });
      else notify("Select an object with a box or clicks on this frame first, then delete them.", "info");
    },
    nudge(dx, dy) {
      const { selected, boxes, info } = state.get();
      const box = boxes.find(isHere);
      if (!box) return false;
      if (refuseLocked(selected)) return true;
      const [x1, y1, x2, y2] = box.xyxy;
      const isInside = x1 + dx >= 0 && y1 + dy >= 0 && x2 + dx <= info.width && y2 + dy <= info.height;
      if (isInside) actions.putBox(selected, [x1 + dx, y1 + dy, x2 + dx, y2 + dy]);
      return true;
    },
    makeKeyframe: () => change({ edit: "keyframe", frame: state.get().frame }),
    step: (way) => change({ edit: way }),
    rename(objectId, name) {
      state.set({ renaming: null });
      refs.stage.focus({ preventScroll: true });
      if (name.trim() !== (state.get().names[objectId] ?? "")) wire.send("edit", { edit: "name", object: objectId, name });
    },
    reason(text) {
      state.set({ rewriting: false });
      wire.send("edit", { edit: "reason", text });
    },
    hide(objectId) {
      const hidden = new Set(state.get().hidden);
      if (!hidden.delete(objectId)) hidden.add(objectId);
      state.set({ hidden });
    },
    solo: (objectId) => state.set({ solo: state.get().solo === objectId ? null : objectId }),
    lock: (objectId) => wire.send("edit", { edit: "lock", object: objectId, on: !state.get().locked.includes(objectId) }),
    look(patch) {
      state.set(patch);
      const { opacity, outline } = state.get();
      keepPref("look", { opacity, outline });
    },
    zoom(factor) {
      const { view, info } = state.get();
      state.set({ view: zoomed(view, factor, centre(view, info), info) });
    },
    absent() {
      const { selected, frame, marks, boxes, clicks, info } = state.get();
      if (selected === null || refuseLocked(selected)) return;
      const on = !isAbsent(marks, selected, frame);
      if (on && [...boxes, ...clicks].some(isHere)) {
        notify("There is a box or click of this object here: delete it first, or begin on a frame without one.", "info");
        return;
      }
      const stop = nextPrompt(state.get(), selected, frame);
      change({ edit: "absent", object: selected, start: frame, stop, on });
      notify(`${nameOf(state.get(), selected)} is ${on ? "absent" : "no longer marked absent"} from frame ${frame} to ${stop === info.frames ? "the end" : stop - 1}.`, "info");
    },
    async stop() {
      transport.pause();
      if (!state.get().busy) {
        state.set({ drawing: false, solo: null });
        return;
      }
      state.set({ status: "stopping …" });
      if (await wire.stop()) notify("Stopped. What was done is kept.", "info");
    },
  };

  function turnTo(frames, way, nothing) {
    const { frame } = state.get();
    const next = way > 0 ? frames.find((one) => one > frame) : frames.findLast((one) => one < frame);
    if (next === undefined) notify(`No ${nothing} ${way > 0 ? "after" : "before"} this frame.`, "info");
    else transport.step(next - frame);
  }

  const prompted = () => [...new Set([...state.get().boxes, ...state.get().clicks].map(({ frame }) => frame))].sort((a, b) => a - b);

  // Tab goes from object to object and leaves the stage after the last one: the keyboard is never caught.
  function nextObject(way) {
    const { objects, selected } = state.get();
    const next = objects[objects.indexOf(selected) + way];
    if (next === undefined) return false;
    state.set({ selected: next });
    return true;
  }

  const selectedOnly = (act) => () => { if (state.get().selected !== null) act(state.get().selected); };

  actions.commands = ({ propagate, help }) => ({
    play: transport.toggle,
    prev: () => transport.step(-1),
    next: () => transport.step(1),
    back: () => transport.step(-10),
    ahead: () => transport.step(10),
    first: () => transport.go(0),
    last: () => transport.go(Infinity),
    goto: () => { transport.pause(); refs.number.focus(); refs.number.select(); },
    prevKey: () => turnTo(prompted(), -1, "frame with a box or click"),
    nextKey: () => turnTo(prompted(), 1, "frame with a box or click"),
    prevDoubt: () => turnTo(doubtfulStarts(state.get(), doubtThreshold), -1, "doubtful frame"),
    nextDoubt: () => turnTo(doubtfulStarts(state.get(), doubtThreshold), 1, "doubtful frame"),
    box: () => state.set({ drawing: !state.get().drawing }),
    nextObject: () => nextObject(1),
    prevObject: () => nextObject(-1),
    drop: actions.dropBox,
    absent: actions.absent,
    hide: selectedOnly(actions.hide),
    solo: selectedOnly(actions.solo),
    lock: selectedOnly(actions.lock),
    rename: selectedOnly((objectId) => state.set({ renaming: objectId })),
    masks: () => state.set({ eye: !state.get().eye }),
    keyframe: actions.makeKeyframe,
    propagate: () => propagate.start(),
    stop: actions.stop,
    undo: () => actions.step("undo"),
    redo: () => actions.step("redo"),
    fit: () => state.set({ view: FIT }),
    closer: () => actions.zoom(1.4),
    farther: () => actions.zoom(1 / 1.4),
    help: help.open,
  });
  return actions;
}
