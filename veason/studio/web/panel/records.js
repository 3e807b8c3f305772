// What a policy tells of every object before it reasons: a path over the shown frames, what can be said of it, and
// whether it fits. Shown as a small table with the path drawn, for nobody reads rows of numbers.

import { node } from "../core/dom.js";

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

// Returns { records: [{ name, places, tags, fits }], wanted, end }: `places` holds [x, y] in the policy's space or null,
// `fits` is null until the policy has judged the object, `wanted` is the question in the words of the records, and the
// text goes on at `end`. Null where the text tells no records.
export function readRecords(text) {
  const records = [];
  let end = 0;
  for (RECORD.lastIndex = 0; ; end = RECORD.lastIndex) {
    const found = RECORD.exec(text);
    if (!found) break;
    records.push(record(found));
  }
  TELLING.lastIndex = end;
  const telling = TELLING.exec(text); // the one that is just being written
  if (telling) return { records: [...records, record(telling)], wanted: "", end: text.length };
  if (!records.length) return null;
  const colon = text.indexOf(":", end);
  const compared = text.slice(end, colon < 0 ? text.length : colon);
  BEGUN.lastIndex = 0;
  if (!BEGUN.test(compared)) return { records, wanted: "", end };
  const [ranked, judged = ""] = compared.replace(/^\s*then /, "").split(/\bso find /);
  for (const [, rank, number] of ranked.matchAll(RANK)) records[NUMBERS.indexOf(number)]?.tags.push(rank);
  const [wanted, ...items] = judged.split(", ");
  for (const item of items) {
    const judgedOne = records[NUMBERS.indexOf(item.split(" ")[0])];
    const isWhole = item !== items.at(-1) || colon >= 0; // the last one may go on with another "yes" or "no"
    if (judgedOne && isWhole) judgedOne.fits = item.endsWith("yes");
  }
  return { records, wanted: items.length || colon >= 0 ? wanted.trim() : "", end: colon < 0 ? text.length : colon + 1 };
}

// "it is two red ball" means the second row of the table; where the sentence is read, the number is an article.
export const readable = (text) => text.replace(VERDICT, "$1 the");

function record([, name, path, said]) {
  const places = [...path.matchAll(/frame \d+ (\S+)/g)].map(([, place]) =>
    place === "-" ? null : place.split("/").map(Number),
  );
  const tags = said.replace(WORTHS, "").trim();
  return { name, places, tags: tags ? [tags] : [], fits: null };
}

function drawn({ places }, space) {
  const name = "http://www.w3.org/2000/svg";
  const make = (kind, attributes) => {
    const made = document.createElementNS(name, kind);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    return made;
  };
  const seen = places.filter(Boolean).map(([x, y]) => [(x / space[0]) * THUMB.width, (y / space[1]) * THUMB.height]);
  const picture = make("svg", {
    viewBox: `0 0 ${THUMB.width} ${THUMB.height}`,
    width: THUMB.width,
    height: THUMB.height,
    class: "v-path",
    "aria-hidden": "true",
  });
  const last = seen.at(-1);
  picture.append(
    make("polyline", { points: seen.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ") }),
  );
  if (last) picture.append(make("circle", { cx: last[0].toFixed(1), cy: last[1].toFixed(1), r: 2.4 }));
  return picture;
}

// The table, open while it is being told and folded afterwards, and how the question was understood.
export function recordTable({ records, wanted }, space, isOpen) {
  const fitting = records.filter(({ fits }) => fits).length;
  const judged = records.every(({ fits }) => fits !== null);
  const count = `${records.length} object${records.length === 1 ? "" : "s"} followed`;
  const rows = records.map((record, place) =>
    node(
      "li",
      { class: record.fits ? "v-fits" : "" },
      node("span", { class: "v-dim v-small" }, String(place + 1)),
      drawn(record, space),
      node("span", { class: "v-seenname" }, record.name),
      node("span", { class: "v-dim v-small v-grow" }, record.tags.join(", ")),
      node(
        "span",
        {
          class: "v-small",
          "aria-label": record.fits === null ? "not judged yet" : record.fits ? "fits" : "does not fit",
        },
        record.fits === null ? "" : record.fits ? "✓" : "–",
      ),
    ),
  );
  const line = judged ? `${count}, ${fitting || "none"} fit${fitting === 1 ? "s" : ""}` : `${count} …`;
  const search = wanted
    ? [node("p", { class: "v-small v-wanted" }, node("span", { class: "v-dim" }, "Looking for "), wanted)]
    : [];
  return [
    node(
      "details",
      { class: "v-seen", ...(isOpen ? { open: "" } : {}) },
      node("summary", { class: "v-dim v-small" }, line),
      node("ul", {}, ...rows),
    ),
    ...search,
  ];
}
