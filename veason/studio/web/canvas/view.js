// @ts-check
// Zoom and pan: which part of the picture the stage shows.

/** @import { Point, View } from "../core/types.js" */

import { clamp } from "../core/clamp.js";

/** From here on tenths of a pixel can be told apart. */
export const FINE_ZOOM = 8;
const DEEPEST = 24;

/** @typedef {{ width: number, height: number }} Size */

/** @param {View} view @param {Size} size @returns {View} */
function within(view, size) {
  const room = 1 - 1 / view.zoom;
  return { zoom: view.zoom, x: clamp(view.x, 0, size.width * room), y: clamp(view.y, 0, size.height * room) };
}

/**
 * Zoom by `factor` so that the source pixel `at` stays where it is on the screen.
 * @param {View} view
 * @param {number} factor
 * @param {Point} at
 * @param {Size} size
 */
export function zoomed(view, factor, at, size) {
  const zoom = clamp(view.zoom * factor, 1, DEEPEST);
  const kept = view.zoom / zoom;
  return within({ zoom, x: at[0] - (at[0] - view.x) * kept, y: at[1] - (at[1] - view.y) * kept }, size);
}

/**
 * Move the picture under the view by source pixels.
 * @param {View} view
 * @param {number} dx
 * @param {number} dy
 * @param {Size} size
 */
export const panned = (view, dx, dy, size) => within({ zoom: view.zoom, x: view.x - dx, y: view.y - dy }, size);

/** The source pixel in the middle of what is to be seen. @param {View} view @param {Size} size @returns {Point} */
export const centre = (view, size) => [view.x + size.width / view.zoom / 2, view.y + size.height / view.zoom / 2];
