// @ts-check
// What was chosen on the layer that shows the welcome page before the scripts have come (server/first_look.py).

/** The place of an example, or a file. @typedef {{ example?: number, file?: File }} FirstChoice */

/**
 * Take the layer away and give what was chosen on it, null where nothing was.
 * @returns {FirstChoice | null}
 */
export function takeFirst() {
  document.getElementById("veason-first")?.remove();
  const kept = /** @type {{ veasonFirst?: FirstChoice }} */ (/** @type {unknown} */ (window));
  const choice = kept.veasonFirst ?? null;
  delete kept.veasonFirst;
  return choice;
}
