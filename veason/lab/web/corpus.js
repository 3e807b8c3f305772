// @ts-check
// The page of a corpus: its entries, found by kind and words, and one of them in full.

import { ask } from "./ask.js";
import { commandKey } from "./keys.js";
import { make } from "./words.js";

/**
 * One entry of a list, one try of a teacher, and an entry in full.
 * @typedef {{
 *   place: number, state: string, asked: string, absent: boolean, faults: string[],
 *   keyframe?: number | null, boxes?: number[][], number?: number,
 * }} Entry
 * @typedef {{
 *   text: string, faults: string[], seconds?: number, prompt_tokens?: number, completion_tokens?: number,
 * }} Attempt
 * @typedef {{
 *   labels?: number[], question?: string, answer?: string, system?: string, attempts?: Attempt[],
 * } & Entry} Whole
 */

const WAIT_MS = 180;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const text = /** @type {HTMLInputElement} */ (byId("text"));
const list = byId("entries");

/** @type {{ kind: string, entries: Entry[], total: number, at: number, asked: number }} */
const now = { kind: "all", entries: [], total: 0, at: -1, asked: 0 };

/** @param {unknown} error */
function fail(error) {
  byId("problem").hidden = false;
  byId("problem").textContent = error instanceof Error ? error.message : String(error);
}

/** @param {number} place @param {number} number */
const pictureOf = (place, number) => `api/picture?${new URLSearchParams({ place: `${place}`, number: `${number}` })}`;

/** @param {number[][]} boxes shares of the picture's width and height */
const drawn = (boxes) =>
  boxes.map(([left, top, right, bottom]) => {
    const sides = { left, top, width: right - left, height: bottom - top };
    const style = Object.entries(sides).map(([name, share]) => `${name}:${(share * 100).toFixed(2)}%`);
    return make("span", { class: "box", style: style.join(";") });
  });

/** @param {Entry} entry */
function standing(entry) {
  if (entry.faults.length) return make("small", { class: "bad", title: entry.faults.join("\n") }, entry.faults[0]);
  if (entry.state !== "row") return make("small", {}, entry.state);
  if (entry.absent) return make("small", {}, "not in the video");
  const count = entry.boxes?.length ?? 0;
  return make("small", {}, `frame ${entry.keyframe}, ${count} ${count === 1 ? "box" : "boxes"}`);
}

/** @param {Entry} entry @param {number} index */
function item(entry, index) {
  const isRow = entry.state === "row";
  const source = pictureOf(entry.place, entry.number ?? 0);
  const picture = isRow ? [make("img", { src: source, alt: "", loading: "lazy" }), ...drawn(entry.boxes ?? [])] : [];
  const isChosen = String(index === now.at);
  return make(
    "button",
    { class: "item", role: "option", tabindex: -1, "aria-selected": isChosen, onclick: () => choose(index) },
    ...(isRow ? [make("span", { class: "thumb" }, ...picture)] : []),
    make("span", {}, make("b", {}, entry.asked || "no words"), standing(entry)),
  );
}

function drawList() {
  const more = make("button", { class: "more", onclick: () => find(now.entries.length) }, "Show more");
  list.replaceChildren(...now.entries.map(item), ...(now.entries.length < now.total ? [more] : []));
  byId("count").textContent = `${now.total.toLocaleString()} ${now.total === 1 ? "entry" : "entries"}`;
}

/** Ask for the entries that fit; those from a place on are put behind the ones that are there. @param {number} from */
async function find(from = 0) {
  const asked = (now.asked += 1);
  try {
    const found = await ask("find", { kind: now.kind, text: text.value, start: from });
    if (asked !== now.asked) return;
    byId("problem").hidden = true;
    now.entries = from ? [...now.entries, ...found.entries] : found.entries;
    now.total = found.total;
    if (from) drawList();
    else choose(now.entries.length ? 0 : -1);
  } catch (error) {
    fail(error);
  }
}

/** Show an entry in full. @param {number} index -1 is none */
async function choose(index) {
  now.at = index;
  drawList();
  list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  if (index < 0) return byId("entry").replaceChildren(make("p", { class: "told" }, "Nothing fits."));
  try {
    const whole = await ask("entry", { place: now.entries[index].place });
    if (now.at === index && now.entries[index]?.place === whole.place) byId("entry").replaceChildren(...parts(whole));
  } catch (error) {
    fail(error);
  }
}

