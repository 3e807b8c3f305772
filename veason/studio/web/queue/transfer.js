// Dialogs that move files: clips into the queue, labels out and in.

import { node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";
import { upload } from "../core/upload.js";
import { farness } from "../core/words.js";

const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export function makeTransfer(refs, scope, state, messages, queue, notify) {
  const { about } = scope.props;
  let files = [];
  let begun = 0;
  let doing = "";

  const busy = (text) => {
    refs.report.hidden = !text;
    refs.report.replaceChildren(text ?? "");
    refs.addBusy.textContent = text ?? "";
    for (const button of [
      ...refs.addForm.querySelectorAll("[type=submit]"),
      ...refs.exportForm.querySelectorAll("button"),
      ...refs.importForm.querySelectorAll("button"),
    ])
      button.disabled = Boolean(text) || (about.project.readOnly && !refs.exportForm.contains(button));
  };

  const begin = (what) => {
    [begun, doing] = [performance.now(), what];
    busy(`${what} …`);
  };

  async function send(list) {
    const sent = [];
    for (const [number, file] of list.entries()) {
      if (file.size > about.maxMb * 1048576)
        throw new Error(`${file.name} has ${size(file.size)}, the limit is ${about.maxMb} MB`);
      const which = list.length > 1 ? ` (${number + 1} of ${list.length})` : "";
      const path = await upload(file, (_, told) => busy(`Uploading ${file.name}${which}, ${told} …`));
      sent.push({ path, name: file.name });
    }
    return sent;
  }

  async function trying(work) {
    try {
      await work();
    } catch (error) {
      busy(null);
      notify(`That did not work: ${error.message ?? error}`);
    }
  }

  const format = (name, text, isChecked) =>
    node(
      "label",
      { class: "v-format" },
      node("input", { type: "radio", name: "format", value: name, checked: isChecked ? "" : null }),
      node("b", {}, name),
      node("span", {}, text),
    );
  refs.formats.replaceChildren(
    ...about.formats.map(({ name, about: text }) => format(name, text, name === recallPref("format", "coco"))),
  );
  if (!refs.formats.querySelector(":checked")) refs.formats.querySelector("input").checked = true;
  const readable = about.formats
    .filter(({ canRead }) => canRead)
    .map(({ name }) => node("option", { value: name }, name));
  refs.importFormat.replaceChildren(
    ...readable,
    ...(about.project.key ? [] : [node("option", { value: "project" }, "a project downloaded here")]),
  );
  refs.addFolderField.hidden = !about.project.isLocal;

  refs.openAdd.addEventListener("click", () => {
    busy(null);
    refs.addDialog.showModal();
  });
  const openTransfer = (scopeOf) => {
    busy(null);
    refs.scopeClip.hidden = !state.get().work;
    refs.exportForm.elements.scope.value = state.get().work ? scopeOf : "project";
    refs.exportForm.elements.take.value = scopeOf === "clip" ? "everything" : "accepted";
    const disputed = queue.numDisputed();
    refs.disputed.checked = false;
    refs.disputedField.hidden = !disputed;
    refs.disputedText.textContent = `and ${disputed} that a reviewer disagrees with`;
    drawTake();
    refs.transferDialog.showModal();
  };
  // Training takes accepted answers whatever is chosen, and everything holds the disputed ones already.
  function drawTake() {
    const chosen = refs.exportForm.elements;
    const isTraining = about.formats.find(({ name }) => name === chosen.format.value)?.onlyAccepted;
    for (const one of chosen.take) one.disabled = isTraining;
    refs.disputed.disabled = !isTraining && chosen.take.value === "everything";
  }
  refs.exportForm.addEventListener("change", drawTake);
  refs.openTransfer.addEventListener("click", () => openTransfer("project"));
  refs.allFormats.addEventListener("click", () => {
    refs.download.open = false;
    openTransfer("clip");
  });
  for (const dialog of [refs.addDialog, refs.transferDialog]) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  function take(list) {
    files = [...list];
    refs.addText.textContent = files.length
      ? files.map(({ name }) => name).join(", ")
      : "Drop clips here or click to choose";
  }
  refs.addFiles.addEventListener("change", () => take(refs.addFiles.files));
  for (const name of ["dragover", "dragenter"])
    refs.addDrop.addEventListener(name, (event) => {
      event.preventDefault();
      refs.addDrop.classList.add("v-over");
    });
  for (const name of ["dragleave", "drop"])
    refs.addDrop.addEventListener(name, () => refs.addDrop.classList.remove("v-over"));
  refs.addDrop.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });

  refs.addForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const folder = refs.addFolder.value.trim();
    if (!files.length && !folder && !refs.addLines.value.trim()) {
      notify("Choose clips first, or write an instruction for the clips that are here.", "info");
      return;
    }
    trying(async () => {
      const sent = await send(files);
      begin("Reading the clips");
      messages.send("enqueue", { project: queue.project(), files: sent, folder, instructions: refs.addLines.value });
    });
  });

  refs.exportForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = refs.exportForm.elements;
    keepPref("format", chosen.format.value);
    begin("Writing");
    messages.send("export", {
      project: queue.project(),
      format: chosen.format.value,
      scope: chosen.scope.value,
      everything: chosen.take.value === "everything",
      disputed: refs.disputed.checked,
      pictures: refs.pictures.checked,
    });
  });
  refs.packAll.addEventListener("click", () => {
    begin("Packing everything");
    messages.send("export", { project: queue.project(), format: "project" });
  });
  refs.importForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const [file] = refs.importFile.files;
    if (!file) {
      notify("Choose the file with the labels first.", "info");
      return;
    }
    trying(async () => {
      const [sent] = await send([file]);
      begin("Reading the labels");
      messages.send("take", { project: queue.project(), ...sent, format: refs.importFormat.value });
    });
  });

  return {
    added({ project }) {
      keepPref("project", project);
      refs.addForm.reset();
      take([]);
      refs.addDialog.close();
      refs.transferDialog.close();
      state.set({ project });
      queue.load(true);
      queue.show(true);
    },
    exported({ name, bytes, lines }) {
      busy(null);
      refs.report.hidden = false;
      refs.report.replaceChildren(
        node("b", {}, `${name} · ${size(bytes)}`),
        ...lines.map((line) => node("div", { "data-lost": String(line.startsWith("lost")) }, line)),
      );
    },
    written({ done, count, unit }) {
      if (refs.transferDialog.open || refs.addDialog.open)
        busy(`${doing}: ${done} of ${count} ${unit}, ${farness(done, count, begun)} …`);
    },
    transferred() {
      if (!refs.report.querySelector("b")) busy(null);
    },
  };
}
