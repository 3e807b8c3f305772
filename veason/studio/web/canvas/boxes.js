// Geometry of boxes under the pointer. Coordinates are source pixels, half-open.

import { clamp } from "../core/clamp.js";

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

export function handlePoint([x1, y1, x2, y2], handle) {
  const x = handle.includes("w") ? x1 : handle.includes("e") ? x2 : (x1 + x2) / 2;
  const y = handle.includes("n") ? y1 : handle.includes("s") ? y2 : (y1 + y2) / 2;
  return [x, y];
}

// The topmost box (the selected one first) and what of it lies under (x, y): a handle, "inside", or null.
export function hit(boxes, selected, x, y, reach) {
  const order = [...boxes].sort((a, b) => (b.object === selected) - (a.object === selected));
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

export function dragged(xyxy, part, dx, dy, width, height) {
  let [x1, y1, x2, y2] = xyxy;
  if (part === "inside") {
    const moveX = clamp(dx, -x1, width - x2);
    const moveY = clamp(dy, -y1, height - y2);
    return [x1 + moveX, y1 + moveY, x2 + moveX, y2 + moveY];
  }
  if (part.includes("w")) x1 += dx;
  if (part.includes("e")) x2 += dx;
  if (part.includes("n")) y1 += dy;
  if (part.includes("s")) y2 += dy;
  return ordered([x1, y1, x2, y2], width, height);
}

export function ordered([x1, y1, x2, y2], width, height) {
  return [
    clamp(Math.min(x1, x2), 0, width),
    clamp(Math.min(y1, y2), 0, height),
    clamp(Math.max(x1, x2), 0, width),
    clamp(Math.max(y1, y2), 0, height),
  ];
}
