// @ts-check
// What was chosen on the layer that shows the welcome page before the scripts have come (server/first_look.py).

/** The place of an example, or a file. @typedef {{ example?: number, file?: File }} FirstChoice */
/** What the layer leaves in the window. @typedef {{ veasonFirst?: FirstChoice, veasonFailed?: () => void }} Left */

/**
 * Take the layer away, with what it says where the page does not come, and give what was chosen on it, or null.
 * @returns {FirstChoice | null}
 */
export function takeFirst() {
  for (const part of document.querySelectorAll("#veason-first, .v-failed")) part.remove();
  document.querySelector("gradio-app")?.removeAttribute("inert");
  const kept = /** @type {Left} */ (/** @type {unknown} */ (window));
  const choice = kept.veasonFirst ?? null;
  delete kept.veasonFirst;
  delete kept.veasonFailed;
  return choice;
}
