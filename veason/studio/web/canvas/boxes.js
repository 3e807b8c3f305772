// @ts-check
// Geometry of boxes under the pointer and the keys. Coordinates are source pixels, half-open.

/** @import { BoxPart } from "../contract.js" */
/** @import { Corner, Point, View, Xyxy } from "../core/types.js" */
/** @import { Size } from "./view.js" */

import { clamp } from "../core/clamp.js";

/** @typedef {"nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w"} Handle */

/** @type {Handle[]} */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** @param {Xyxy} xyxy @param {Handle} handle @returns {Point} */
export function handlePoint([x1, y1, x2, y2], handle) {
  const x = handle.includes("w") ? x1 : handle.includes("e") ? x2 : (x1 + x2) / 2;
  const y = handle.includes("n") ? y1 : handle.includes("s") ? y2 : (y1 + y2) / 2;
  return [x, y];
}

/**
 * The topmost box (the selected one first) and what of it lies under a place.
 * @param {BoxPart[]} boxes
 * @param {number | null} selected
 * @param {Point} at
 * @param {number} reach how far from a handle still is on it
 * @returns {{ box: BoxPart, part: Handle | "inside" } | null}
 */
export function hit(boxes, selected, [x, y], reach) {
  const order = [...boxes].sort((a, b) => Number(b.object === selected) - Number(a.object === selected));
  for (const box of order) {
    for (const handle of HANDLES) {
      const [hx, hy] = handlePoint(box.xyxy, handle);
      if (Math.abs(hx - x) <= reach && Math.abs(hy - y) <= reach) return { box, part: handle };
    }
  }
  for (const box of order) {
    const [x1, y1, x2, y2] = box.xyxy;
    if (x >= x1 && x < x2 && y >= y1 && y < y2) return { box, part: "inside" };
  }
  return null;
}

/**
 * What a box becomes when a part of it is dragged.
 * @param {Xyxy} xyxy
 * @param {Handle | "inside"} part
 * @param {Point} by
 * @param {Size} size of the picture: nothing leaves it
 * @returns {Xyxy}
 */
export function dragged(xyxy, part, [dx, dy], size) {
  let [x1, y1, x2, y2] = xyxy;
  if (part === "inside") {
    const moveX = clamp(dx, -x1, size.width - x2);
    const moveY = clamp(dy, -y1, size.height - y2);
    return [x1 + moveX, y1 + moveY, x2 + moveX, y2 + moveY];
  }
  if (part.includes("w")) x1 += dx;
  if (part.includes("e")) x2 += dx;
  if (part.includes("n")) y1 += dy;
  if (part.includes("s")) y2 += dy;
  return ordered([x1, y1, x2, y2], size);
}

/** The box of two corners in either order, inside the picture. @param {Xyxy} xyxy @param {Size} size @returns {Xyxy} */
export function ordered([x1, y1, x2, y2], { width, height }) {
  return [
    clamp(Math.min(x1, x2), 0, width),
    clamp(Math.min(y1, y2), 0, height),
    clamp(Math.max(x1, x2), 0, width),
    clamp(Math.max(y1, y2), 0, height),
  ];
}

/**
 * What a box becomes when keys move it, or one of its corners. It keeps at least a pixel, to hundredths.
 * @param {Xyxy} xyxy
 * @param {Corner | null} corner
 * @param {Point} by
 * @param {Size} size
 */
export function nudged(xyxy, corner, by, size) {
  return /** @type {Xyxy} */ (moved(xyxy, corner, by, size).map((side) => Math.round(side * 100) / 100));
}

/** @param {Xyxy} xyxy @param {Corner | null} corner @param {Point} by @param {Size} size @returns {Xyxy} */
function moved([x1, y1, x2, y2], corner, [dx, dy], { width, height }) {
  if (corner === "nw") return [clamp(x1 + dx, 0, x2 - 1), clamp(y1 + dy, 0, y2 - 1), x2, y2];
  if (corner === "se") return [x1, y1, clamp(x2 + dx, x1 + 1, width), clamp(y2 + dy, y1 + 1, height)];
  const [mx, my] = [clamp(dx, -x1, width - x2), clamp(dy, -y1, height - y2)];
  return [x1 + mx, y1 + my, x2 + mx, y2 + my];
}

/** A box in the middle of what is to be seen. @param {View} view @param {Size} size @returns {Xyxy} */
export function middleBox(view, { width, height }) {
  const [wide, high] = [width / view.zoom, height / view.zoom];
  const sides = [view.x + wide / 4, view.y + high / 4, view.x + (wide * 3) / 4, view.y + (high * 3) / 4];
  return /** @type {Xyxy} */ (sides.map(Math.round));
}
