// @ts-check
// The project in numbers: how far it is, and whose time and which clips it took.

/** @import { EffortsReply, QueueReply, QueueRow } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, State, Store } from "../core/types.js" */
/** @import { Queue } from "./queue.js" */

import { bindClosing, node } from "../core/dom.js";
import { nameOf } from "../core/objects.js";
import { counted, time } from "../core/words.js";
import { idOf } from "./ids.js";
import { STATUSES, countByStanding } from "./list.js";

/** What kinds of change are called. @type {Record<string, string>} */
const KINDS = {
  PutPrompt: "boxes, clicks, paintings",
  DropPrompt: "prompts removed",
  Marked: "marks",
  Reasoned: "reasoning",
  MoveKeyframe: "keyframes",
  Named: "names",
  Locked: "locks",
  Classed: "classes",
  Reworded: "rewording of asked ones",
  delete: "deletions",
  restore: "restored",
  gate: "gates",
  classes: "lists of classes",
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

/**
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Store} state
 * @param {Queue} queue
 */
export function makeNumbers(refs, scope, state, queue) {
  bindClosing(refs.numbersDialog);
  refs.openNumbers.addEventListener("click", async () => {
    if (!queue.data) return;
    drawFigures(refs, queue.data);
    drawShares(refs, queue.data);
    drawTables(refs, queue.data);
    refs.objectTable.replaceChildren();
    refs.numbersDialog.showModal();
    const { work } = state.get();
    const told = work && queue.checked(await scope.server.efforts(queue.signed({ question: idOf(work) })));
    if (told) drawObjects(refs, state.get(), told);
  });
}

/**
 * What went into each object of the question that is open.
 * @param {Refs} refs
 * @param {State} now
 * @param {EffortsReply} told
 */
function drawObjects(refs, now, { objects }) {
  const lines = now.objects
    .map((object) => ({ object, effort: objects[object] }))
    .filter(({ effort }) => effort)
    .map(({ object, effort }) => [
      nameOf(now, object),
      time(effort.seconds),
      String(effort.clicks),
      String(effort.boxes),
      String(effort.corrections),
    ]);
  if (!lines.length) return;
  refs.objectTable.replaceChildren(
    table("Objects of the open question", ["", "time", "clicks", "boxes", "corrections"], lines),
  );
}

/** @param {Refs} refs @param {QueueReply} data */
function drawFigures(refs, { rows, videos, masks, effort }) {
  const counts = countByStanding(rows);
  const done = (counts.get("accepted") ?? 0) + (counts.get("absent") ?? 0) + (counts.get("rejected") ?? 0);
  refs.figures.replaceChildren(
    figure(`${done} of ${rows.length}`, "questions done"),
    figure(String(videos), videos === 1 ? "clip" : "clips"),
    figure(masks.toLocaleString("en"), masks === 1 ? "mask" : "masks"),
    figure(time(effort.seconds), "at work"),
    figure(effort.edits.toLocaleString("en"), effort.edits === 1 ? "edit" : "edits"),
    figure(done ? time(effort.seconds / done) : "–", "for each one done"),
  );
}

/** @param {Refs} refs @param {QueueReply} data */
function drawShares(refs, { rows }) {
  const counts = countByStanding(rows);
  const shares = STATUSES.filter((status) => counts.has(status)).map((status) => ({
    status,
    count: counts.get(status) ?? 0,
  }));
  refs.shares.setAttribute("aria-label", shares.map(({ status, count }) => `${count} ${status}`).join(", "));
  const bars = shares.map(({ status, count }) =>
    node("i", { "data-status": status, title: `${count} ${status}`, style: `flex-grow:${count}` }),
  );
  refs.shares.replaceChildren(...bars);
}

/** @param {Refs} refs @param {QueueReply} data */
function drawTables(refs, { rows, annotators, kinds }) {
  const people = Object.entries(annotators).sort(([, a], [, b]) => b.seconds - a.seconds);
  const persons = people.map(([name, one]) => [name || "without a name", time(one.seconds), String(one.edits)]);
  const edits = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const clips = byClip(rows).filter((one) => one.edits);
  refs.numberTables.replaceChildren(
    table("People", ["", "time", "edits"], persons),
    table(
      "Edits",
      ["", "number"],
      edits.map(([kind, number]) => [KINDS[kind] ?? kind, String(number)]),
    ),
    table("Clips", ["", "time", "edits"], clips.map(clipLine)),
  );
}

/** @typedef {{ clip: string, questions: number, seconds: number, edits: number }} ClipEffort */

/** @param {ClipEffort} one */
const clipLine = (one) => [
  node("span", { title: counted(one.questions, "question") }, one.clip),
  time(one.seconds),
  String(one.edits),
];

/** The effort that each clip took, the most first. @param {QueueRow[]} rows @returns {ClipEffort[]} */
export function byClip(rows) {
  /** @type {Map<number, ClipEffort>} */
  const clips = new Map();
  for (const { video, clip, seconds, edits } of rows) {
    const known = clips.get(video) ?? { clip, questions: 0, seconds: 0, edits: 0 };
    clips.set(video, {
      ...known,
      questions: known.questions + 1,
      seconds: known.seconds + seconds,
      edits: known.edits + edits,
    });
  }
  return [...clips.values()].sort((a, b) => b.seconds - a.seconds || b.edits - a.edits);
}

/** @param {string} value @param {string} text */
const figure = (value, text) => node("div", {}, node("b", {}, value), node("span", {}, text));

/** @param {string} title @param {string[]} heads @param {(string | HTMLElement)[][]} lines */
function table(title, heads, lines) {
  const head = heads.map((cell) => node("th", { scope: "col" }, cell));
  const body = lines.map((line) => node("tr", {}, ...line.map((cell) => node("td", {}, cell))));
  const look = { class: "v-table", tabindex: "0", role: "group", "aria-label": title };
  const cells = node("table", {}, node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...body));
  return node("section", {}, node("h3", {}, title), node("div", look, cells));
}
