// @ts-check
// What lies over the picture: boxes with their handles, clicks, and the magnifier under a dragged handle.

/** @import { Point, Xyxy } from "../core/types.js" */
/** @import { Handle } from "./boxes.js" */

import { HANDLES, handlePoint } from "./boxes.js";

const DARK = "#0b0e13";

/**
 * @typedef {object} BoxLook
 * @property {string} ink
 * @property {string} label a box without a label is dashed
 * @property {number} unit screen pixels a CSS pixel
 * @property {boolean} [isOpen] its handles show
 * @property {boolean} [isLit]
 * @property {boolean} [isDashed]
 * @property {Handle | null} [corner] the handle that keys move
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Xyxy} xyxy in pixels of the canvas
 * @param {BoxLook} look
 */
export function paintBox(context, [x1, y1, x2, y2], look) {
  const { ink, label, isLit, isDashed, unit } = look;
  context.lineWidth = (isLit ? 8 : 4) * unit;
  context.strokeStyle = isLit ? "#ffc857cc" : "#0009";
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  context.lineWidth = 2 * unit;
  context.strokeStyle = ink;
  context.setLineDash(label && !isDashed ? [] : [6 * unit, 4 * unit]);
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  context.setLineDash([]);
  if (!label) return;
  paintLabel(context, [x1, y1], look);
  if (look.isOpen) paintHandles(context, [x1, y1, x2, y2], look);
}

/** @param {CanvasRenderingContext2D} context @param {Point} corner @param {BoxLook} look */
function paintLabel(context, [x, y], { ink, label, unit }) {
  context.font = `600 ${12 * unit}px Inter, system-ui, sans-serif`;
  const wide = context.measureText(label).width + 12 * unit;
  const top = y > 22 * unit ? y - 21 * unit : y;
  context.fillStyle = ink;
  context.fillRect(x - unit, top, wide, 20 * unit);
  context.fillStyle = readable(ink);
  context.fillText(label, x + 5 * unit, top + 14 * unit);
}

/** @param {CanvasRenderingContext2D} context @param {Xyxy} xyxy @param {BoxLook} look */
function paintHandles(context, xyxy, { ink, corner, unit }) {
  for (const handle of HANDLES) {
    const [x, y] = handlePoint(xyxy, handle);
    context.beginPath();
    context.arc(x, y, (handle === corner ? 7 : 5) * unit, 0, 7);
    context.fillStyle = handle === corner ? "#ffc857" : "#ffffff";
    context.fill();
    context.strokeStyle = ink;
    context.stroke();
  }
}

/** Dark or white, whichever can be read on the colour. @param {string} hex */
function readable(hex) {
  const value = parseInt(hex.slice(1), 16);
  const light = ((value >> 16) & 255) * 0.299 + ((value >> 8) & 255) * 0.587 + (value & 255) * 0.114;
  return light > 115 ? DARK : "#ffffff";
}

/**
 * A plus on the object, a minus off it: told apart by shape as well as by colour.
 * @param {CanvasRenderingContext2D} context
 * @param {Point} at in pixels of the canvas
 * @param {{ ink: string, positive: boolean, unit: number }} look
 */
export function paintClick(context, [x, y], { ink, positive, unit }) {
  context.beginPath();
  context.arc(x, y, 8 * unit, 0, 7);
  context.fillStyle = positive ? ink : DARK;
  context.fill();
  context.lineWidth = 2 * unit;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 4 * unit, y);
  context.lineTo(x + 4 * unit, y);
  if (positive) {
    context.moveTo(x, y - 4 * unit);
    context.lineTo(x, y + 4 * unit);
  }
  context.strokeStyle = positive ? DARK : "#ffffff";
  context.stroke();
}

/**
 * @typedef {object} Glass
 * @property {number} ratio source pixels a pixel of the picture
 * @property {number} unit screen pixels a CSS pixel
 * @property {(context: CanvasRenderingContext2D, by: number) => void} over draws what lies on the picture there, `by`
 *   screen pixels a source pixel
 * @property {number} [below] how far it stands from the top, in CSS pixels
 * @property {number} [zoom]
 */

/**
 * A round glass in the corner away from the pointer: the picture around a place, each pixel to be seen.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} picture
 * @param {Point} at in source pixels
 * @param {Point} pointer in pixels of the canvas
 * @param {Glass} glass
 */
export function paintGlass(context, picture, at, [x], { ratio, unit, over, below = 0, zoom = 6 }) {
  const radius = 64 * unit;
  const scale = zoom * unit;
  const isLeft = x > context.canvas.width / 2;
  const [cx, cy] = [
    isLeft ? radius + 56 * unit : context.canvas.width - radius - 12 * unit,
    radius + (12 + below) * unit,
  ];
  context.save();
  context.beginPath();
  context.arc(cx, cy, radius, 0, 7);
  context.fillStyle = "#05070a";
  context.fill();
  context.clip();
  context.imageSmoothingEnabled = false;
  context.translate(cx - at[0] * scale, cy - at[1] * scale);
  context.drawImage(picture, 0, 0, picture.width * ratio * scale, picture.height * ratio * scale);
  over(context, scale);
  context.restore();
  cross(context, cx, cy, unit);
  context.beginPath();
  context.arc(cx, cy, radius, 0, 7);
  context.lineWidth = 3 * unit;
  context.strokeStyle = "#ffffff";
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} unit */
function cross(context, x, y, unit) {
  context.lineWidth = unit;
  context.strokeStyle = "#ffffffb0";
  context.beginPath();
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    context.moveTo(x + dx * 4 * unit, y + dy * 4 * unit);
    context.lineTo(x + dx * 14 * unit, y + dy * 14 * unit);
  }
  context.stroke();
}