/** @param {Whole} whole */
function parts(whole) {
  const title = make("h2", {}, whole.asked || "no words");
  const faults = whole.faults.length
    ? [make("ul", { class: "wrong", "aria-label": "Faults" }, ...whole.faults.map((fault) => make("li", {}, fault)))]
    : [];
  if (whole.attempts)
    return [title, make("span", { class: "told" }, whole.state), ...faults, ...attempts(whole.attempts)];
  const [thought, answer] = split(whole.answer ?? "");
  const said = whole.absent ? "not in the video" : `keyframe ${whole.keyframe ?? "unknown"}`;
  return [
    title,
    make("span", { class: "told" }, `row ${whole.place}, ${said}`),
    ...faults,
    frames(whole),
    make("h3", {}, "Reasoning"),
    make("p", { class: "thought" }, thought || "none"),
    make("h3", {}, "Answer"),
    make("pre", {}, answer),
    make("h3", {}, "What is asked"),
    make("pre", {}, [whole.system, whole.question].filter(Boolean).join("\n\n")),
  ];
}

/** @param {Whole} whole */
function frames({ place, labels = [], keyframe, boxes = [] }) {
  const shown = labels.map((label, number) => {
    const isKey = label === keyframe;
    const image = make("img", { src: pictureOf(place, number), alt: `frame ${label}`, loading: "lazy" });
    const frame = make("span", { class: "frame" }, image, ...(isKey ? drawn(boxes) : []));
    const words = isKey ? `★ frame ${label}` : `frame ${label}`;
    return make("figure", { class: isKey ? "key" : "" }, frame, make("figcaption", {}, words));
  });
  return make("div", { class: "strip" }, ...shown);
}

/** @param {Attempt[]} tries */
function attempts(tries) {
  if (!tries.length) return [make("p", { class: "told" }, "Never asked.")];
  return tries.flatMap(({ text: said, faults, prompt_tokens: asked, completion_tokens: written, seconds }, number) => [
    make(
      "h3",
      {},
      `Attempt ${number + 1}: ${asked ?? "?"} tokens read, ${written ?? "?"} written, ${seconds?.toFixed(1) ?? "?"} s`,
    ),
    make("ul", { class: "wrong" }, ...(faults ?? []).map((fault) => make("li", {}, fault))),
    make("p", { class: "thought" }, said ?? ""),
  ]);
}

/** The reasoning and the rest of a text. @param {string} written @returns {[string, string]} */
export function split(written) {
  const end = written.indexOf("</think>");
  if (end < 0) return ["", written];
  return [
    written
      .slice(0, end)
      .replace(/^\s*<think>/, "")
      .trim(),
    written.slice(end + "</think>".length).trim(),
  ];
}

/** @param {{ name: string, count: number }[]} kinds */
function drawKinds(kinds) {
  const made = kinds.map(({ name, count }) => {
    const pick = () => {
      now.kind = name;
      drawKinds(kinds);
      find();
    };
    return make(
      "button",
      { "aria-pressed": String(name === now.kind), onclick: pick },
      name,
      make("b", {}, `${count}`),
    );
  });
  byId("kinds").replaceChildren(...made);
}

/** @param {Record<string, any> | null} card */
function cardText(card) {
  if (!card) return "";
  const states = Object.entries(card.states ?? {}).map(([state, count]) => `${count} ${state}`);
  const tokens = (card.prompt_tokens ?? 0) + (card.completion_tokens ?? 0);
  return [...states, `${tokens.toLocaleString()} tokens`].join(" · ");
}

async function start() {
  document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
  try {
    const about = await ask("about");
    byId("name").textContent = about.name;
    document.title = `${about.name}: Veason corpus`;
    byId("about").textContent = [`profile ${about.profile}`, cardText(about.card)].filter(Boolean).join(" · ");
    drawKinds(about.kinds);
    await find();
  } catch (error) {
    fail(error);
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
text.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => find(), WAIT_MS);
});
byId("ask").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.target === text) {
    if (event.key === "Escape") list.focus();
    return;
  }
  const key = commandKey(event);
  const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[key ?? ""];
  if (by !== undefined && now.entries[now.at + by]) choose(now.at + by);
  else if (key === "/") text.focus();
  else return;
  event.preventDefault();
});
start();
