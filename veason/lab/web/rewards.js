// @ts-check
// The four rewards of a case with what they come from, and the answers that were drawn to its question.

import { make, signed } from "./words.js";

/**
 * @typedef {{ name: string, value: number | null, reasons: string[], pairs: number[][] }} Term
 * @typedef {{ frame: number, area: number, share: number, iou: number | null }} Shown
 * @typedef {{ terms: Term[], frames: Shown[], true_boxes: number[][], unmatched: number, total: number }} Rewards
 * @typedef {{
 *   cluster: number,
 *   keyframe: number | null,
 *   boxes: number[][] | null,
 *   thought: string,
 *   rewards: Rewards | null,
 *   advantage: number | null,
 * }} Drawn
 * @typedef {{ members: Drawn[], numbers: number[], said: string, mean: number | null }} Cluster
 */

/** @type {Record<string, string[]>} */
const TERMS = {
  format: ["Rf", "form"],
  keyframe: ["Rk", "keyframe"],
  boxes: ["Rs", "boxes"],
  tracks: ["Ru", "tracks"],
};

/** The rewards as rows; frames behind Rk and Ru can be clicked.
 * @param {Rewards | null} rewards
 * @param {number | null} keyframe
 * @param {(frame: number) => void} turn
 */
export function rewardRows(rewards, keyframe, turn) {
  if (!rewards) return make("p", { class: "hint" }, "Not known: the ground truth does not cover the frames shown.");
  const rows = rewards.terms.map((term) => {
    const [sign, name] = TERMS[term.name];
    const value = term.value === null ? "–" : term.value.toFixed(2);
    const width = `width: ${Math.min((term.value ?? 0) * 100, 100)}%`;
    return make(
      "div",
      { class: "term" },
      make("span", {}, make("b", {}, sign), ` ${name}`),
      make("span", { class: "meter" }, make("span", { style: width })),
      make("span", { class: "value" }, value),
      ...behind(term, rewards, keyframe, turn),
    );
  });
  const known = rewards.terms.filter((term) => term.value !== null).length;
  return make(
    "div",
    { class: "terms" },
    ...rows,
    make("p", { class: "hint" }, `${rewards.total.toFixed(2)} of ${known}`),
  );
}

/** What a reward comes from.
 * @param {Term} term
 * @param {Rewards} rewards
 * @param {number | null} keyframe
 * @param {(frame: number) => void} turn
 */
function behind(term, rewards, keyframe, turn) {
  const told = term.reasons.length ? [make("p", { class: "hint" }, term.reasons.join("; "))] : [];
  if (term.value === null) {
    const why = term.name === "format" ? "what the policy was asked to write is not known" : "no masks were kept";
    return [make("p", { class: "hint" }, why)];
  }
  if (term.name === "keyframe") {
    const said = (/** @type {Shown} */ one) =>
      `frame ${one.frame}: ${one.area.toLocaleString("en")} pixels of the target`;
    return [bars("Area of the target on the frames shown", rewards, (one) => one.share, said, keyframe, turn), ...told];
  }
  if (term.name === "tracks" && term.pairs.length) {
    const said = (/** @type {Shown} */ one) => `frame ${one.frame}: IoU ${(one.iou ?? 0).toFixed(2)}`;
    const note = rewards.unmatched ? [make("p", { class: "hint" }, unmatched(rewards.unmatched))] : [];
    return [bars("IoU on the frames shown", rewards, (one) => one.iou ?? 0, said, keyframe, turn), ...note, ...told];
  }
  if (term.name === "boxes" && term.pairs.length) {
    const pairs = term.pairs.map(([mine, yours, iou]) => `box ${mine + 1} with target ${yours + 1}: ${iou.toFixed(2)}`);
    return [make("p", { class: "hint" }, pairs.join("; ")), ...told];
  }
  return told;
}

/** @param {number} count */
function unmatched(count) {
  const boxes = count === 1 ? "1 box matches" : `${count} boxes match`;
  return `${boxes} nothing; training would leave it out, the saved masks hold it`;
}

/**
 * @param {string} label
 * @param {Rewards} rewards
 * @param {(one: Shown) => number} height from 0 to 1
 * @param {(one: Shown) => string} said
 * @param {number | null} keyframe
 * @param {(frame: number) => void} turn
 */
function bars(label, rewards, height, said, keyframe, turn) {
  const made = rewards.frames.map((one) => {
    const fill = make("span", { style: `height: ${Math.max(height(one) * 100, 3)}%` });
    const attributes = { title: said(one), "aria-label": said(one), class: one.frame === keyframe ? "chosen" : "" };
    return make("button", { ...attributes, onclick: () => turn(one.frame) }, fill, make("i", {}, String(one.frame)));
  });
  return make("div", { class: "bars", role: "group", "aria-label": label }, ...made);
}

/** The answers of a group by what they say, the largest cluster first.
 * @param {Drawn[]} group
 * @returns {Cluster[]}
 */
export function clusters(group) {
  const numbers = [...new Set(group.map((one) => one.cluster))].sort((a, b) => a - b);
  return numbers.map((number) => {
    const places = [...group.keys()].filter((place) => group[place].cluster === number);
    const members = places.map((place) => group[place]);
    const known = members.flatMap((one) => (one.advantage === null ? [] : [one.advantage]));
    const mean = known.length ? known.reduce((sum, one) => sum + one, 0) / known.length : null;
    return { members, numbers: places, said: spoken(members[0]), mean };
  });
}

/** What an answer says, in a few words.
 * @param {Drawn} one
 */
export function spoken(one) {
  if (one.boxes === null) return "not readable";
  if (!one.boxes.length) return "absent";
  return `frame ${one.keyframe}, ${one.boxes.length} ${one.boxes.length === 1 ? "box" : "boxes"}`;
}

/** The clusters as a list; an answer that is pressed shows its boxes.
 * @param {Drawn[]} group
 * @param {(number: number, frame: number | null) => void} look
 */
export function groupRows(group, look) {
  if (!group.length)
    return make("p", { class: "hint" }, "None drawn yet: veason lab answers LAB RUN QUERY draws some.");
  const rows = clusters(group).map((cluster) => {
    const answers = cluster.members.map((one, place) => {
      const total = one.rewards ? `, rewards ${one.rewards.total.toFixed(2)}` : "";
      const said = `answer ${cluster.numbers[place] + 1}: ${spoken(one)}${total}, advantage ${signed(one.advantage)}`;
      const kind = (one.advantage ?? 0) > 0 ? "up" : (one.advantage ?? 0) < 0 ? "down" : "";
      const press = () => look(cluster.numbers[place], one.keyframe);
      return make("button", { class: kind, title: said, "aria-label": said, onclick: press }, signed(one.advantage));
    });
    const name = make("span", {}, make("b", {}, `${cluster.members.length} × `), cluster.said);
    return make("div", { class: "cluster" }, name, make("div", { class: "answers" }, ...answers));
  });
  const tracked = group.every((one) =>
    one.rewards?.terms.every((term) => term.name !== "tracks" || term.value !== null),
  );
  const note =
    "The advantage that GRPO would give each answer: what its rewards are above the group's mean, in deviations.";
  const without = tracked ? "" : " Ru is not in it where nobody tracked the boxes.";
  return make("div", { class: "group" }, ...rows, make("p", { class: "hint" }, note + without));
}
