// @ts-check
// Masks as spans of pixels, counted down the columns: what two of them share is found without a picture.

/** @import { Span } from "../core/types.js" */

import { decodeRuns, encodeRuns } from "./rle.js";

/** @param {string} counts run-length code @returns {Span[]} */
export function spansOf(counts) {
  /** @type {Span[]} */
  const spans = [];
  let place = 0;
  decodeRuns(counts).forEach((run, number) => {
    if (number % 2 === 1 && run > 0) spans.push([place, place + run]);
    place += run;
  });
  return spans;
}

/** How many pixels two masks share. @param {string} a @param {string} b run-length codes of one size */
export function overlapArea(a, b) {
  const others = spansOf(b);
  let area = 0;
  let at = 0;
  for (const [start, stop] of spansOf(a)) {
    while (at < others.length && others[at][1] <= start) at += 1;
    for (let one = at; one < others.length && others[one][0] < stop; one += 1) {
      area += Math.min(stop, others[one][1]) - Math.max(start, others[one][0]);
    }
  }
  return area;
}

/**
 * A mask without another one, "" where nothing is left of it.
 * @param {string} a
 * @param {string} b run-length codes of one size
 */
export function without(a, b) {
  const total = decodeRuns(a).reduce((sum, run) => sum + run, 0);
  const others = spansOf(b);
  /** @type {number[]} */
  const runs = [];
  let done = 0; // pixels that the runs tell of
  let at = 0;
  const put = (/** @type {number} */ start, /** @type {number} */ stop) => {
    if (start >= stop) return;
    runs.push(start - done, stop - start);
    done = stop;
  };
  for (const [start, stop] of spansOf(a)) {
    let from = start;
    while (at < others.length && others[at][1] <= start) at += 1;
    for (let one = at; one < others.length && others[one][0] < stop; one += 1) {
      put(from, others[one][0]);
      from = Math.max(from, others[one][1]);
    }
    put(from, stop);
  }
  if (!runs.length) return "";
  if (done < total) runs.push(total - done);
  return encodeRuns(runs);
}
