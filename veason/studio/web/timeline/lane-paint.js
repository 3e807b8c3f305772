// @ts-check
// One lane's picture: where its masks come from, the segmenter's own object score, and what a person did.

/** @import { OpenedItem } from "../contract.js" */
/** @import { Span, State } from "../core/types.js" */

import { contextOf, pixelRatio } from "../core/dom.js";
import { holds, isAbsent, isDoubtful, isEmpty } from "../core/objects.js";

const DOUBT = "#fb923c";
const VERIFIED = "#2fbf71";
const DARK = "#0b0e13";
const CHANGED = "#8b95a7";
const EMPTY = "#8b95a7";

/**
 * What is painted on, and where a frame begins on it.
 * @typedef {object} Surface
 * @property {CanvasRenderingContext2D} context
 * @property {number} width
 * @property {number} height
 * @property {number} ratio screen pixels a CSS pixel
 * @property {(frame: number) => number} at
 */

/**
 * The masks of one object: how many frames are done, those where it is there, and its object score there.
 * @typedef {{ done: number, present: number[], score: (frame: number) => number }} Track
 */

/**
 * Runs of neighbours among ascending frames.
 * @param {number[]} frames
 * @param {(frame: number) => boolean} isIn
 * @returns {Span[]}
 */
export function stretches(frames, isIn = () => true) {
  /** @type {Span[]} */
  const found = [];
  for (const frame of frames) {
    if (!isIn(frame)) continue;
    const last = found.at(-1);
    if (last && last[1] === frame) last[1] = frame + 1;
    else found.push([frame, frame + 1]);
  }
  return found;
}

/** @param {Pick<State, "masks" | "marks">} now @param {number} objectId @returns {Track} */
export function trackOf({ masks, marks }, objectId) {
  const done = [...masks].filter(([, here]) => here.has(objectId)).map(([frame]) => frame);
  const present = done.filter((frame) => !isAbsent(marks, objectId, frame)).sort((a, b) => a - b);
  const score = (/** @type {number} */ frame) => masks.get(frame)?.get(objectId)?.[1] ?? 0;
  return { done: done.length, present, score: (frame) => 1 / (1 + Math.exp(-score(frame))) };
}

/**
 * Paint the lane; return how many frames are done, on how many the object is there, on how many its mask is empty
 * though nobody said why, how many are doubtful, and the mean object score of those where it is there.
 * @param {HTMLCanvasElement} canvas
 * @param {State} now
 * @param {OpenedItem} info
 * @param {{ object: number, ink: string, threshold: number }} lane
 */
export function paintLane(canvas, now, info, { object, ink, threshold }) {
  const surface = surfaceOf(canvas, info.frames);
  const track = trackOf(now, object);
  const isUnsure = (/** @type {number} */ frame) => isDoubtful(now, object, frame, threshold);
  const isHollow = (/** @type {number} */ frame) => isEmpty(now, object, frame);
  const filled = track.present.filter((frame) => !isHollow(frame));
  paintMasks(surface, filled, isUnsure, ink);
  paintEmpty(surface, stretches(track.present, isHollow));
  paintSaid(surface, now, object, ink);
  paintScore(surface, { ...track, present: filled }, ink);
  paintPrompts(surface, now, object);
  const sum = filled.reduce((all, frame) => all + track.score(frame), 0);
  return {
    done: track.done,
    count: filled.length,
    empty: track.present.length - filled.length,
    doubtful: filled.filter(isUnsure).length,
    sure: filled.length ? sum / filled.length : 0,
  };
}

/** @param {HTMLCanvasElement} canvas @param {number} frames @returns {Surface} */
function surfaceOf(canvas, frames) {
  const ratio = pixelRatio();
  const width = canvas.clientWidth * ratio;
  const height = canvas.clientHeight * ratio;
  canvas.width = width;
  canvas.height = height;
  return { context: contextOf(canvas), width, height, ratio, at: (frame) => (frame / frames) * width };
}

/**
 * @param {Surface} surface
 * @param {number[]} present
 * @param {(frame: number) => boolean} isUnsure
 * @param {string} ink
 */
function paintMasks({ context, height, ratio, at }, present, isUnsure, ink) {
  context.fillStyle = ink;
  context.globalAlpha = 0.26;
  for (const [start, stop] of stretches(present, (frame) => !isUnsure(frame))) {
    context.fillRect(at(start), 0, Math.max(1, at(stop) - at(start)), height);
  }
  context.fillStyle = DOUBT;
  for (const [start, stop] of stretches(present, isUnsure)) {
    const wide = Math.max(2 * ratio, at(stop) - at(start));
    context.globalAlpha = 0.34;
    context.fillRect(at(start), 0, wide, height);
    context.globalAlpha = 1;
    context.fillRect(at(start), height - 3 * ratio, wide, 3 * ratio);
  }
  context.globalAlpha = 1;
}

/** Empty, and nobody said why: hollow. @param {Surface} surface @param {Span[]} spans */
function paintEmpty({ context, height, ratio, at }, spans) {
  context.strokeStyle = EMPTY;
  context.lineWidth = 1.5 * ratio;
  context.setLineDash([3 * ratio, 2 * ratio]);
  for (const [start, stop] of spans) {
    const wide = Math.max(2 * ratio, at(stop) - at(start) - ratio);
    context.strokeRect(at(start) + ratio / 2, height * 0.3, wide, height * 0.4);
  }
  context.setLineDash([]);
}

/**
 * What a person said, and what does not follow from the prompts any more.
 * @param {Surface} surface
 * @param {State} now
 * @param {number} objectId
 * @param {string} ink
 */
