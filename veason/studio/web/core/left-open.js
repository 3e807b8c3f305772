// @ts-check
// What nobody has looked at or said yet: frames without a mask, left as they were, empty, doubtful and unverified ones,
// by object. The server counts the same where a project demands it (veason.annotation.left_open).

/** @import { Doubted } from "./objects.js" */
/** @import { LabelsPart, Mask, MasksPart, PlaybackPart } from "./types.js" */

import { holds, isDoubtful, isStale } from "./objects.js";
import { isEmptyMask } from "./empty.js";

/** @typedef {"missing" | "assumed" | "empty" | "doubtful" | "unverified"} OpenPoint */
/** @typedef {[object: number, frame: number]} Place */

/** @type {OpenPoint[]} */
export const OPEN_POINTS = ["missing", "assumed", "empty", "doubtful", "unverified"];

/**
 * @typedef {Doubted & Pick<LabelsPart, "objects" | "paintings"> & Pick<MasksPart, "masks" | "pending" | "assumed">
 *   & Pick<PlaybackPart, "info">} Looked
 */

/**
 * The places of each kind, by frames and then objects.
 * @param {Looked} now
 * @param {number} threshold a frame whose doubt is above it is doubtful
 * @returns {Record<OpenPoint, Place[]>}
 */
export function leftOpen(now, threshold) {
  /** @type {Record<OpenPoint, Place[]>} */
  const found = { missing: [], assumed: [], empty: [], doubtful: [], unverified: [] };
  const said = new Set(now.byHand.map(([object, frame]) => `${object} ${frame}`));
  for (const { object, start, stop } of now.marks)
    for (let frame = start; frame < stop; frame += 1) said.add(`${object} ${frame}`);
  for (let frame = 0; frame < (now.info?.frames ?? 0); frame += 1) {
    const here = now.masks.get(frame);
    for (const object of now.objects) {
      const mask = here?.get(object);
      if (!mask || isStale(now, object, frame)) found.missing.push([object, frame]);
      if (!mask || said.has(`${object} ${frame}`)) continue;
      if (now.assumed.get(object)?.some(([start, stop]) => frame >= start && frame < stop))
        found.assumed.push([object, frame]);
      for (const point of pointsOf(now, mask, object, frame, threshold)) found[point].push([object, frame]);
    }
  }
  return found;
}

/**
 * @param {Looked} now
 * @param {Mask} mask
 * @param {number} object
 * @param {number} frame
 * @param {number} threshold
 * @returns {OpenPoint[]}
 */
function pointsOf(now, mask, object, frame, threshold) {
  if (isEmptyMask(mask[0])) return ["empty"];
  return isDoubtful(now, object, frame, threshold) ? ["doubtful", "unverified"] : ["unverified"];
}

/**
 * The place after a frame, round the end; the one before it where the way is back.
 * @param {Place[]} places
 * @param {number} frame
 */
export const placeAfter = (places, frame) => places.find(([, at]) => at > frame) ?? places[0];

/** Frames on which an empty mask may become "absent": those without a prompt of the object. */
export const canBeAbsent = (
  /** @type {Looked & import("./objects.js").Prompts} */ now,
  /** @type {Place} */ [object, frame],
) =>
  ![...now.boxes, ...now.clicks].some((one) => one.object === object && one.frame === frame) &&
  !holds(now.paintings, object, frame);
