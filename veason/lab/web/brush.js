// @ts-check
// Brushing: which cases a rectangle over the scatter picture chooses.

/**
 * @typedef {{ left: number, top: number, width: number, height: number, low: number, high: number }} AxesPlace
 * @typedef {{ x: number, y: number }} Point in shares of the picture from its top left
 * @typedef {[number, number, number, number]} Brush J&F from, to, and of the other run from, to
 */

/** All cases. @type {Brush} */
export const WHOLE = [0, 100, 0, 100];

/** The brush between two points of the picture; what lies beyond the axes ends at them.
 * @param {AxesPlace} axes
 * @param {Point} start
 * @param {Point} end
 * @returns {Brush}
 */
export function brushOf(axes, start, end) {
  const span = axes.high - axes.low;
  const across = [start.x, end.x].map((x) => axes.low + (span * (x - axes.left)) / axes.width);
  const up = [start.y, end.y].map((y) => axes.high - (span * (y - axes.top)) / axes.height);
  const bounded = [Math.min(...across), Math.max(...across), Math.min(...up), Math.max(...up)].map((value) =>
    Number(Math.min(Math.max(value, 0), 100).toFixed(1)),
  );
  return /** @type {Brush} */ (bounded);
}

/** Where a brush lies on the picture, in percent of its sides.
 * @param {AxesPlace} axes
 * @param {Brush} brush
 */
export function placeOf(axes, [left, right, bottom, top]) {
  const share = (/** @type {number} */ value) => (value - axes.low) / (axes.high - axes.low);
  return {
    left: 100 * (axes.left + axes.width * share(left)),
    width: 100 * axes.width * (share(right) - share(left)),
    top: 100 * (axes.top + axes.height * (1 - share(top))),
    height: 100 * axes.height * (share(top) - share(bottom)),
  };
}

/** A brush as the address holds it, "" for all cases. @param {Brush} brush */
export function writeBrush(brush) {
  return brush.every((side, index) => side === WHOLE[index]) ? "" : brush.join(",");
}

/** The brush that an address tells of; anything else is all cases.
 * @param {string} text
 * @returns {Brush}
 */
export function readBrush(text) {
  const sides = text.split(",").map(Number);
  const isBrush = text !== "" && sides.length === 4 && sides.every(Number.isFinite);
  return /** @type {Brush} */ (isBrush ? sides : [...WHOLE]);
}
