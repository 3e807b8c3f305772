// The bar above and the tools on the stage: buttons that call actions, and lines that tell how things stand.

import { FINE_ZOOM, FIT } from "../canvas/view.js";
import { node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";

// One line at the stage's foot: what the pointer or the arrows would do now.
function hint({ pictureFrame, drawing, objects, busy, tool, corner, view, boxes, frame, selected, merging, names }) {
  if (merging !== null) return `Press the number of the object that ${nameOf({ names }, merging)} goes into, or Esc`;
  if (tool) return "";
  if (pictureFrame < 0) return "Reading the first frame …";
  const box = boxes.find((one) => one.object === selected && one.frame === frame);
  const exact = view.zoom >= FINE_ZOOM && box ? box.xyxy.map((side) => side.toFixed(1)).join("  ") : "";
  const moved = { nw: "top left", se: "bottom right" }[corner];
  if (moved) return [`The arrows move the ${moved} corner`, exact].filter(Boolean).join(" · ");
  if (drawing) return "Drag a box for a new object, or press Enter for one in the middle";
  return exact || (!busy && !objects.length ? "Ask in words, or drag a box around the target" : "");
}

export function bindHeader(refs, about, state, messages, { actions, help, tour, leave, queue }) {
  refs.policy.replaceChildren("policy ", node("b", {}, about.recorded ? "recorded answers" : about.policy));
  refs.segmenter.replaceChildren("segmenter ", node("b", {}, about.segmenter));
  refs.running.textContent = about.recorded
    ? "The answers about the example clips are recorded: no policy runs here. The masks are made live."
    : `Both models run live on this server's ${about.device}.`;
  refs.caution.hidden = !about.trainedOn;
  refs.caution.textContent = `trained on ${about.trainedOn}`;

  const clicks = {
    stop: actions.stop,
    star: actions.makeKeyframe,
    newBox: () => state.set({ drawing: !state.get().drawing, tool: null }),
    drop1: actions.dropBox,
    absent: actions.absent,
    occluded: actions.occluded,
    eye: () => state.set({ eye: !state.get().eye }),
    another: leave,
    openQueue: () => queue.show(state.get().screen !== "queue" || !state.get().work),
    resume: () => queue.show(true),
    openHelp: help.open,
    showTour: () => {
      refs.help.close();
      tour.show();
    },
    closer: () => actions.zoom(1.4),
    farther: () => actions.zoom(1 / 1.4),
    zoom: () => state.set({ view: FIT }),
  };
  for (const [name, act] of Object.entries(clicks)) refs[name].addEventListener("click", () => act());
  for (const button of refs.download.querySelectorAll("[data-what]")) {
    button.addEventListener("click", () => {
      refs.download.open = false;
      state.set({ status: "writing the file …", began: performance.now() });
      messages.send("export", { what: button.dataset.what });
    });
  }

  state.on(["screen", "queueSize", "queueCount"], ({ screen, queueSize, queueCount }) => {
    refs.openQueue.setAttribute("aria-pressed", String(screen === "queue"));
    refs.queueBadge.textContent = queueSize ? String(queueSize) : "";
    refs.resumeText.textContent = queueCount
      ? `Your queue: ${queueSize} of ${queueCount} wait for you`
      : "Label many clips: open the queue";
  });
  state.on(["status"], ({ status }) => {
    refs.status.textContent = status;
  });
  state.on(["eye"], ({ eye }) => refs.eye.setAttribute("aria-pressed", String(eye)));
  state.on(["drawing"], ({ drawing }) => refs.newBox.setAttribute("aria-pressed", String(drawing)));
  state.on(["info"], ({ info }) => {
    refs.showTour.hidden = !info;
  });
  state.on(
    [
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
    ],
    (now) => {
      refs.hint.textContent = hint(now);
    },
  );
  state.on(["info"], ({ info }) => {
    refs.clip.hidden = !info;
    if (!info) return;
    const rate = info.variable ? `${info.fps.toFixed(2)} fps (variable)` : `${info.fps.toFixed(2)} fps`;
    refs.clip.replaceChildren(
      node("b", {}, info.title),
      ` · ${info.frames} frames · ${rate} · ${info.width}×${info.height}`,
    );
    refs.clip.title = `read by ${info.decoder}; first frame at ${info.first.toFixed(3)} s, last at ${info.last.toFixed(3)} s`;
  });
}
