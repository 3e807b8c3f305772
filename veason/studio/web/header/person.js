// @ts-check
// Who is signed in: the name is theirs and cannot be typed, and what is for others is not shown.

/** @import { About } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */

import { keepPref } from "../core/prefs.js";

/** @param {Refs} refs @param {About} about */
export async function showPerson(refs, about) {
  if (!about.signsIn) return;
  const answer = await fetch(new URL("who", document.baseURI), { cache: "no-store" });
  if (!answer.ok) return; // the next event tells what is wrong
  /** @type {{ name: string, role: string }} */
  const { name, role } = await answer.json();
  keepPref("annotator", name);
  refs.annotator.value = name;
  refs.annotator.readOnly = true;
  refs.annotator.title = `signed in as ${name}, ${role}`;
  refs.person.textContent = name;
  refs.person.title = refs.annotator.title;
  refs.person.hidden = false;
  refs.app.dataset.role = role;
}
