// @ts-check
// The questions of a project as a list: which are shown, in which order, and which comes next.

/** @import { QueueRow } from "../contract.js" */
/** @import { Way } from "../core/types.js" */

import { counted } from "../core/words.js";

/** @typedef {QueueRow["status"] | "disputed" | "no answer" | "deleted"} Standing */

/** @type {Standing[]} */
export const STATUSES = [
  "new",
  "thinking",
  "no answer",
  "proposed",
  "in review",
  "disputed",
  "accepted",
  "rejected",
  "absent",
];
/** @type {Standing[]} */
const OPEN = ["new", "thinking", "no answer", "proposed", "in review", "disputed"];

/** Nobody's questions, among the people to choose from. */
export const NOBODY = "-";

/**
 * What is looked for.
 * @typedef {object} Filter
 * @property {Standing | null} status
 * @property {string} person "" is everybody
 * @property {string} text in small letters
 */

/** @typedef {"added" | "doubt" | "iou" | "clip"} Order */

const inOrder = new Intl.Collator();

/**
 * Where a question stands. Accepted labels that a reviewer disagrees with wait for a person again, and stay out of what
 * is exported; what gave no usable answer was never proposed.
 * @param {QueueRow["status"]} status
 * @param {boolean} isDisputed
 * @param {string} failure why there is no usable answer, "" where there is one
 * @returns {Standing}
 */
export function standingOf(status, isDisputed, failure) {
  if (isDisputed) return "disputed";
  return failure && (status === "new" || status === "proposed") ? "no answer" : status;
}

/** @param {QueueRow} row */
export const standing = (row) => (row.isDeleted ? "deleted" : standingOf(row.status, row.isDisputed, row.failure));

/**
 * What accepting a row would say, while it waits for a person.
 * @param {QueueRow} row
 */
export function verdictText(row) {
  if (!isOpen(row)) return "";
  if (row.proposed === "labels") return counted(row.objects, "object");
  return row.proposed === "absent" ? "absent from the clip" : "nothing to accept yet";
}

/** Whether it waits for a person. @param {QueueRow} row */
export const isOpen = (row) => OPEN.includes(standing(row));

/** Whether it is somebody's, and holds the words. @param {QueueRow} row @param {Filter} filter */
export function matches(row, { person, text }) {
  const isTheirs = person === NOBODY ? !row.assignee : !person || row.assignee === person;
  return isTheirs && (!text || `${row.clip} ${row.instruction}`.toLowerCase().includes(text));
}

/** @type {Record<Exclude<Order, "added">, (a: QueueRow, b: QueueRow) => number>} */
const ORDERS = {
  doubt: (a, b) => (b.doubt ?? -1) - (a.doubt ?? -1),
  iou: (a, b) => (a.iou ?? 2) - (b.iou ?? 2),
  clip: (a, b) => inOrder.compare(a.clip, b.clip) || a.id - b.id,
};

/** The rows to show, in their order. @param {QueueRow[]} rows @param {Filter} filter @param {Order} order */
export function listed(rows, filter, order) {
  const found = rows.filter((row) => matches(row, filter) && (!filter.status || standing(row) === filter.status));
  return order === "added" ? found : found.sort(ORDERS[order]);
}

/** How many rows stand where. @param {QueueRow[]} rows @returns {Map<Standing, number>} */
export function countByStanding(rows) {
  /** @type {Map<Standing, number>} */
  const counts = new Map();
  for (const row of rows) counts.set(standing(row), (counts.get(standing(row)) ?? 0) + 1);
  return counts;
}

/**
 * The next question after (or before) one, round to the top once.
 * @param {QueueRow[]} rows
 * @param {number} id
 * @param {Way} way
 * @param {boolean} onlyOpen only those that still wait for a person
 */
export function neighbour(rows, id, way, onlyOpen) {
  const place = rows.findIndex((row) => row.id === id);
  const after = [...rows.slice(place + 1), ...rows.slice(0, Math.max(place, 0))];
  const order = way > 0 ? after : after.reverse();
  return order.find((row) => row.id !== id && !row.isGone && (!onlyOpen || isOpen(row)));
}

/**
 * The row that is in hand when the list changed: the same one, else the one in its place.
 * @param {QueueRow[]} before
 * @param {QueueRow[]} now
 * @param {number | null} current
 */
export function currentAfter(before, now, current) {
  if (now.some(({ id }) => id === current)) return current;
  const place = Math.max(
    0,
    before.findIndex(({ id }) => id === current),
  );
  return (now[place] ?? now.at(-1))?.id ?? null;
}
