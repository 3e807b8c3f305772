// What a visitor can do, whatever button, key or drag asks for it.

import { FINE_ZOOM, centre, zoomed } from "../canvas/view.js";
import { clamp } from "../core/clamp.js";
import { isPainted, nameOf } from "../core/objects.js";
import { keepPref } from "../core/prefs.js";
import { makeChange } from "./change.js";
import { makeMarks } from "./marks.js";

const AT_ONCE = 0;
const AFTER_KEYS = 300;
const AFTER_PAINTING = 900;
const SURE = 10;
const CORNERS = [null, "nw", "se"];

const withObject = (objects, object) => [...new Set([...objects, object])].sort((a, b) => a - b);

export function makeActions(refs, state, messages, { player, notify }) {
  const parts = {};
  let copied = null;
  const { change, note, onFollow } = makeChange(state, messages);

  const isHere = (one) => one.object === state.get().selected && one.frame === state.get().frame;
  const isPaintedHere = () => isPainted(state.get(), state.get().selected, state.get().frame);
  const isPrompted = () => [...state.get().boxes, ...state.get().clicks].some(isHere) || isPaintedHere();
  const newest = () => Math.max(0, ...state.get().objects) + 1;

  function refuses(objectId) {
    if (!state.get().locked.includes(objectId)) return false;
    notify(`${nameOf(state.get(), objectId)} is locked. Unlock it to change it.`, "info");
    return true;
  }

  const actions = {
    notify,
    refuses,
    connect(more) {
      Object.assign(parts, more);
      if (more.again) onFollow(more.again);
    },
    thinkAgain: () => parts.thinkAgain(),
    select(objectId) {
      const box = state.get().boxes.find((one) => one.object === objectId);
      state.set({ selected: objectId });
      if (box) player.go(box.frame);
    },
    putBox(objectId, xyxy, wait = AT_ONCE) {
      const { frame, boxes, objects, selected, drawing, locked } = state.get();
      const isFree = selected && !drawing && !locked.includes(selected) && !boxes.some(isHere) && !isPaintedHere();
      const target = objectId || (isFree ? selected : 0);
      const shown = { object: target || newest(), frame, xyxy };
      const others = boxes.filter((box) => box.object !== shown.object || box.frame !== frame);
      state.set({
        boxes: [...others, shown],
        objects: withObject(objects, shown.object),
        selected: shown.object,
        drawing: false,
      });
      change({ edit: "box", object: target, frame, xyxy }, wait);
    },
    putClick(xy, positive) {
      const { frame, selected, drawing, clicks, objects } = state.get();
      const target = drawing ? 0 : selected;
      if (target === null || refuses(target)) return;
      if (!drawing && isPaintedHere()) {
        notify("This frame is painted: go on with brush or eraser, or delete the painting first (Del).", "info");
        return;
      }
      const shown = { object: target || newest(), frame, xy, positive };
      state.set({
        clicks: [...clicks, shown],
        objects: withObject(objects, shown.object),
        selected: shown.object,
        drawing: false,
      });
      change({ edit: "click", object: target, frame, xy, positive }, AT_ONCE);
    },
    // A mask as it was painted: it is on the page at once, and the server keeps it as it is.
    putMask(objectId, frame, counts) {
      const { masks, maskCount, paintings, boxes, clicks, objects } = state.get();
      const object = objectId || newest();
      masks.set(frame, { ...masks.get(frame), [object]: [counts, SURE] });
      const others = (one) => one.object !== object || one.frame !== frame;
      state.set({
        maskCount: maskCount + 1,
        paintings: [...paintings.filter(([one, at]) => one !== object || at !== frame), [object, frame]],
        boxes: boxes.filter(others),
        clicks: clicks.filter(others),
        objects: withObject(objects, object),
        selected: object,
        drawing: false,
      });
      change({ edit: "mask", object: objectId, frame, counts }, AFTER_PAINTING);
    },
    dropBox() {
      const { selected, frame } = state.get();
      if (refuses(selected)) return;
      if (isPrompted()) change({ edit: "drop", object: selected, frame }, AFTER_KEYS);
      else notify("Select an object with a box, clicks or a painting on this frame first, then delete them.", "info");
    },
    // Move the box, or the corner in hand, by whole pixels; by tenths where the picture is large enough to see them.
    nudge(dx, dy) {
      const { selected, boxes, info, corner, view } = state.get();
      const box = boxes.find(isHere);
      if (!box) return false;
      if (refuses(selected)) return true;
      const by = view.zoom >= FINE_ZOOM ? 0.1 : 1;
      const [x1, y1, x2, y2] = box.xyxy;
      const [mx, my] = [clamp(dx * by, -x1, info.width - x2), clamp(dy * by, -y1, info.height - y2)];
      const moved = {
        nw: [clamp(x1 + dx * by, 0, x2 - 1), clamp(y1 + dy * by, 0, y2 - 1), x2, y2],
        se: [x1, y1, clamp(x2 + dx * by, x1 + 1, info.width), clamp(y2 + dy * by, y1 + 1, info.height)],
      }[corner] ?? [x1 + mx, y1 + my, x2 + mx, y2 + my];
      const tidy = moved.map((side) => Math.round(side * 100) / 100);
      if (tidy.some((side, number) => side !== box.xyxy[number])) actions.putBox(selected, tidy, AFTER_KEYS);
      return true;
    },
    // The box in hand, for another frame: of the same object there, of a new one where that is gone.
    copyBox() {
      const box = state.get().boxes.find(isHere);
      if (!box || String(window.getSelection())) return false; // marked text is the browser's to copy
      copied = box;
      notify(`The box of ${nameOf(state.get(), box.object)} is copied: paste it on another frame.`, "info");
      return true;
    },
    pasteBox() {
      if (!copied) return false;
      const object = state.get().objects.includes(copied.object) ? copied.object : 0;
      if (object && refuses(object)) return true;
      state.set({ drawing: object === 0 });
      actions.putBox(object, copied.xyxy);
      return true;
    },
    // A new object with the same prompts and masks; the page selects what is new.
    duplicate: (objectId) => note({ edit: "duplicate", object: objectId }),
    // M and then a number: which object goes into which other one.
    beginMerge(objectId) {
      if (refuses(objectId)) return;
      if (state.get().objects.length > 1) state.set({ merging: objectId });
      else notify("There is no other object to merge it into.", "info");
    },
    endMerge: (objectId) => {
      if (state.get().merging === objectId) state.set({ merging: null });
    },
    merge(objectId, into) {
      if (objectId === into || refuses(objectId) || refuses(into)) return;
      state.set({ selected: into, merging: null });
      change({ edit: "merge", object: objectId, into });
      refs.stage.focus({ preventScroll: true });
    },
    nextCorner: () => state.set({ corner: CORNERS[(CORNERS.indexOf(state.get().corner) + 1) % CORNERS.length] }),
    // A box for a new object without a pointer: in the middle of what is to be seen.
    placeBox() {
      const { drawing, view, info } = state.get();
      if (!drawing) return false;
      const [wide, high] = [info.width / view.zoom, info.height / view.zoom];
      actions.putBox(
        0,
        [view.x + wide / 4, view.y + high / 4, view.x + (wide * 3) / 4, view.y + (high * 3) / 4].map(Math.round),
      );
      return true;
    },
    finish: () => parts.painter.close() || actions.placeBox(),
    take: (answer) => change({ edit: "take", answer }),
    makeKeyframe: () => change({ edit: "keyframe", frame: state.get().frame }, AFTER_KEYS),
    save: () =>
      notify(
        {
          saved: "Everything is saved: every change is on the disk.",
          saving: "The last change is on its way to the disk.",
        }[state.get().saved] ?? "The last change could not be kept: see the message.",
        "info",
      ),
    step: (way, count = 1) => change({ edit: way, count }),
    hold(tool) {
      state.set({ tool: state.get().tool === tool ? null : tool, drawing: tool ? state.get().drawing : false });
    },
    resizeBrush(factor) {
      const { brush, info } = state.get();
      const size = clamp(
        Math.round(brush * factor + Math.sign(factor - 1) * 0.5),
        1,
        Math.max(info.width, info.height) / 2,
      );
      state.set({ brush: size });
      keepPref("brush", size);
    },
    rename(objectId, name) {
      state.set({ renaming: null });
      refs.stage.focus({ preventScroll: true });
      if (name.trim() !== (state.get().names[objectId] ?? "")) note({ edit: "name", object: objectId, name });
    },
    reason(text) {
      state.set({ rewriting: false });
      note({ edit: "reason", text });
    },
    hide(objectId) {
      const hidden = new Set(state.get().hidden);
      if (!hidden.delete(objectId)) hidden.add(objectId);
      state.set({ hidden });
    },
    solo: (objectId) => state.set({ solo: state.get().solo === objectId ? null : objectId }),
    lock: (objectId) => note({ edit: "lock", object: objectId, on: !state.get().locked.includes(objectId) }),
    look(patch) {
      state.set(patch);
      const { opacity, outline } = state.get();
      keepPref("look", { opacity, outline });
    },
    zoom(factor) {
      const { view, info } = state.get();
      state.set({ view: zoomed(view, factor, centre(view, info), info) });
    },
    // Esc: what is half drawn or dragged, then what runs, then the tool in hand.
    async stop() {
      player.pause();
      if (parts.cancel()) return;
      if (!state.get().busy) {
        state.set({ drawing: false, solo: null, tool: null, corner: null });
        return;
      }
      state.set({ status: "stopping …" });
      if (await messages.stop()) notify("Stopped. What was done is kept.", "info");
    },
  };
  return Object.assign(actions, makeMarks(state, { change, note, notify, refuses, isPrompted }));
}
