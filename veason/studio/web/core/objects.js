// @ts-check
// What is known of each object beside its masks: its name, whether it shows, whether it is locked, where it is absent.

/** @import { HandPart, LabelsPart, Masks, MasksPart, PlaybackPart, Span, State, ViewPart } from "./types.js" */
/** @import { OpenedItem } from "../contract.js" */

import { isEmptyMask } from "./empty.js";

/** @typedef {Pick<LabelsPart, "boxes" | "clicks" | "paintings">} Prompts */

/** @param {string[]} palette @param {number} objectId */
export const colour = (palette, objectId) => palette[(objectId - 1) % palette.length] ?? "#56b4e9";

/** @param {Pick<LabelsPart, "names">} now @param {number} objectId */
export const nameOf = ({ names }, objectId) => names.get(objectId) ?? `object ${objectId}`;

/** @param {Pick<ViewPart, "hidden" | "solo">} now @param {number} objectId */
export const isVisible = ({ hidden, solo }, objectId) => !hidden.has(objectId) && (solo === null || solo === objectId);

/** @param {LabelsPart["marks"]} marks @param {number} objectId @param {number} frame */
const markAt = (marks, objectId, frame) =>
  marks.find(({ object, start, stop }) => object === objectId && frame >= start && frame < stop)?.mark;

/** @param {LabelsPart["marks"]} marks @param {number} objectId @param {number} frame */
export const isAbsent = (marks, objectId, frame) => markAt(marks, objectId, frame) === "absent";

/** @param {LabelsPart["marks"]} marks @param {number} objectId @param {number} frame */
export const isVerified = (marks, objectId, frame) => markAt(marks, objectId, frame) === "verified";

/** @param {Pick<LabelsPart, "occluded">} now @param {number} objectId @param {number} frame */
export const isOccluded = ({ occluded }, objectId, frame) =>
  occluded.some(([object, start, stop]) => object === objectId && frame >= start && frame < stop);

/** @param {[object: number, frame: number][]} places @param {number} objectId @param {number} frame */
export const holds = (places, objectId, frame) => places.some(([object, at]) => object === objectId && at === frame);

/**
 * Where a person or the policy drew: object and frame of every box, click and painting.
 * @param {Prompts} now
 * @returns {[object: number, frame: number][]}
 */
export const prompted = ({ boxes, clicks, paintings }) => [
  ...[...boxes, ...clicks].map(({ object, frame }) => /** @type {[number, number]} */ ([object, frame])),
  ...paintings,
];

/** @param {Masks} masks @param {number} objectId @param {number} frame */
const hasMask = (masks, objectId, frame) => masks.get(frame)?.has(objectId) ?? false;

/**
 * The spans with another one laid over them, ascending and apart.
 * @param {Span[]} spans
 * @param {Span} more
 */
export function withSpan(spans, more) {
  /** @type {Span[]} */
  const found = [];
  for (const [start, stop] of [...spans, more].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], stop);
    else found.push([start, stop]);
  }
  return found;
}

/** @param {Span[]} spans */
export const countFrames = (spans) => spans.reduce((sum, [start, stop]) => sum + stop - start, 0);

/** @param {Span[]} spans @param {number} frame @returns {Span[]} */
export const withoutFrame = (spans, frame) =>
  spans.flatMap(([start, stop]) => {
    if (frame < start || frame >= stop) return [/** @type {Span} */ ([start, stop])];
    return /** @type {Span[]} */ ([
      [start, frame],
      [frame + 1, stop],
    ]).filter(([from, to]) => from < to);
  });

/**
 * What is out of date once a prompt changes: the object's masks up to the next frames that a person confirmed.
 * @param {LabelsPart & Pick<MasksPart, "masks" | "pending">} now
 * @param {number} objectId
 * @param {number} frame
 * @param {number} frames how many the clip has
 */
export function pendingAfter(now, objectId, frame, frames) {
  const masked = [...now.masks].filter(([, here]) => here.has(objectId)).map(([at]) => at);
  if (!masked.length) return now.pending;
  let [start, stop] = [Math.min(...masked), Math.min(frames, Math.max(...masked) + 1)];
  const confirm = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to <= frame) start = Math.max(start, to);
    if (from > frame) stop = Math.min(stop, from);
  };
  for (const [object, at] of now.byHand) if (object === objectId) confirm(at, at + 1);
  for (const mark of now.marks)
    if (mark.object === objectId && mark.mark === "verified") confirm(mark.start, mark.stop);
  if (start >= stop) return now.pending;
  const spans = withSpan(now.pending.get(objectId) ?? [], [start, stop]);
  return new Map(now.pending).set(objectId, spans);
}

/**
 * Whether a mask does not follow from the prompts any more; one that a person settled is what it is.
 * @param {Pick<LabelsPart, "marks" | "paintings"> & Pick<MasksPart, "pending">} now
 * @param {number} objectId
 * @param {number} frame
 */
export function isStale({ marks, paintings, pending }, objectId, frame) {
  if (!pending.get(objectId)?.some(([start, stop]) => frame >= start && frame < stop)) return false;
  return markAt(marks, objectId, frame) === undefined && !holds(paintings, objectId, frame);
}

