// The first page: drop a video, or take an example.

import { node } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";
import { upload } from "../core/upload.js";

const seconds = (value) => (value < 90 ? `${Math.round(value)} s` : `${(value / 60).toFixed(1)} min`);

export function makeWelcome(refs, scope, state, messages, notify) {
  const { about } = scope.props;
  refs.limits.textContent =
    `MP4, MOV, WebM, MKV, AVI, GIF · up to ${about.maxMb} MB · any length, ` +
    "clips over 600 frames start with a part around the keyframe";
  refs.cards.replaceChildren(
    ...about.examples.map((example) =>
      node(
        "button",
        {
          type: "button",
          class: "v-tile",
          "data-example": example.title,
          onclick: () => open({ example: example.place }, example.title),
        },
        node("img", { src: example.picture, alt: "" }),
        node(
          "span",
          {},
          node("b", {}, example.title),
          node(
            "small",
            {},
            `${example.rendered ? "rendered" : "real video"} · ${example.frames} frames · ${seconds(example.seconds)}`,
          ),
        ),
      ),
    ),
  );

  function open(data, title) {
    state.set({ opening: title });
    messages.send("open", { work: null, project: recallPref("project", null), ...data });
  }

  async function take(file) {
    if (!file || state.get().opening) return;
    if (file.size > about.maxMb * 1024 * 1024) {
      notify(
        `${file.name} has ${Math.ceil(file.size / 1048576)} MB, the limit is ${about.maxMb} MB: cut it or scale it down.`,
      );
      return;
    }
    state.set({ opening: file.name });
    try {
      const path = await upload(file, (share, told) => {
        state.set({ opening: share < 1 ? `${file.name}, ${told}` : file.name });
        refs.meter.classList.toggle("v-busy", share === 1);
        refs.meter.firstElementChild.style.width = share < 1 ? `${share * 100}%` : "";
      });
      open({ path, name: file.name }, file.name);
    } catch (error) {
      state.set({ opening: null });
      notify(`The upload of ${file.name} failed: ${error.message ?? error}. Please try again.`);
    }
  }

  refs.file.addEventListener("change", () => {
    take(refs.file.files[0]);
    refs.file.value = "";
  });
  for (const name of ["dragover", "dragenter"]) {
    refs.drop.addEventListener(name, (event) => {
      event.preventDefault();
      refs.drop.classList.add("v-over");
    });
  }
  for (const name of ["dragleave", "drop"])
    refs.drop.addEventListener(name, () => refs.drop.classList.remove("v-over"));
  refs.drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });

  state.on(["opening", "work", "screen"], ({ opening, work, screen }) => {
    const isQueue = screen === "queue";
    refs.welcome.hidden = Boolean(work) || isQueue;
    refs.main.hidden = !work || isQueue;
    refs.actions.hidden = !work || isQueue;
    refs.clip.hidden = !work || isQueue;
    refs.meter.hidden = !opening;
    const lead = opening ? [`Opening ${opening} …`] : [node("b", {}, "Drop a video here"), " or click to choose one"];
    refs.dropText.replaceChildren(...lead);
  });
}
