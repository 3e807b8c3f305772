// @ts-check
// Whether a mask holds any pixel, told from its run-length code alone: an empty one is a single run of zeros.

const LONGEST = 12; // characters: a longer code has several runs

/** Whether a character ends a run's number. @param {string} counts @param {number} at */
const isLast = (counts, at) => ((counts.charCodeAt(at) - 48) & 0x20) === 0;

/** @param {string} counts */
export function isEmptyMask(counts) {
  if (counts.length > LONGEST) return false;
  const ends = [...counts].map((_, at) => at).filter((at) => isLast(counts, at));
  const hasZeroAfter = ends.length === 2 && ends[1] === ends[0] + 1 && counts[ends[1]] === "0";
  return ends.length === 1 || hasZeroAfter;
}
