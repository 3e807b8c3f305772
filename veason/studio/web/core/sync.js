// @ts-check
// Whether everything is on the disk, and whether somebody else changed what this tab shows.

/** @import { About } from "../contract.js" */
/** @import { Refs } from "./refs.js" */
/** @import { Notify, State, Store } from "./types.js" */
/** @import { Messages } from "./messages.js" */

const EVERY_MS = 2500;

const TOLD = {
  saved: ["saved", "Every change is on the disk"],
  saving: ["saving …", "The change is on its way to the disk"],
  unsaved: ["not saved", "The last change could not be kept: see the message"],
  unasked: ["words not asked", "The words in the field are kept in this browser: Think asks them as another question"],
  readOnly: ["read-only", "This project cannot be written to: copy it to a folder of your own to change it"],
};

/**
 * What the header says of the question: never that it is saved while words are only in the field.
 * @param {Pick<State, "saved" | "typed">} now
 */
export function standing({ saved, typed }) {
  if (saved !== "saved" || typed === null) return saved;
  return typed === "unsent" ? "saving" : "unasked";
}

/**
 * @param {Refs} refs
 * @param {About} about
 * @param {Store} state
 * @param {Messages} messages
 * @param {Notify} notify
 */
export function makeSync(refs, about, state, messages, notify) {
  /** @param {State} now */
  function draw(now) {
    const told = about.project.readOnly ? "readOnly" : now.work && now.screen !== "queue" ? standing(now) : null;
    refs.saved.hidden = !told;
    if (!told) return;
    const [text, title] = TOLD[told];
    refs.saved.textContent = text;
    refs.saved.title = about.project.folder ? `${title} in ${about.project.folder}` : title;
    refs.saved.dataset.saved = told;
  }

  async function look() {
    const { work, busy, rewriting, renaming, saved, screen } = state.get();
    const isAway = !work || screen === "queue" || document.hidden;
    if (isAway || busy || rewriting || renaming !== null || saved === "saving") return;
    const told = await messages.pulse(work);
    if (told.error !== undefined || !told.isBehind) return;
    if (state.get().work !== work || state.get().busy) return;
    await messages.recall(work);
    notify("This was changed in another tab: here is how it is now.", "info");
  }

  async function again() {
    try {
      await look();
    } catch {
      // the server cannot be reached: the connection says so, and later looks will tell
    }
    setTimeout(again, EVERY_MS);
  }

  state.on(["saved", "typed", "work", "screen"], draw);
  draw(state.get());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look().catch(() => {});
  });
  window.addEventListener("beforeunload", (event) => {
    if (standing(state.get()) === "saving") event.preventDefault();
  });
  setTimeout(again, EVERY_MS);
}
