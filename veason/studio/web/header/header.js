// @ts-check
// The bar above and the tools on the stage: buttons that call actions, and lines that tell how things stand.

/** @import { About, ExportWorkRequest, ModelPart, OpenedItem } from "../contract.js" */
/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Help } from "../keyboard/help.js" */
/** @import { Queue } from "../queue/queue.js" */

import { FINE_ZOOM } from "../canvas/view.js";
import { FIT } from "../core/blank.js";
import { node } from "../core/dom.js";
import { drawnHere, nameOf } from "../core/objects.js";

const CORNERS = { nw: "top left", se: "bottom right" };

/**
 * @typedef {object} Parts
 * @property {Actions} actions
 * @property {Help} help
 * @property {Queue} queue
 * @property {() => void} showTour
 * @property {() => void} leave
 */

/**
 * @param {Refs} refs
 * @param {About} about
 * @param {Store} state
 * @param {Messages} messages
 * @param {Parts} parts
 */
export function bindHeader(refs, about, state, messages, parts) {
  tellModels(refs, about.models);
  refs.mounts.replaceChildren(...about.mounts.map(mountLink));
  bindButtons(refs, state, parts);
  bindDownloads(refs, state, messages);
  bindLines(refs, state);
}

/** A link to an application beside the studio. @param {string} name */
function mountLink(name) {
  const href = new URL(`${name}/`, document.baseURI).href;
  return node("a", { class: "v-btn v-ghost", href }, name[0].toUpperCase() + name.slice(1));
}

/** Name the models in use. @param {Refs} refs @param {ModelPart} models */
export function tellModels(refs, { policy, segmenter, recorded, device, trainedOn }) {
  refs.policy.replaceChildren("policy ", node("b", {}, recorded ? "recorded answers" : policy));
  refs.segmenter.replaceChildren("segmenter ", node("b", {}, segmenter));
  refs.policy.title = recorded
    ? "The answers about the example clips are recorded: no policy runs here. Choose another"
    : `Thinks on this server's ${device}, unless it names a server of its own. Choose another`;
  refs.segmenter.title = `Runs on this server's ${device}. Choose another`;
  refs.caution.hidden = !trainedOn;
  refs.caution.textContent = `trained on ${trainedOn}`;
  refs.caution.title = refs.caution.textContent;
}

/** @param {Refs} refs @param {Store} state @param {Parts} parts */
function bindButtons(refs, state, { actions, help, queue, showTour, leave }) {
  const { marks, prompts } = actions;
  /** @type {[HTMLElement, () => unknown][]} */
  const clicks = [
    [refs.stop, actions.stop],
    [refs.stopMasks, actions.stop],
    [refs.star, actions.makeKeyframe],
    [refs.newBox, () => state.set({ drawing: !state.get().drawing, tool: null })],
    [refs.drop1, prompts.drop],
    [refs.absent, marks.absent],
    [refs.occluded, marks.occluded],
    [refs.eye, () => state.set({ eye: !state.get().eye })],
    [refs.another, leave],
    [refs.openQueue, () => queue.show(state.get().screen !== "queue" || !state.get().work)],
    [refs.resume, () => queue.show(true)],
    [refs.openHelp, help.open],
    [refs.closer, () => actions.zoom(1.4)],
    [refs.farther, () => actions.zoom(1 / 1.4)],
    [refs.zoom, () => state.set({ view: FIT })],
  ];
  for (const [shown, act] of clicks) shown.addEventListener("click", () => act());
  refs.showTour.addEventListener("click", () => {
    refs.help.close();
    showTour();
  });
}

/** @param {Refs} refs @param {Store} state @param {Messages} messages */
function bindDownloads(refs, state, messages) {
  for (const choice of refs.download.querySelectorAll("button[data-what]")) {
    const what = /** @type {ExportWorkRequest["what"]} */ (choice.getAttribute("data-what"));
    choice.addEventListener("click", () => {
      refs.download.open = false;
      state.set({ status: "writing the file …", began: performance.now() });
      messages.send("export", { what });
    });
  }
}

/** @param {Refs} refs @param {Store} state */
function bindLines(refs, state) {
  state.on(["screen", "queueSize", "queueCount"], ({ screen, queueSize, queueCount }) => {
    refs.openQueue.setAttribute("aria-pressed", String(screen === "queue"));
    refs.queueBadge.textContent = queueSize ? String(queueSize) : "";
    const waiting = `Your queue: ${queueSize} of ${queueCount} wait for you`;
    refs.resumeText.textContent = queueCount ? waiting : "Label many clips: open the queue";
  });
  state.on(["status"], ({ status }) => {
    refs.status.textContent = status;
  });
  state.on(["eye"], ({ eye }) => refs.eye.setAttribute("aria-pressed", String(eye)));
  state.on(["drawing"], ({ drawing }) => refs.newBox.setAttribute("aria-pressed", String(drawing)));
  state.on(HINTED, (now) => {
    refs.hint.textContent = hint(now);
  });
  state.on(["info"], ({ info }) => {
    refs.showTour.hidden = !info;
    refs.clip.hidden = !info;
    if (info) tellClip(refs.clip, info);
  });
}

/** @param {HTMLElement} shown @param {OpenedItem} info */
function tellClip(shown, { title, frames, fps, variable, width, height, decoder, first, last }) {
  const rate = `${fps.toFixed(2)} fps${variable ? " (variable)" : ""}`;
  shown.replaceChildren(node("b", {}, title), ` · ${frames} frames · ${rate} · ${width}×${height}`);
  shown.title = `read by ${decoder}; first frame at ${first.toFixed(3)} s, last at ${last.toFixed(3)} s`;
}

/** One line at the stage's foot: what the pointer or the arrows would do now. @param {State} now */
function hint(now) {
  const { pictureFrame, drawing, objects, busy, tool, corner, view, merging } = now;
  if (merging !== null) return `Press the number of the object that ${nameOf(now, merging)} goes into, or Esc`;
  if (tool) return "";
  if (pictureFrame < 0) return "Reading the first frame …";
  const { box } = drawnHere(now);
  const exact = view.zoom >= FINE_ZOOM && box ? box.xyxy.map((side) => side.toFixed(1)).join("  ") : "";
  if (corner) return [`The arrows move the ${CORNERS[corner]} corner`, exact].filter(Boolean).join(" · ");
  if (drawing) return "Drag a box for a new object, or press Enter for one in the middle";
  return exact || (!busy && !objects.length ? "Ask in words, or drag a box around the target" : "");
}

/** @type {(keyof State)[]} */
const HINTED = [
  "drawing",
  "objects",
  "busy",
  "info",
  "tool",
  "corner",
  "view",
  "boxes",
  "frame",
  "selected",
  "pictureFrame",
  "merging",
  "names",
];
