// Whether everything is on the disk, and whether somebody else changed what this tab shows.

const EVERY_MS = 2500;

const TOLD = {
  saved: ["saved", "Every change is on the disk"],
  saving: ["saving …", "The change is on its way to the disk"],
  unsaved: ["not saved", "The last change could not be kept: see the message"],
  readOnly: ["read-only", "This project cannot be written to: copy it to a folder of your own to change it"],
};

export function makeSync(refs, about, state, messages, notify) {
  function draw({ saved, work, screen }) {
    const told = about.project.readOnly ? "readOnly" : saved;
    refs.saved.hidden = told !== "readOnly" && (!work || !told || screen === "queue");
    if (refs.saved.hidden) return;
    [refs.saved.textContent, refs.saved.title] = TOLD[told];
    if (about.project.folder) refs.saved.title += ` in ${about.project.folder}`;
    refs.saved.dataset.saved = told;
  }

  async function look() {
    const { work, busy, rewriting, renaming, saved, screen } = state.get();
    if (!work || screen === "queue" || busy || rewriting || renaming !== null || saved === "saving" || document.hidden)
      return;
    const { isBehind } = await messages.pulse();
    if (!isBehind || state.get().work !== work || state.get().busy) return;
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

  state.on(["saved", "work", "screen"], draw);
  draw(state.get());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look().catch(() => {});
  });
  window.addEventListener("beforeunload", (event) => {
    if (state.get().saved === "saving") event.preventDefault();
  });
  setTimeout(again, EVERY_MS);
}
