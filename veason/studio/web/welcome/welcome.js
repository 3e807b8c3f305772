// @ts-check
// The first page: drop a video, or take an example.

/** @import { About, ExamplePart } from "../contract.js" */
/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify, Sent, State, Store } from "../core/types.js" */

import { bindDrop, button, node } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";
import { upload } from "../core/upload.js";
import { textOf } from "../core/words.js";
import { takeChoice } from "./skeleton.js";

const MB = 1024 * 1024;

/** @param {number} value */
const seconds = (value) => (value < 90 ? `${Math.round(value)} s` : `${(value / 60).toFixed(1)} min`);

/**
 * @param {Refs} refs
 * @param {About} about
 * @param {Store} state
 * @param {Messages} messages
 * @param {Notify} notify
 * @returns {() => void} shows it, and goes on with what was chosen before it was ready
 */
export function makeWelcome(refs, about, state, messages, notify) {
  refs.limits.textContent =
    `MP4, MOV, WebM, MKV, AVI, GIF · up to ${about.maxMb} MB · any length, ` +
    "clips over 600 frames start with a part around the keyframe";
  const openExample = (/** @type {ExamplePart} */ { place, title }) => open({ example: place }, title);
  refs.cards.replaceChildren(...about.examples.map((example) => card(example, () => openExample(example))));

  /** @param {Sent<"open">} data @param {string} title */
  function open(data, title) {
    state.set({ opening: title });
    messages.send("open", { work: null, project: recallPref("project", null), ...data });
  }

  const giveUp = button(
    {
      onclick: (event) => {
        event.preventDefault(); // it lies in the label of the file field
        messages.stop();
      },
    },
    "Cancel",
  );

  /** @param {File | undefined} file */
  async function take(file) {
    if (!file || state.get().opening) return;
    if (file.size > about.maxMb * MB) {
      const size = `${file.name} has ${Math.ceil(file.size / MB)} MB`;
      notify(`${size}, the limit is ${about.maxMb} MB: cut it or scale it down.`);
      return;
    }
    state.set({ opening: file.name });
    try {
      const path = await upload(file, (share, told) => {
        state.set({ opening: share < 1 ? `${file.name}, ${told}` : file.name });
        refs.meter.classList.toggle("v-busy", share === 1);
        refs.meterBar.style.width = share < 1 ? `${share * 100}%` : "";
      });
      open({ path, name: file.name }, file.name);
    } catch (error) {
      state.set({ opening: null });
      notify(`The upload of ${file.name} failed: ${textOf(error)}. Please try again.`);
    }
  }

  refs.file.addEventListener("change", () => {
    take(refs.file.files?.[0]);
    refs.file.value = "";
  });
  bindDrop(refs.drop, (files) => take(files?.[0]));
  state.on(["opening", "work", "screen"], (now) => drawScreen(refs, now, giveUp));
  return () => {
    const chosen = takeChoice();
    const example = about.examples.find(({ place }) => place === chosen?.example);
    if (example) openExample(example);
    else take(chosen?.file);
  };
}

/** @param {ExamplePart} example @param {() => void} onclick */
function card({ title, picture, rendered, frames, seconds: length }, onclick) {
  const told = `${rendered ? "rendered" : "real video"} · ${frames} frames · ${seconds(length)}`;
  return button(
    { class: "v-tile", "data-example": title, onclick },
    node("img", { src: new URL(picture, document.baseURI).href, alt: "" }),
    node("span", {}, node("b", {}, title), node("small", {}, told)),
  );
}

/**
 * Which of the welcome page, the stage and the queue is to be seen.
 * @param {Refs} refs @param {State} now @param {Node} giveUp
 */
function drawScreen(refs, { opening, work, screen }, giveUp) {
  const isQueue = screen === "queue";
  refs.welcome.hidden = Boolean(work) || isQueue;
  refs.main.hidden = !work || isQueue;
  refs.actions.hidden = !work || isQueue;
  refs.clip.hidden = !work || isQueue;
  refs.meter.hidden = !opening;
  const idle = [node("b", {}, "Drop a video here"), " or click to choose one"];
  refs.dropText.replaceChildren(...(opening ? [`Opening ${opening} … `, giveUp] : idle));
}