/**
 * Where the mask of an object on a frame comes from, in a word; "" where there is none.
 * @param {LabelsPart & Pick<MasksPart, "masks">} now
 * @param {number} objectId
 * @param {number} frame
 */
export function provenance(now, objectId, frame) {
  const mark = markAt(now.marks, objectId, frame);
  if (mark) return mark;
  if (holds(now.byHand, objectId, frame)) return holds(now.paintings, objectId, frame) ? "painted" : "corrected";
  if (!hasMask(now.masks, objectId, frame)) return "";
  return now.boxes.some((box) => box.object === objectId && box.frame === frame) ? "model" : "propagated";
}

/**
 * Whether an object was propagated: it has a mask on a frame where nobody drew it or said that it is absent.
 * @param {Prompts & Pick<LabelsPart, "marks"> & Pick<MasksPart, "masks"> & Pick<PlaybackPart, "info">} now
 * @param {number} objectId
 */
export function isPropagated(now, objectId) {
  const drawn = new Set(prompted(now).flatMap(([object, frame]) => (object === objectId ? [frame] : [])));
  let count = 0;
  for (const [frame, here] of now.masks) {
    if (!here.has(objectId)) continue;
    count += 1;
    if (!drawn.has(frame) && !isAbsent(now.marks, objectId, frame)) return true;
  }
  return count > 0 && count === now.info?.frames;
}

/**
 * The object's first frame of a range that has no mask, null where all have one.
 * @param {Masks} masks
 * @param {number} objectId
 * @param {number} start
 * @param {number} stop
 */
export function unmasked(masks, objectId, start, stop) {
  for (let frame = start; frame < stop; frame += 1) if (!hasMask(masks, objectId, frame)) return frame;
  return null;
}

/** @typedef {Pick<LabelsPart, "marks" | "byHand"> & Pick<MasksPart, "doubt" | "masks">} Doubted */

/**
 * Whether a mask is empty and nobody said why: the object is gone, or was lost.
 * @param {Pick<LabelsPart, "marks" | "byHand"> & Pick<MasksPart, "masks">} now
 * @param {number} objectId
 * @param {number} frame
 */
export function isEmpty({ marks, byHand, masks }, objectId, frame) {
  const mask = masks.get(frame)?.get(objectId);
  if (!mask || !isEmptyMask(mask[0])) return false;
  return markAt(marks, objectId, frame) === undefined && !holds(byHand, objectId, frame);
}

/**
 * Whether somebody should look at a mask. Where the object has a prompt or a mark by a person nobody needs to.
 * @param {Doubted} now
 * @param {number} objectId
 * @param {number} frame
 * @param {number} threshold
 */
export function isDoubtful(now, objectId, frame, threshold) {
  if ((now.doubt.get(objectId)?.get(frame) ?? 0) <= threshold || isEmpty(now, objectId, frame)) return false;
  return markAt(now.marks, objectId, frame) === undefined && !holds(now.byHand, objectId, frame);
}

/**
 * Where a doubtful or an empty stretch of any visible object begins, ascending.
 * @param {Doubted & Pick<ViewPart, "hidden" | "solo">} now
 * @param {number} threshold
 */
export function doubtfulStarts(now, threshold) {
  /** @type {Set<number>} */
  const starts = new Set();
  for (const [objectId, frames] of now.doubt) {
    if (!isVisible(now, objectId)) continue;
    for (const frame of frames.keys()) {
      const kindOf = (/** @type {number} */ at) =>
        isEmpty(now, objectId, at) ? "empty" : isDoubtful(now, objectId, at, threshold) && "doubtful";
      const kind = kindOf(frame);
      if (kind && kind !== kindOf(frame - 1)) starts.add(frame);
    }
  }
  return [...starts].sort((a, b) => a - b);
}

/**
 * The frame up to which "absent from here" reaches: the object's next box or click, else the end.
 * @param {Prompts} now
 * @param {OpenedItem} info
 * @param {number} objectId
 * @param {number} frame
 */
export function nextPrompt(now, info, objectId, frame) {
  const later = prompted(now).filter(([object, at]) => object === objectId && at > frame);
  return Math.min(info.frames, ...later.map(([, at]) => at));
}

/**
 * The object in hand on the frame that is shown: what of it was drawn here.
 * @param {Prompts & Pick<PlaybackPart, "frame"> & Pick<HandPart, "selected">} now
 */
export function drawnHere({ boxes, clicks, paintings, frame, selected }) {
  const isHere = (/** @type {{ object: number, frame: number }} */ one) =>
    one.object === selected && one.frame === frame;
  const isPainted = selected !== null && holds(paintings, selected, frame);
  return { box: boxes.find(isHere), isPainted, isPrompted: isPainted || [...boxes, ...clicks].some(isHere) };
}

/**
 * The next of the primary actions: think, propagate, accept; null where none is due.
 * @param {State} now
 */
export function nextStep(now) {
  const { work, busy, review, objects, pending, answered, withheld } = now;
  if (!work || busy || withheld.length) return null;
  if (review === "accepted" || review === "absent") return "accept";
  if (!objects.length) return answered?.absent ? "accept" : "think";
  const isDone = objects.every((object) => isPropagated(now, object) && !pending.has(object));
  return isDone ? "accept" : "propagate";
}
