// @ts-check
// Drawing on a mask of one byte a pixel. Coordinates are source pixels; a pixel is inside where its centre is.

/** @import { Point } from "../core/types.js" */

import { clamp } from "../core/clamp.js";

/**
 * Set every pixel within `radius` of the line from `a` to `b`.
 * @param {Uint8Array} bitmap
 * @param {number} width
 * @param {number} height
 * @param {Point} a
 * @param {Point} b
 * @param {number} radius
 * @param {number} value
 * @returns {[left: number, top: number, wide: number, high: number]} the rectangle that may have changed
 */
export function stroke(bitmap, width, height, a, b, radius, value) {
  const reach = Math.max(radius, 0.5);
  const left = clamp(Math.floor(Math.min(a[0], b[0]) - reach), 0, width);
  const right = clamp(Math.ceil(Math.max(a[0], b[0]) + reach), 0, width);
  const top = clamp(Math.floor(Math.min(a[1], b[1]) - reach), 0, height);
  const bottom = clamp(Math.ceil(Math.max(a[1], b[1]) + reach), 0, height);
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const long = dx * dx + dy * dy;
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]];
      const share = long ? clamp((px * dx + py * dy) / long, 0, 1) : 0;
      const [ox, oy] = [px - share * dx, py - share * dy];
      if (ox * ox + oy * oy <= reach * reach) bitmap[y * width + x] = value;
    }
  }
  return [left, top, right - left, bottom - top];
}

/**
 * Set every pixel inside the polygon, row by row. What it goes around more than once is inside as well (nonzero
 * winding): an outline that is drawn by hand ends a little beyond where it began.
 * @param {Uint8Array} bitmap
 * @param {number} width
 * @param {number} height
 * @param {Point[]} points
 * @param {number} value
 */
export function fillPolygon(bitmap, width, height, points, value) {
  for (let y = 0; y < height; y += 1) {
    const middle = y + 0.5;
    /** @type {[x: number, turn: number][]} */
    const crossings = [];
    points.forEach(([x1, y1], number) => {
      const [x2, y2] = points[(number + 1) % points.length];
      const turn = y1 <= middle ? 1 : -1;
      if (turn > 0 !== y2 <= middle) crossings.push([x1 + ((middle - y1) / (y2 - y1)) * (x2 - x1), turn]);
    });
    crossings.sort(([a], [b]) => a - b);
    let winding = 0;
    crossings.forEach(([x, turn], number) => {
      winding += turn;
      if (!winding) return;
      const from = clamp(Math.ceil(x - 0.5), 0, width);
      const to = clamp(Math.ceil(crossings[number + 1][0] - 0.5), 0, width);
      bitmap.fill(value, y * width + from, y * width + to);
    });
  }
}
