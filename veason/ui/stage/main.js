// The studio: makes the parts, and turns messages of the server into state.

import { makeStage } from "./canvas.js";
import { makeFilm } from "./film.js";
import { makeFrames } from "./frames.js";
import { bindKeys } from "./keys.js";
import { makeLanes } from "./lanes.js";
import { makePropagate } from "./propagate.js";
import { makeState, node } from "./state.js";
import { makeThink } from "./think.js";
import { makeTransport } from "./transport.js";
import { makeWelcome } from "./welcome.js";
import { makeWire } from "./wire.js";

const BLANK = {
  work: null, info: null, opening: null, frame: 0, picture: null, pictureFrame: -1, playing: false, lit: null,
  shown: [], keyframe: null, boxes: [], clicks: [], objects: [], stale: [], selected: null, drawing: false, eye: true,
  masks: new Map(), maskCount: 0, doubt: {}, done: new Set(), range: [0, 1], secondsPerFrame: 0, canUndo: false, canRedo: false,
  thought: "", mentions: [], answered: null, failure: "", findings: [], busy: null, status: "", speed: "",
};

export function start(scope) {
  const refs = Object.fromEntries([...scope.element.querySelectorAll("[data-ref]")].map((part) => [part.dataset.ref, part]));
  const state = makeState(BLANK);
  const frames = makeFrames(scope.server, state);
  let watching = null;

  function notify(text, level = "error") {
    const note = node("div", { class: "v-notice", "data-level": level }, text, node("button", { type: "button", "aria-label": "Dismiss", onclick: () => note.remove() }, "✕"));
    refs.notices.append(note);
    setTimeout(() => note.remove(), level === "error" ? 12000 : 4000);
  }

  const handle = {
    opened(item) {
      const isSame = state.get().work === item.work;
      if (!isSame) frames.forget();
      const kept = isSame ? { frame: state.get().frame, selected: state.get().selected } : {};
      state.set({ ...BLANK, masks: new Map(), ...kept, work: item.work, info: item, range: item.range });
      const link = new URL(window.location.href);
      link.searchParams.set("work", item.work);
      window.history.replaceState(null, "", link);
    },
    shown: (item) => state.set({ shown: item.frames }),
    session(item) {
      const { kind, ...values } = item;
      const { selected, objects, keyframe } = state.get();
      const newest = values.objects.filter((one) => !objects.includes(one)).at(-1);
      const stays = values.objects.includes(selected) ? selected : null;
      state.set({ ...values, selected: newest ?? stays ?? values.objects[0] ?? null });
      if (values.instruction && document.activeElement !== refs.instruction) refs.instruction.value = values.instruction;
      if (values.keyframe !== null && values.keyframe !== keyframe) transport.go(values.keyframe);
    },
    thinking: () => state.set({ busy: "think", status: "thinking …" }),
    thought: (item) => state.set({ thought: state.get().thought + item.text }),
    mention: (item) => state.set({ mentions: [...state.get().mentions, item] }),
    keyframe(item) {
      state.set({ keyframe: item.frame });
      transport.go(item.frame);
    },
    box(item) {
      const { keyframe } = state.get();
      const isAnew = item.object === 1; // the policy began its list
      const boxes = isAnew ? [] : state.get().boxes;
      const objects = isAnew ? [] : state.get().objects;
      state.set({
        boxes: [...boxes.filter((box) => box.object !== item.object), { object: item.object, frame: keyframe, xyxy: item.xyxy }],
        objects: [...new Set([...objects, item.object])],
        selected: item.object,
      });
    },
    answered(item) {
      const speed = item.firstWord === null ? "" : `first word ${item.firstWord.toFixed(1)} s · ${Math.round(item.tokensPerSecond)} tok/s`;
      state.set({ answered: item, speed });
    },
    unanswered(item) {
      state.set({ failure: item.text });
      notify(`No usable answer: ${item.reason}. Ask again in other words, or draw a box by hand.`);
    },
    recalled: (item) => state.set({ thought: item.text, mentions: item.mentions, failure: item.failure, answered: item.answered }),
    pace: (item) => state.set({ secondsPerFrame: item.secondsPerFrame }),
    range: (item) => state.set({ range: item.range }),
    propagating: (item) => state.set({ busy: "propagate", range: [item.start, item.stop], done: new Set(), status: "propagating …" }),
    masks(item) {
      const { masks, done, maskCount, busy, range } = state.get();
      if (item.reset) masks.clear();
      for (const [index, objects] of Object.entries(item.frames)) {
        masks.set(Number(index), { ...masks.get(Number(index)), ...objects });
        done.add(Number(index));
      }
      const status = busy === "propagate" ? `${done.size} of ${range[1] - range[0]} frames` : state.get().status;
      state.set({ maskCount: maskCount + 1, status });
    },
    doubt: (item) => state.set({ doubt: item.objects }),
    findings: (item) => state.set({ findings: item.findings }),
    file(item) {
      const link = node("a", { href: new URL(`gradio_api/file=${item.path}`, document.baseURI).href, download: item.name });
      document.body.append(link);
      link.click();
      link.remove();
      state.set({ status: `saved ${item.name}` });
    },
    notice: (item) => notify(item.text, item.level),
    busy() {
      state.set({ busy: "recall", status: "still working …" });
      clearTimeout(watching);
      watching = setTimeout(() => wire.recall(state.get().work), 1500);
    },
    idle: () => state.set({ busy: null, opening: null, status: "" }),
  };

  const wire = makeWire(scope, state, (item) => handle[item.kind](item));
  const transport = makeTransport(refs, state, frames);

  const actions = {
    notify,
    select(objectId) {
      const box = state.get().boxes.find((one) => one.object === objectId);
      state.set({ selected: objectId });
      if (box) transport.go(box.frame);
    },
    putBox(objectId, xyxy) {
      const { frame, boxes, objects, selected, drawing, masks } = state.get();
      const hasBoxHere = boxes.some((box) => box.object === selected && box.frame === frame);
      const target = objectId || (selected && !drawing && !hasBoxHere ? selected : 0);
      const shown = { object: target || Math.max(0, ...objects) + 1, frame, xyxy };
      state.set({ boxes: [...boxes.filter((box) => box.object !== shown.object || box.frame !== frame), shown], selected: shown.object, drawing: false });
      change({ edit: "box", object: target, frame, xyxy });
      if (masks.size) again();
    },
    putClick(xy, positive) {
      const { frame, selected, drawing, masks, clicks, objects } = state.get();
      const target = drawing ? 0 : selected;
      if (target === null) return;
      const object = target || Math.max(0, ...objects) + 1;
      state.set({ clicks: [...clicks, { object, frame, xy, positive }], drawing: false });
      change({ edit: "click", object: target, frame, xy, positive });
      if (masks.size) again();
    },
    dropBox() {
      const { selected, frame, boxes, clicks } = state.get();
      const isHere = (one) => one.object === selected && one.frame === frame;
      if (boxes.some(isHere) || clicks.some(isHere)) change({ edit: "drop", object: selected, frame });
      else notify("Select an object with a box or clicks on this frame first, then delete them.", "info");
    },
    nudge(dx, dy) {
      const { selected, frame, boxes, info } = state.get();
      const box = boxes.find((one) => one.object === selected && one.frame === frame);
      if (!box) return;
      const [x1, y1, x2, y2] = box.xyxy;
      if (x1 + dx < 0 || y1 + dy < 0 || x2 + dx > info.width || y2 + dy > info.height) return;
      actions.putBox(selected, [x1 + dx, y1 + dy, x2 + dx, y2 + dy]);
    },
    makeKeyframe: () => change({ edit: "keyframe", frame: state.get().frame }),
    step: (way) => change({ edit: way }),
  };

  async function change(edit) {
    if (state.get().busy) await wire.stop();
    wire.send("edit", edit);
  }

  let pending = null;
  function again() {
    clearTimeout(pending);
    pending = setTimeout(() => propagate.start("stale"), 300);
  }

  async function stop() {
    transport.pause();
    if (!state.get().busy) {
      state.set({ drawing: false, selected: null });
      return;
    }
    state.set({ status: "stopping …" });
    if (await wire.stop()) notify("Stopped. What was done is kept.", "info");
  }

  const propagate = makePropagate(refs, state, wire);
  const think = makeThink(refs, scope, state, wire, transport);
  makeStage(refs, state, frames, actions);
  makeFilm(refs, scope, state, transport);
  makeLanes(refs, scope, state, transport, actions);
  makeWelcome(refs, scope, state, wire, notify);
  bindKeys(scope.element, state, { transport, actions, propagate, stop });
  bindHeader();

  function bindHeader() {
    const { about } = scope.props;
    refs.policy.replaceChildren("policy ", node("b", {}, about.recorded ? "recorded answers" : about.policy));
    refs.segmenter.replaceChildren("segmenter ", node("b", {}, about.segmenter));
    refs.running.textContent = about.recorded
      ? "The answers about the example clips are recorded: no policy runs here. The masks are made live."
      : `Both models run live on this server's ${about.device}.`;
    refs.caution.hidden = !about.trainedOn;
    refs.caution.textContent = `trained on ${about.trainedOn}`;
    refs.stop.addEventListener("click", stop);
    refs.undo.addEventListener("click", () => actions.step("undo"));
    refs.redo.addEventListener("click", () => actions.step("redo"));
    refs.star.addEventListener("click", actions.makeKeyframe);
    refs.newBox.addEventListener("click", () => state.set({ drawing: !state.get().drawing }));
    refs.drop1.addEventListener("click", actions.dropBox);
    refs.eye.addEventListener("click", () => state.set({ eye: !state.get().eye }));
    refs.another.addEventListener("click", leave);
    for (const button of refs.download.querySelectorAll("[data-what]")) {
      button.addEventListener("click", () => {
        refs.download.open = false;
        state.set({ status: "writing the file …" });
        wire.send("export", { what: button.dataset.what });
      });
    }
    state.on(["canUndo", "canRedo"], ({ canUndo, canRedo }) => { refs.undo.disabled = !canUndo; refs.redo.disabled = !canRedo; });
    state.on(["status"], ({ status }) => { refs.status.textContent = status; });
    state.on(["eye"], ({ eye }) => refs.eye.setAttribute("aria-pressed", String(eye)));
    state.on(["drawing"], ({ drawing }) => refs.newBox.setAttribute("aria-pressed", String(drawing)));
    state.on(["drawing", "objects", "busy", "info"], ({ drawing, objects, busy }) => {
      const isFree = !busy && !objects.length;
      refs.hint.textContent = drawing || isFree ? "Ask in words, or drag a box around the target" : "";
    });
    state.on(["info"], ({ info }) => {
      refs.clip.hidden = !info;
      if (!info) return;
      const rate = info.variable ? `${info.fps.toFixed(2)} fps (variable)` : `${info.fps.toFixed(2)} fps`;
      refs.clip.replaceChildren(node("b", {}, info.title), ` · ${info.frames} frames · ${rate} · ${info.width}×${info.height}`);
      refs.clip.title = `read by ${info.decoder}; first frame at ${info.first.toFixed(3)} s, last at ${info.last.toFixed(3)} s`;
    });
  }

  function leave() {
    if (state.get().busy) wire.stop();
    const link = new URL(window.location.href);
    link.searchParams.delete("work");
    window.history.replaceState(null, "", link);
    frames.forget();
    state.set({ ...BLANK, masks: new Map(), done: new Set() });
    refs.instruction.value = "";
  }

  const work = new URL(window.location.href).searchParams.get("work");
  if (work) wire.recall(work).then((isThere) => { if (!isThere) leave(); });
  refs.app.dataset.ready = "true";
  think.nameUnknown();
}
