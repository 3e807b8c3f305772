// @ts-check
// Frames and boxes that a text names, found again in it.

/** @import { MentionItem, ModelPart } from "../contract.js" */
/** @import { State, Xyxy } from "../core/types.js" */

const BOX = /[[(]\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*[\])]/g;
const FRAME = /\bframe\s+(\d{1,6})\b/gi;
const NEAR = 3; // pixels: a box that is told rounded is still the one that was drawn

/**
 * What a text names, from the character `start` up to `end` of the whole reasoning; a box of no object is nobody's.
 * @typedef {{ start: number, end: number, frame: number }} FrameNamed
 * @typedef {FrameNamed & { text: string, written: string, object: number | null, xyxy: Xyxy }} BoxNamed
 */

/**
 * Four bracketed numbers are a box, in the policy's space or, where a person wrote them, in pixels. All are shown in
 * pixels, as those of the answer are; `written` is how they stand in the text.
 * @param {string} text
 * @param {number} offset where it begins in the whole
 * @param {Pick<State, "info" | "keyframe" | "boxes" | "rewritten">} now
 * @param {ModelPart["space"]} space
 * @returns {BoxNamed[]}
 */
export function boxesIn(text, offset, { info, keyframe, boxes, rewritten }, space) {
  if (!info || keyframe === null) return [];
  const isModels = rewritten === null && space;
  const by = isModels ? [info.width / space[0], info.height / space[1]] : [1, 1];
  return [...text.matchAll(BOX)].map((found) => {
    const sides = found.slice(1, 5).map((value, side) => Number(value) * by[side % 2]);
    const xyxy = /** @type {Xyxy} */ (sides);
    const isNear = (/** @type {Xyxy} */ other) => other.every((value, side) => Math.abs(value - xyxy[side]) < NEAR);
    const own = boxes.find((box) => box.frame === keyframe && isNear(box.xyxy));
    const start = offset + found.index;
    const end = start + found[0].length;
    const shown = isModels ? shownBox(xyxy) : found[0];
    return { start, end, frame: keyframe, text: shown, written: found[0], object: own?.object ?? null, xyxy };
  });
}

/** A box in pixels, as every chip shows it. @param {Xyxy} xyxy */
export const shownBox = (xyxy) => xyxy.map(Math.round).join(" ");

/**
 * The frames that a text names: as the server found them, or, where a person wrote it, found here.
 * @param {string} text
 * @param {number} offset where it begins in the whole
 * @param {Pick<State, "info" | "mentions" | "rewritten">} now
 * @returns {FrameNamed[]}
 */
export function framesIn(text, offset, { info, mentions, rewritten }) {
  if (rewritten === null) return told(mentions, offset, offset + text.length);
  const named = [...text.matchAll(FRAME)].filter((found) => Number(found[1]) < (info?.frames ?? 0));
  return named.map((found) => {
    const end = offset + found.index + found[0].length;
    return { start: end - found[1].length, end, frame: Number(found[1]) };
  });
}

/** @param {MentionItem[]} mentions @param {number} from @param {number} to */
const told = (mentions, from, to) => mentions.filter(({ start, end }) => start >= from && end <= to);

/**
 * A part of a reasoning, from the character `start` up to `end`.
 * @typedef {{ title: string | null, start: number, end: number }} Step
 */

/**
 * Marked steps are shown as steps; text without marks is shown whole, never cut by guess.
 * @param {string} thought
 * @param {string[]} marks
 * @returns {Step[]}
 */
export function stepsOf(thought, marks) {
  const places = marks.map((mark) => ({ mark, at: thought.indexOf(mark) })).filter(({ at }) => at >= 0);
  if (!places.length) return [{ title: null, start: 0, end: thought.length }];
  places.sort((a, b) => a.at - b.at);
  const marked = places.map(({ mark, at }, number) => ({
    title: `${number + 1} · ${mark.replace(/[:.\s]+$/, "")}`,
    start: at + mark.length,
    end: places[number + 1]?.at ?? thought.length,
  }));
  return [{ title: null, start: 0, end: places[0].at }, ...marked]; // what stands before the first mark is not lost
}