function paintSaid(surface, now, objectId, ink) {
  const { ratio } = surface;
  for (const { object, start, stop, mark } of now.marks) {
    if (object !== objectId) continue;
    if (mark === "absent") hatch(surface, [start, stop], ink);
    else verified(surface, [start, stop]);
  }
  for (const [object, start, stop] of now.occluded) if (object === objectId) occluded(surface, [start, stop], ink);
  for (const span of now.pending.get(objectId) ?? []) dots(surface, span, 2 * ratio);
  for (const span of now.assumed.get(objectId) ?? []) left(surface, span);
}

/** @param {Surface} surface @param {Track} track @param {string} ink */
function paintScore({ context, height, ratio, at }, { present, score }, ink) {
  context.strokeStyle = ink;
  context.lineWidth = 1.75 * ratio;
  context.lineJoin = "round";
  for (const [start, stop] of stretches(present)) {
    context.beginPath();
    for (let frame = start; frame < stop; frame += 1) {
      context.lineTo(at(frame + 0.5), height * (0.92 - score(frame) * 0.78));
    }
    context.stroke();
  }
}

/** @param {Surface} surface @param {State} now @param {number} objectId */
function paintPrompts(surface, { clicks, boxes, paintings, byHand }, objectId) {
  const isOwn = (/** @type {number} */ frame) => holds(byHand, objectId, frame);
  for (const { object, frame } of clicks) if (object === objectId) marker(surface, frame, true, "round");
  for (const { object, frame } of boxes) if (object === objectId) marker(surface, frame, isOwn(frame), "diamond");
  for (const [object, frame] of paintings) if (object === objectId) marker(surface, frame, isOwn(frame), "square");
}

/** Absent: slanted lines. @param {Surface} surface @param {Span} span @param {string} ink */
function hatch({ context, height, at }, [start, stop], ink) {
  const [x, wide] = [at(start), at(stop) - at(start)];
  context.save();
  context.beginPath();
  context.rect(x, 0, wide, height);
  context.clip();
  context.strokeStyle = ink;
  context.globalAlpha = 0.55;
  context.lineWidth = height / 14;
  for (let line = x - height; line < x + wide; line += Math.max(2, height / 3)) {
    context.beginPath();
    context.moveTo(line, height);
    context.lineTo(line + height, 0);
    context.stroke();
  }
  context.restore();
}

/**
 * Partly hidden: thin bars in the lower half, as of a fence before it.
 * @param {Surface} surface
 * @param {Span} span
 * @param {string} ink
 */
function occluded({ context, height, ratio, at }, [start, stop], ink) {
  context.globalAlpha = 0.7;
  context.fillStyle = ink;
  for (let bar = at(start); bar < at(stop); bar += 5 * ratio) {
    context.fillRect(bar, height * 0.55, 1.5 * ratio, height * 0.45);
  }
  context.globalAlpha = 1;
}

/** Right: a green bar along the top that nothing overwrites. @param {Surface} surface @param {Span} span */
function verified({ context, height, ratio, at }, [start, stop]) {
  const wide = Math.max(3 * ratio, at(stop) - at(start));
  context.globalAlpha = 0.22;
  context.fillStyle = VERIFIED;
  context.fillRect(at(start), 0, wide, height);
  context.globalAlpha = 1;
  context.fillRect(at(start), 0, wide, 4 * ratio);
}

/**
 * Masks that do not follow from the prompts any more: a dotted line along the middle.
 * @param {Surface} surface
 * @param {Span} span
 * @param {number} least
 */
function dots({ context, height, ratio, at }, [start, stop], least) {
  const end = at(start) + Math.max(least, at(stop) - at(start));
  context.fillStyle = CHANGED;
  for (let dot = at(start); dot < end; dot += 6 * ratio) {
    context.fillRect(dot, height / 2 - ratio, Math.min(3 * ratio, end - dot), 2 * ratio);
  }
}

/**
 * Left as they were by a run that had settled: a thin line along the foot, with an end on either side.
 * @param {Surface} surface
 * @param {Span} span
 */
function left({ context, height, ratio, at }, [start, stop]) {
  const [from, to] = [at(start), Math.max(at(start) + 2 * ratio, at(stop))];
  context.fillStyle = CHANGED;
  context.fillRect(from, height - 2.5 * ratio, to - from, 1.5 * ratio);
  for (const end of [from, to - 1.5 * ratio]) context.fillRect(end, height - 8 * ratio, 1.5 * ratio, 8 * ratio);
}

/**
 * The model's own box is a golden diamond, a person's a white one; clicks are round, paintings square.
 * @param {Surface} surface
 * @param {number} frame
 * @param {boolean} isByHand
 * @param {"round" | "diamond" | "square"} shape
 */
function marker({ context, height, at }, frame, isByHand, shape) {
  const [x, y, size] = [at(frame + 0.5), height / 2, height * 0.2];
  context.beginPath();
  if (shape === "square") context.rect(x - size, y - size, size * 2, size * 2);
  else if (shape === "round") context.arc(x, y, size, 0, 7);
  else {
    context.moveTo(x, y - size * 1.3);
    context.lineTo(x + size * 1.3, y);
    context.lineTo(x, y + size * 1.3);
    context.lineTo(x - size * 1.3, y);
    context.closePath();
  }
  context.fillStyle = isByHand ? "#ffffff" : "#ffc857";
  context.fill();
  context.lineWidth = height / 16;
  context.strokeStyle = DARK;
  context.stroke();
}
