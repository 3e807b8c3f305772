// One line of the queue: picture, clip, words, where it stands.

import { node } from "../core/dom.js";

export const STATUSES = ["new", "thinking", "proposed", "in review", "disputed", "accepted", "rejected", "absent"];
const OPEN = ["new", "thinking", "proposed", "in review", "disputed"];

// Accepted labels that a reviewer disagrees with wait for a person again, and stay out of what is exported.
export const standing = (row) => (row.isDisputed ? "disputed" : row.status);
export const isOpen = (row) => OPEN.includes(standing(row));

export function time(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const chip = (status, ...more) =>
  node("span", { class: "v-status-chip", "data-status": status }, status, ...more);

function doubtBar(doubt) {
  if (doubt === null) return node("span", { class: "v-doubt" });
  const bar = node(
    "span",
    {
      class: "v-doubt",
      title: `doubt ${doubt.toFixed(2)}`,
      role: "img",
      "aria-label": `doubt ${Math.round(doubt * 100)} percent`,
    },
    node("i"),
  );
  bar.firstChild.style.width = `${Math.round(doubt * 100)}%`;
  bar.dataset.high = String(doubt >= 0.5);
  return bar;
}

export const verdictTexts = (verdicts) => verdicts.map(({ verdict, by }) => `${by || "a reviewer"} ${verdict}s`);

function details(row) {
  const parts = [];
  if (row.isGone) parts.push("the file is gone: add the clip again");
  if (row.failure) parts.push(row.failure);
  if (row.iou !== null)
    parts.push(`IoU ${row.iou.toFixed(2)}${row.isSecond ? " with the first version" : " with the second version"}`);
  else if (row.isSecond) parts.push("second version");
  parts.push(...verdictTexts(row.verdicts));
  if (row.remarks) parts.push(row.remarks === 1 ? "1 comment" : `${row.remarks} comments`);
  if (row.edits) parts.push(`${row.edits} edit${row.edits === 1 ? "" : "s"}`);
  if (row.seconds >= 1) parts.push(time(row.seconds));
  return parts.join(" · ");
}

export function makeRow(row, { thumb, pick, open }) {
  const picture = node("span", { class: "v-thumb", "aria-hidden": "true" });
  thumb(row.video, picture);
  const made = node(
    "div",
    {
      class: "v-qrow",
      role: "option",
      id: `v-row-${row.id}`,
      "data-row": row.id,
      "data-gone": String(row.isGone),
      onclick: () => pick(row.id),
      ondblclick: () => open(row.id),
    },
    picture,
    node(
      "span",
      { class: "v-qwords" },
      node("b", { class: row.instruction ? "" : "v-dim" }, row.instruction || "no words yet"),
      node("small", {}, row.clip, ` · ${row.frames} frames`),
    ),
    node("small", { class: "v-qmore", title: details(row), "data-disputed": String(row.isDisputed) }, details(row)),
    node("span", { class: "v-qwho" }, row.assignee ?? ""),
    doubtBar(row.doubt),
    chip(standing(row)),
    node(
      "span",
      {
        class: "v-link v-qopen",
        "aria-hidden": "true",
        onclick: (event) => {
          event.stopPropagation();
          open(row.id);
        },
      },
      "Open",
    ), // for pointers: an option holds no button, Enter opens it
  );
  return made;
}
