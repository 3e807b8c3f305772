// Zoom and pan: which part of the picture the stage shows. `x, y` is the source pixel at the stage's corner.

import { clamp } from "../core/clamp.js";

export const FIT = { zoom: 1, x: 0, y: 0 };
export const FINE_ZOOM = 8; // from here on tenths of a pixel can be told apart
const DEEPEST = 24;

function within(view, info) {
  const room = 1 - 1 / view.zoom;
  return { zoom: view.zoom, x: clamp(view.x, 0, info.width * room), y: clamp(view.y, 0, info.height * room) };
}

// Zoom by `factor` so that the source pixel `at` stays where it is on the screen.
export function zoomed(view, factor, at, info) {
  const zoom = clamp(view.zoom * factor, 1, DEEPEST);
  const kept = view.zoom / zoom;
  return within({ zoom, x: at[0] - (at[0] - view.x) * kept, y: at[1] - (at[1] - view.y) * kept }, info);
}

export function panned(view, dx, dy, info) {
  return within({ zoom: view.zoom, x: view.x - dx, y: view.y - dy }, info);
}

export function centre(view, info) {
  return [view.x + info.width / view.zoom / 2, view.y + info.height / view.zoom / 2];
}
