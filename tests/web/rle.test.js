// @ts-check
// Run-length code, as pycocotools writes it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeMask, decodeRuns, encodeMask, paintMask, rgb } from "../../veason/studio/web/canvas/rle.js";

/** @param {string[]} rows */
const drawn = (rows) => new Uint8Array(rows.flatMap((row) => [...row].map((sign) => (sign === "#" ? 1 : 0))));

// Written by pycocotools 2.0.11: encode(np.asfortranarray(mask))["counts"].
const KNOWN = [
  { rows: ["....", "....", "...."], counts: "<" },
  { rows: ["####", "####", "####"], counts: "0<" },
  { rows: [".##.", ".##.", "...."], counts: "32103" },
  { rows: ["#..#", ".##.", "#..#"], counts: "01100010O000" },
];

for (const { rows, counts } of KNOWN) {
  test(`the code of ${rows.join("/")} is that of pycocotools`, () => {
    assert.equal(encodeMask(drawn(rows), 4, 3), counts);
    assert.deepEqual(decodeMask(counts, 4, 3), drawn(rows));
  });
}

test("any mask comes back as it was", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 200; round += 1) {
    const [width, height] = [1 + Math.floor(random() * 40), 1 + Math.floor(random() * 40)];
    const share = random();
    const mask = Uint8Array.from({ length: width * height }, () => (random() < share ? 1 : 0));
    const counts = encodeMask(mask, width, height);
    assert.deepEqual(decodeMask(counts, width, height), mask);
    assert.equal(
      decodeRuns(counts).reduce((sum, run) => sum + run, 0),
      width * height,
    );
  }
});

test("a mask is painted filled with a solid edge, and nothing beside it", () => {
  const rows = [".......", ".#####.", ".#####.", ".#####.", "......."];
  const pixels = new Uint32Array(7 * 5);
  paintMask(encodeMask(drawn(rows), 7, 5), 7, 5, pixels, rgb("#010203"), 0.5);
  const alpha = (/** @type {number} */ x, /** @type {number} */ y) => pixels[y * 7 + x] >>> 24;
  assert.deepEqual([alpha(1, 1), alpha(3, 2), alpha(5, 3), alpha(0, 0), alpha(6, 4)], [255, 128, 255, 0, 0]);
  assert.equal(pixels[2 * 7 + 3] & 0xffffff, 0x030201);
});
