// @ts-check
// What was chosen on the layer that shows the welcome page before the scripts have come (server/skeleton.py).

/** The place of an example, or a file. @typedef {{ example?: number, file?: File }} EarlyChoice */
/** What the layer leaves in the window. @typedef {{ veasonChoice?: EarlyChoice, veasonFailed?: () => void }} Left */

/**
 * Take the layer away, with what it says where the page does not come, and give what was chosen on it, or null.
 * @returns {EarlyChoice | null}
 */
export function takeChoice() {
  for (const part of document.querySelectorAll("#veason-skeleton, .v-failed")) part.remove();
  document.querySelector("gradio-app")?.removeAttribute("inert");
  const kept = /** @type {Left} */ (/** @type {unknown} */ (window));
  const choice = kept.veasonChoice ?? null;
  delete kept.veasonChoice;
  delete kept.veasonFailed;
  return choice;
}
