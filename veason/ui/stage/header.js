// The bar above and the tools on the stage: buttons that call actions, and lines that tell how things stand.

import { node } from "./state.js";
import { FIT } from "./view.js";

export function bindHeader(refs, about, state, wire, { actions, help, tour, leave }) {
  refs.policy.replaceChildren("policy ", node("b", {}, about.recorded ? "recorded answers" : about.policy));
  refs.segmenter.replaceChildren("segmenter ", node("b", {}, about.segmenter));
  refs.running.textContent = about.recorded
    ? "The answers about the example clips are recorded: no policy runs here. The masks are made live."
    : `Both models run live on this server's ${about.device}.`;
  refs.caution.hidden = !about.trainedOn;
  refs.caution.textContent = `trained on ${about.trainedOn}`;

  const clicks = {
    stop: actions.stop,
    undo: () => actions.step("undo"),
    redo: () => actions.step("redo"),
    star: actions.makeKeyframe,
    newBox: () => state.set({ drawing: !state.get().drawing }),
    drop1: actions.dropBox,
    absent: actions.absent,
    eye: () => state.set({ eye: !state.get().eye }),
    another: leave,
    openHelp: help.open,
    showTour: () => { refs.help.close(); tour.show(); },
    closer: () => actions.zoom(1.4),
    farther: () => actions.zoom(1 / 1.4),
    zoom: () => state.set({ view: FIT }),
  };
  for (const [name, act] of Object.entries(clicks)) refs[name].addEventListener("click", () => act());
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
  state.on(["info"], ({ info }) => { refs.showTour.hidden = !info; });
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
