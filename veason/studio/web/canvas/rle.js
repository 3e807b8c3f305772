// @ts-check
// Compressed COCO run-length code -> runs -> masks and pixels, and back. Runs go down the columns and begin with zeros.

const STRIPE = 4; // pixels of a picture 640 wide

/** @param {string} counts */
export function decodeRuns(counts) {
  /** @type {number[]} */
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = counts.charCodeAt(at) - 48;
      value |= (bits & 0x1f) << shift;
      shift += 5;
      more = (bits & 0x20) !== 0;
      if (!more && (bits & 0x10) !== 0) value |= -1 << shift;
      at += 1;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/**
 * One byte a pixel, row by row: 1 inside; and the half-open rectangle that holds all of them.
 * @param {string} counts
 * @param {number} width
 * @param {number} height
 */
function decode(counts, width, height) {
  const inside = new Uint8Array(width * height);
  const area = { left: width, top: height, right: 0, bottom: 0 };
  let place = 0;
  decodeRuns(counts).forEach((run, number) => {
    if (number % 2 === 1 && run > 0) {
      let x = Math.floor(place / height);
      let y = place % height;
      const isTall = y + run > height;
      area.left = Math.min(area.left, x);
      area.top = isTall ? 0 : Math.min(area.top, y);
      area.bottom = isTall ? height : Math.max(area.bottom, y + run);
      for (let left = run; left > 0; left -= 1) {
        inside[y * width + x] = 1;
        y += 1;
        if (y === height) {
          y = 0;
          x += 1;
        }
      }
      area.right = Math.max(area.right, y === 0 ? x : x + 1);
    }
    place += run;
  });
  return { inside, area };
}

/** @param {string} counts @param {number} width @param {number} height */
export const decodeMask = (counts, width, height) => decode(counts, width, height).inside;

/** @param {Uint8Array} inside @param {number} width @param {number} height */
export function encodeMask(inside, width, height) {
  /** @type {number[]} */
  const runs = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0, at = x; y < height; y += 1, at += width) {
      if (inside[at] === value) run += 1;
      else {
        runs.push(run);
        value = inside[at];
        run = 1;
      }
    }
  }
  runs.push(run);
  return encodeRuns(runs);
}

/** @param {number[]} runs that begin with zeros */
export const encodeRuns = (runs) =>
  runs.map((length, number) => code(number > 2 ? length - runs[number - 2] : length)).join("");

/** A whole number, five bits a character, lowest first; the sixth bit says that more follow. @param {number} value */
function code(value) {
  let text = "";
  let left = value;
  let more = true;
  while (more) {
    const bits = left & 0x1f;
    left >>= 5;
    more = (bits & 0x10) !== 0 ? left !== -1 : left !== 0;
    text += String.fromCharCode(48 + (more ? bits | 0x20 : bits));
  }
  return text;
}

/** @param {number} opacity @param {[red: number, green: number, blue: number]} ink */
const abgr = (opacity, [red, green, blue]) =>
  ((Math.round(opacity * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/**
 * Lay the mask over `pixels` (width * height, ABGR): fill inside, a solid line at its edge. Where another mask is
 * already, both are to be seen in stripes; a stale mask is nothing but faint stripes.
 * @param {string} counts
 * @param {number} width
 * @param {number} height
 * @param {Uint32Array} pixels
 * @param {[red: number, green: number, blue: number]} ink
 * @param {number} opacity
 */
export function paintMask(counts, width, height, pixels, ink, opacity, isStale = false) {
  const { inside, area } = decode(counts, width, height);
  const fill = abgr(isStale ? opacity * 0.5 : opacity, ink);
  const line = abgr(isStale ? 0.6 : 1, ink);
  const reach = Math.max(1, Math.round(width / 640));
  const down = reach * width;
  const pitch = STRIPE * reach;
  for (let y = area.top; y < area.bottom; y += 1) {
    const isRim = y < reach || y >= height - reach;
    for (let x = area.left, at = y * width + x; x < area.right; x += 1, at += 1) {
      if (inside[at] === 0) continue;
      const isEdge =
        isRim ||
        x < reach ||
        x >= width - reach ||
        !inside[at - reach] ||
        !inside[at + reach] ||
        !inside[at - down] ||
        !inside[at + down];
      const isStripe = Math.floor((x + y) / pitch) % 2 === 1;
      if (isStale && isStripe) continue;
      const shows = isEdge || !pixels[at] || (opacity > 0 && !isStripe);
      if (shows) pixels[at] = isEdge ? line : fill;
    }
  }
}

/**
 * Lay nothing but the line at the mask's edge over `pixels`.
 * @param {string} counts
 * @param {number} width
 * @param {number} height
 * @param {Uint32Array} pixels
 * @param {[red: number, green: number, blue: number]} ink
 */
export function outlineMask(counts, width, height, pixels, ink) {
  const { inside, area } = decode(counts, width, height);
  const line = abgr(0.9, ink);
  for (let y = area.top; y < area.bottom; y += 1) {
    for (let x = area.left, at = y * width + x; x < area.right; x += 1, at += 1) {
      if (!inside[at]) continue;
      const isRim = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      if (isRim || !inside[at - 1] || !inside[at + 1] || !inside[at - width] || !inside[at + width]) pixels[at] = line;
    }
  }
}

/** @param {string} hex @returns {[red: number, green: number, blue: number]} */
export function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
