// The dialog that gives a question to a person, or a second version of it to another.

import { node } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";

export function makeAssign(refs, queue) {
  let row = null;

  function open(chosen, people) {
    row = chosen;
    const me = recallPref("annotator", "");
    const names = [...new Set([me, ...people])].filter(Boolean);
    refs.assignAbout.textContent = row.instruction ? `“${row.instruction}” in ${row.clip}` : row.clip;
    refs.assignPeople.replaceChildren(
      ...names.map((name) =>
        node(
          "button",
          {
            type: "button",
            class: "v-filter",
            onclick: () => {
              refs.assignName.value = name;
              refs.assignForm.requestSubmit();
            },
          },
          name === me ? `${name} (you)` : name,
        ),
      ),
    );
    refs.assignName.value = row.assignee ?? me;
    refs.assignSecond.checked = false;
    refs.assignSecondField.hidden = row.isSecond || !row.instruction;
    refs.assignDialog.showModal();
    refs.assignName.focus();
    refs.assignName.select();
  }

  refs.assignForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = await queue.send("act", {
      do: "assign",
      question: row.id,
      name: refs.assignName.value,
      isSecond: refs.assignSecond.checked,
      seen: undefined,
    });
    if (told.error) return;
    refs.assignDialog.close();
    await queue.load(true);
  });
  refs.assignDialog.querySelector("[data-close]").addEventListener("click", () => refs.assignDialog.close());
  refs.assignDialog.addEventListener("click", (event) => {
    if (event.target === refs.assignDialog) refs.assignDialog.close();
  });
  return { open };
}
