// @ts-check
// One line of the queue: picture, clip, words, where it stands.

/** @import { QueueRow, VerdictPart } from "../contract.js" */
/** @import { Standing } from "./list.js" */

import { node } from "../core/dom.js";
import { counted, time } from "../core/words.js";
import { standing, verdictText } from "./list.js";

/** @param {Standing} status */
export const chip = (status) => node("span", { class: "v-status-chip", "data-status": status }, status);

/** @param {VerdictPart[]} verdicts */
export const verdictTexts = (verdicts) => verdicts.map(({ verdict, by }) => `${by || "a reviewer"} ${verdict}s`);

/** @param {number | null} doubt */
function doubtBar(doubt) {
  if (doubt === null) return node("span", { class: "v-doubt" });
  const percent = Math.round(doubt * 100);
  const label = { role: "img", "aria-label": `doubt ${percent} percent`, "data-high": String(doubt >= 0.5) };
  const bar = node("i", { style: `width:${percent}%` });
  return node("span", { class: "v-doubt", title: `doubt ${doubt.toFixed(2)}`, ...label }, bar);
}

/** @param {QueueRow} row */
function details(row) {
  const parts = [];
  if (row.isGuess) parts.push("a guess");
  if (row.isDeleted) parts.push("deleted: kept, and left out of exports");
  if (row.isGone) parts.push("the file is gone: add the clip again");
  if (row.failure) parts.push(`no usable answer: ${row.failure}`);
  if (row.status === "proposed" || row.status === "in review") parts.push(verdictText(row));
  const other = row.isSecond ? "first" : "second";
  if (row.iou !== null) parts.push(`IoU ${row.iou.toFixed(2)} with the ${other} version`);
  else if (row.isSecond) parts.push("second version");
  parts.push(...verdictTexts(row.verdicts));
  if (row.remarks) parts.push(counted(row.remarks, "comment"));
  if (row.edits) parts.push(counted(row.edits, "edit"));
  if (row.seconds >= 1) parts.push(time(row.seconds));
  return parts.filter(Boolean).join(" · ");
}

/**
 * What a row does.
 * @typedef {object} RowActs
 * @property {(video: number, place: HTMLElement) => void} thumb
 * @property {(id: number) => void} pick
 * @property {(id: number) => void} open
 * @property {(id: number, isReach: boolean) => void} tick
 */

/** @param {QueueRow} row @param {RowActs} acts */
export function makeRow(row, { thumb, pick, open, tick }) {
  const picture = node("span", { class: "v-thumb", "aria-hidden": "true" });
  thumb(row.video, picture);
  const told = details(row);
  const onopen = (/** @type {Event} */ event) => {
    event.stopPropagation();
    open(row.id);
  };
  const ontick = (/** @type {MouseEvent} */ event) => {
    event.stopPropagation();
    tick(row.id, event.shiftKey);
  };
  return node(
    "div",
    {
      class: "v-qrow",
      role: "option",
      id: `v-row-${row.id}`,
      "data-row": row.id,
      "data-gone": String(row.isGone),
      onclick: () => pick(row.id),
      ondblclick: () => (row.isDeleted ? null : open(row.id)),
    },
    node("span", { class: "v-tick", "aria-hidden": "true", onclick: ontick }), // for pointers: Space ticks it
    picture,
    words(row),
    node("small", { class: "v-qmore", title: told, "data-disputed": String(row.isDisputed) }, told),
    node("span", { class: "v-qwho" }, row.assignee ?? ""),
    doubtBar(row.doubt),
    chip(standing(row)),
    node("span", { class: "v-link v-qopen", "aria-hidden": "true", onclick: onopen }, row.isDeleted ? "" : "Open"), // for pointers: an option holds no button, Enter opens it
  );
}

/** @param {QueueRow} row */
const words = ({ instruction, clip, frames }) =>
  node(
    "span",
    { class: "v-qwords" },
    node("b", { class: instruction ? "" : "v-dim" }, instruction || "no words yet"),
    node("small", {}, clip, ` · ${frames} frames`),
  );
