// @ts-check
// What a policy tells of every object before it reasons: a path over the shown frames, what can be said of it, and
// whether it fits. Shown as a small table with the path drawn, for nobody reads rows of numbers.

/** @import { Point } from "../core/types.js" */

import { node, svg } from "../core/dom.js";
import { counted } from "../core/words.js";

const COUNT = "(?:one|two|three|four|five|six|seven)";
const NUMBERS = ["one", "two", "three", "four", "five", "six", "seven"];
const PATH = `\\s*${COUNT} ([a-z]+ [a-z]+)((?: frame \\d+ (?:-|\\d+\\/\\d+))+)([^,]*)`;
const RECORD = new RegExp(`${PATH},`, "y");
const TELLING = new RegExp(`${PATH}$`, "y");
const RANK = new RegExp(`([a-z]+(?: in| out)?) (${COUNT})\\b`, "g");
const BEGUN = /\s*(?:t|th|the|then|then .*)?$/sy;
const WORTHS = / ?\b(?:size|way|pace) \d+/g;
const VERDICT = new RegExp(`\\b(it is|they are|and) ${COUNT}\\b`, "g");
const THUMB = { width: 34, height: 22 };

/**
 * What is told of one object.
 * @typedef {object} ObjectRecord
 * @property {string} name
 * @property {(Point | null)[]} places in the policy's space, null where it is not seen
 * @property {string[]} tags
 * @property {boolean | null} fits null until the policy has judged the object
 */

/**
 * The records of a text; `wanted` is the question in their words, and the text goes on at `end`.
 * @typedef {{ records: ObjectRecord[], wanted: string, end: number }} Records
 */

/**
 * Read the records that a text begins with; null where it tells none.
 * @param {string} text
 * @returns {Records | null}
 */
export function readRecords(text) {
  const { records, end } = readFinished(text);
  TELLING.lastIndex = end;
  const telling = TELLING.exec(text); // the one that is just being written
  if (telling) return { records: [...records, recordOf(telling)], wanted: "", end: text.length };
  if (!records.length) return null;
  const colon = text.indexOf(":", end);
  const compared = text.slice(end, colon < 0 ? text.length : colon);
  BEGUN.lastIndex = 0;
  if (!BEGUN.test(compared)) return { records, wanted: "", end };
  const wanted = judge(records, compared, colon >= 0);
  return { records, wanted, end: colon < 0 ? text.length : colon + 1 };
}

/** @param {string} text */
function readFinished(text) {
  /** @type {ObjectRecord[]} */
  const records = [];
  let end = 0;
  for (RECORD.lastIndex = 0; ; end = RECORD.lastIndex) {
    const found = RECORD.exec(text);
    if (!found) return { records, end };
    records.push(recordOf(found));
  }
}

/**
 * Note in the records how they compare and which fit; return the question in their words.
 * @param {ObjectRecord[]} records
 * @param {string} compared
 * @param {boolean} isWhole nothing more follows
 */
function judge(records, compared, isWhole) {
  const [ranked, judged = ""] = compared.replace(/^\s*then /, "").split(/\bso find /);
  for (const [, rank, number] of ranked.matchAll(RANK)) records[NUMBERS.indexOf(number)]?.tags.push(rank);
  const [wanted, ...items] = judged.split(", ");
  for (const item of items) {
    const one = records[NUMBERS.indexOf(item.split(" ")[0])];
    const isFinished = item !== items.at(-1) || isWhole; // the last one may go on with another "yes" or "no"
    if (one && isFinished) one.fits = item.endsWith("yes");
  }
  return items.length || isWhole ? wanted.trim() : "";
}

/**
 * "it is two red ball" means the second row of the table; where the sentence is read, the number is an article.
 * @param {string} text
 */
export const readable = (text) => text.replace(VERDICT, "$1 the");

/** @param {RegExpExecArray} found @returns {ObjectRecord} */
function recordOf([, name, path, said]) {
  const places = [...path.matchAll(/frame \d+ (\S+)/g)].map(([, place]) => placeOf(place));
  const tags = said.replace(WORTHS, "").trim();
  return { name, places, tags: tags ? [tags] : [], fits: null };
}

/** @param {string} place "12/34", or "-" @returns {Point | null} */
function placeOf(place) {
  if (place === "-") return null;
  const [x, y] = place.split("/").map(Number);
  return [x, y];
}

/** The path of an object, small. @param {ObjectRecord} record @param {[number, number]} space */
function drawn({ places }, space) {
  const seen = places
    .filter((place) => place !== null)
    .map(([x, y]) => [(x / space[0]) * THUMB.width, (y / space[1]) * THUMB.height]);
  const { width, height } = THUMB;
  const look = { viewBox: `0 0 ${width} ${height}`, width, height, class: "v-path", "aria-hidden": "true" };
  const picture = svg("svg", look);
  const points = seen.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ");
  picture.append(svg("polyline", { points }));
  const last = seen.at(-1);
  if (last) picture.append(svg("circle", { cx: last[0].toFixed(1), cy: last[1].toFixed(1), r: 2.4 }));
  return picture;
}

/** @param {ObjectRecord} record @param {number} number @param {[number, number]} space */
function row(record, number, space) {
  const { fits } = record;
  const label = fits === null ? "not judged yet" : fits ? "fits" : "does not fit";
  return node(
    "li",
    { class: fits ? "v-fits" : "" },
    node("span", { class: "v-dim v-small" }, String(number)),
    drawn(record, space),
    node("span", { class: "v-seenname" }, record.name),
    node("span", { class: "v-dim v-small v-grow" }, record.tags.join(", ")),
    node("span", { class: "v-small", "aria-label": label }, fits === null ? "" : fits ? "✓" : "–"),
  );
}

/**
 * The table, open while it is being told and folded afterwards, and how the question was understood.
 * @param {Records} told
 * @param {[number, number]} space
 * @param {boolean} isOpen
 */
export function recordTable({ records, wanted }, space, isOpen) {
  const fitting = records.filter(({ fits }) => fits).length;
  const isJudged = records.every(({ fits }) => fits !== null);
  const count = `${counted(records.length, "object")} followed`;
  const line = isJudged ? `${count}, ${fitting || "none"} fit${fitting === 1 ? "s" : ""}` : `${count} …`;
  const rows = records.map((record, place) => row(record, place + 1, space));
  const table = node(
    "details",
    { class: "v-seen", open: isOpen ? "" : null },
    node("summary", { class: "v-dim v-small" }, line),
    node("ul", {}, ...rows),
  );
  const search = node("p", { class: "v-small v-wanted" }, node("span", { class: "v-dim" }, "Looking for "), wanted);
  return wanted ? [table, search] : [table];
}
