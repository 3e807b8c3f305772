// @ts-check
// The parts of a case: the strip of overlaps, its facts, the reasoning with its claims marked, the verdicts.

import { probeRows } from "./probes.js";
import { groupRows, rewardRows } from "./rewards.js";
import { cut, figure, make, spoken } from "./words.js";

const LOW = 0.5;
const LONG = 500; // characters of a text that scrolls

/**
 * @typedef {{
 *   about: Record<string, any>,
 *   rater: () => string,
 *   close: () => void,
 *   judge: (tag: string) => void,
 *   turn: (frame: number) => void,
 *   look: (number: number, frame: number | null) => void,
 *   probe: () => void,
 *   send: () => void,
 * }} Hooks
 * @typedef {{ start: number, end: number, verdict: string, evidence: string }} Claim
 */

/** A bar for every frame, as high as its IoU; one can be clicked.
 * @param {(number | null)[]} overlaps
 * @param {(index: number) => void} turn
 */
export function strip(overlaps, turn) {
  const bars = overlaps.map((overlap, index) => {
    const kind = overlap === null ? "none" : overlap < LOW ? "low" : "";
    const said = `frame ${index}, ${overlap === null ? "not scored" : `IoU ${overlap.toFixed(2)}`}`;
    const height = overlap === null ? 12 : Math.max(overlap * 100, 4);
    const attributes = { class: kind, title: said, "aria-label": said, tabindex: -1, onclick: () => turn(index) };
    return make("button", attributes, make("span", { style: `height: ${height}%` }));
  });
  return make("div", { class: "strip", role: "group", "aria-label": "IoU by frame" }, ...bars);
}

/** Everything that is told of a case in words.
 * @param {Record<string, any>} told
 * @param {Hooks} hooks
 */
export function words(told, hooks) {
  const row = told.case;
  const raised = hooks.about.flags.filter((/** @type {any} */ flag) => row[flag.name]);
  const kinds = raised.map((/** @type {any} */ flag) => `${spoken(flag.name)}: ${flag.meaning}`);
  const close = make("button", { onclick: hooks.close }, "Back to the cases");
  return make(
    "aside",
    {},
    make("div", { class: "top" }, close, make("span", { class: "hint" }, row.key)),
    make("h2", { id: "case-title" }, row.instruction),
    make("dl", {}, ...facts(row)),
    part("Raised", kinds.join("\n") || "nothing"),
    part("Reasoning", row.thought ?? row.why_not ?? "no answer was saved", told.claims),
    ...(told.against ? [against(told.against)] : []),
    make("div", {}, make("h3", {}, "Rewards"), rewardRows(told.rewards, row.keyframe, hooks.turn)),
    make("div", {}, make("h3", {}, `Answers drawn: ${told.group.length}`), groupRows(told.group, hooks.look)),
    make("div", {}, make("h3", {}, "Probes"), probeRows(told.probes, told.probes_unread), ...asking(hooks)),
    make("div", {}, make("h3", {}, "Verdict"), verdicts(told, hooks)),
    note(told, hooks),
    ...sending(hooks),
  );
}

/** How another run reasons about the same question: what either says alone is marked.
 * @param {{ run: string, case: Record<string, any>, reasoning: string[][] }} other
 */
function against(other) {
  const marks = /** @type {Record<string, string>} */ ({ first: "del", second: "ins" });
  const pieces = other.reasoning.map(([side, text]) => (marks[side] ? make(marks[side], {}, text) : text));
  const said = there(other.case.said_absent) + boxesOf(other.case);
  const long = { tabindex: 0, role: "region", "aria-label": `Reasoning of ${other.run}` };
  return make(
    "div",
    {},
    make("h3", {}, `${other.run}: ${said}, keyframe ${other.case.keyframe ?? "–"}, J&F ${figure(other.case.jf)}`),
    make("div", { class: "thought", ...long }, ...pieces),
  );
}

/** @param {Hooks} hooks */
function asking(hooks) {
  if (!hooks.about.can_probe) return [];
  const title = "Ask the policy this question again in every changed form";
  return [make("button", { title, class: "probe-it", onclick: hooks.probe }, "Probe this question")];
}

/** @param {Hooks} hooks */
function sending(hooks) {
  if (!hooks.about.can_send) return [];
  const title = "Put this case into the project with its ground truth, to be corrected and accepted there";
  return [
    make(
      "div",
      {},
      make("h3", {}, "Is the label wrong?"),
      make("button", { title, onclick: hooks.send }, "Send to the studio"),
      make("p", { class: "hint sent", role: "status" }),
    ),
  ];
}

/** @param {boolean | null} absent */
function there(absent) {
  return absent === null ? "–" : absent ? "not in the video" : "in the video";
}

/** @param {Record<string, any>} row */
function boxesOf(row) {
  return row.said_absent === false ? `, ${row.boxes} ${row.boxes === 1 ? "box" : "boxes"}` : "";
}

/** @param {Record<string, any>} row */
function facts(row) {
  const shown = [
    ["target", there(row.absent)],
    ["answer", there(row.said_absent) + boxesOf(row)],
    ["keyframe", row.keyframe ?? "–"],
    ["prominence", row.prominence === null ? "–" : row.prominence.toFixed(2)],
    ["J&F", `${figure(row.jf)} (J ${figure(row.j)}, F ${figure(row.f)})`],
    ["R legacy, binary", `${figure(row.r_legacy)}, ${figure(row.r_binary)}`],
  ];
  return shown.flatMap(([name, value]) => [make("dt", {}, String(name)), make("dd", {}, String(value))]);
}

/**
 * @param {string} title
 * @param {string} text
 * @param {Claim[]} [claims]
 */
function part(title, text, claims = []) {
  const pieces = cut(text, claims).map(({ text: piece, claim }) =>
    claim ? make("mark", { class: claim.verdict, title: `${claim.verdict}: ${claim.evidence}` }, piece) : piece,
  );
  const long = text.length > LONG ? { tabindex: 0, role: "region", "aria-label": title } : {};
  return make("div", {}, make("h3", {}, title), make("div", { class: "thought", ...long }, ...pieces));
}

/**
 * @param {Record<string, any>} told
 * @param {Hooks} hooks
 */
function verdicts(told, hooks) {
  const rater = hooks.rater();
  const buttons = hooks.about.tags.map((/** @type {any} */ tag, /** @type {number} */ index) => {
    const given = told.verdicts.filter((/** @type {any} */ one) => one.tag === tag.name);
    const raters = given.map((/** @type {any} */ one) => one.rater);
    const rest = raters.filter((/** @type {string} */ one) => one !== rater);
    const label = spoken(tag.name) + (rest.length ? ` (${rest.join(", ")})` : "");
    const pressed = String(raters.includes(rater));
    const attributes = { title: tag.meaning, "aria-pressed": pressed, onclick: () => hooks.judge(tag.name) };
    return make("button", attributes, make("kbd", {}, String(index + 1)), label);
  });
  return make("div", { class: "verdicts" }, ...buttons);
}

/**
 * @param {Record<string, any>} told
 * @param {Hooks} hooks
 */
function note(told, hooks) {
  const mine = told.verdicts.find((/** @type {any} */ one) => one.rater === hooks.rater());
  return make("label", {}, make("h3", {}, "Note, kept with the verdict"), make("textarea", {}, mine?.note ?? ""));
}
