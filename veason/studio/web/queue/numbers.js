// The project in numbers: how far it is, and whose time and which clips it took.

import { node } from "../core/dom.js";
import { STATUSES, standing, time } from "./row.js";

const KINDS = {
  PutPrompt: "boxes, clicks, paintings",
  DropPrompt: "prompts removed",
  Marked: "marks",
  Reasoned: "reasoning",
  MoveKeyframe: "keyframes",
  Named: "names",
  Locked: "locks",
  Duplicated: "duplicates",
  Merged: "merges",
  Occluded: "occlusions",
  undo: "undo",
  redo: "redo",
  status: "decisions",
  comment: "comments",
  verdict: "opinions",
  assignee: "assignments",
  instruction: "rewording",
  resolve: "comments closed",
};

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

const figure = (value, text) => node("div", {}, node("b", {}, value), node("span", {}, text));

function table(title, heads, lines) {
  const cells = (line, tag) => line.map((cell) => node(tag, tag === "th" ? { scope: "col" } : {}, cell));
  return node(
    "section",
    {},
    node("h3", {}, title),
    node(
      "div",
      { class: "v-table", tabindex: "0", role: "group", "aria-label": title },
      node(
        "table",
        {},
        node("thead", {}, node("tr", {}, ...cells(heads, "th"))),
        node("tbody", {}, ...lines.map((line) => node("tr", {}, ...cells(line, "td")))),
      ),
    ),
  );
}

function byClip(rows) {
  const clips = new Map();
  for (const row of rows) {
    const clip = clips.get(row.video) ?? { clip: row.clip, questions: 0, seconds: 0, edits: 0 };
    clips.set(row.video, {
      ...clip,
      questions: clip.questions + 1,
      seconds: clip.seconds + row.seconds,
      edits: clip.edits + row.edits,
    });
  }
  return [...clips.values()].sort((a, b) => b.seconds - a.seconds || b.edits - a.edits);
}

export function makeNumbers(refs, queue) {
  refs.numbersDialog.querySelector("[data-close]").addEventListener("click", () => refs.numbersDialog.close());
  refs.numbersDialog.addEventListener("click", (event) => {
    if (event.target === refs.numbersDialog) refs.numbersDialog.close();
  });

  refs.openNumbers.addEventListener("click", () => {
    const { rows, effort, annotators, kinds, masks, videos } = queue;
    const counts = Object.fromEntries(
      STATUSES.map((status) => [status, rows.filter((row) => standing(row) === status).length]),
    );
    const done = counts.accepted + counts.absent + counts.rejected;
    refs.figures.replaceChildren(
      figure(`${done} of ${rows.length}`, "questions done"),
      figure(String(videos), videos === 1 ? "clip" : "clips"),
      figure(masks.toLocaleString("en"), masks === 1 ? "mask" : "masks"),
      figure(time(effort.seconds), "at work"),
      figure(effort.edits.toLocaleString("en"), effort.edits === 1 ? "edit" : "edits"),
      figure(done ? time(effort.seconds / done) : "–", "for each one done"),
    );
    const shares = STATUSES.filter((status) => counts[status]);
    refs.shares.setAttribute("aria-label", shares.map((status) => `${counts[status]} ${status}`).join(", "));
    refs.shares.replaceChildren(
      ...shares.map((status) => {
        const part = node("i", { "data-status": status, title: `${counts[status]} ${status}` });
        part.style.flexGrow = String(counts[status]);
        return part;
      }),
    );
    const people = Object.entries(annotators).sort(([, a], [, b]) => b.seconds - a.seconds);
    const clips = byClip(rows).filter(({ edits }) => edits);
    refs.numberTables.replaceChildren(
      table(
        "People",
        ["", "time", "edits"],
        people.map(([name, one]) => [name || "without a name", time(one.seconds), String(one.edits)]),
      ),
      table(
        "Edits",
        ["", "number"],
        Object.entries(kinds)
          .sort(([, a], [, b]) => b - a)
          .map(([kind, number]) => [KINDS[kind] ?? kind, String(number)]),
      ),
      table(
        "Clips",
        ["", "time", "edits"],
        clips.map((one) => [
          node("span", { title: count(one.questions, "question") }, one.clip),
          time(one.seconds),
          String(one.edits),
        ]),
      ),
    );
    refs.numbersDialog.showModal();
  });
}
