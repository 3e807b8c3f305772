// @ts-check
// Boxes under the pointer and the keys, zoom, and drawing on masks.

/** @import { BoxPart } from "../../veason/studio/web/contract.js" */
/** @import { Xyxy } from "../../veason/studio/web/core/types.js" */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fillPolygon, stroke } from "../../veason/studio/web/canvas/bitmap.js";
import { dragged, hit, middleBox, nudged } from "../../veason/studio/web/canvas/boxes.js";
import { centre, panned, zoomed } from "../../veason/studio/web/canvas/view.js";

const SIZE = { width: 100, height: 50 };
/** @type {Xyxy} */
const BOX = [10, 10, 30, 40];

/** @param {Uint8Array} bitmap @param {number} width */
const picture = (bitmap, width) =>
  Array.from({ length: bitmap.length / width }, (_, y) =>
    [...bitmap.slice(y * width, (y + 1) * width)].map((value) => (value ? "#" : ".")).join(""),
  );

test("a box is moved as it is, and stops at the picture's edge", () => {
  assert.deepEqual(dragged(BOX, "inside", [5, -5], SIZE), [15, 5, 35, 35]);
  assert.deepEqual(dragged(BOX, "inside", [999, 999], SIZE), [80, 20, 100, 50]);
});

test("a side that is dragged past the other one turns the box around", () => {
  assert.deepEqual(dragged(BOX, "w", [40, 0], SIZE), [30, 10, 50, 40]);
  assert.deepEqual(dragged(BOX, "se", [-25, -35], SIZE), [5, 5, 10, 10]);
});

test("the box in hand is hit before those over it, its handles before its inside", () => {
  /** @type {BoxPart[]} */
  const boxes = [
    { object: 1, frame: 0, xyxy: [0, 0, 40, 40] },
    { object: 2, frame: 0, xyxy: [10, 10, 30, 30] },
  ];
  assert.equal(hit(boxes, 1, [20, 20], 2)?.box.object, 1);
  assert.equal(hit(boxes, 2, [20, 20], 2)?.box.object, 2);
  assert.equal(hit(boxes, 1, [10, 11], 2)?.part, "nw");
  assert.equal(hit(boxes, 1, [90, 40], 2), null);
});

test("keys move the box or a corner, which keeps at least a pixel", () => {
  assert.deepEqual(nudged(BOX, null, [0.1, 0], SIZE), [10.1, 10, 30.1, 40]);
  assert.deepEqual(nudged(BOX, "nw", [50, 1], SIZE), [29, 11, 30, 40]);
  assert.deepEqual(nudged(BOX, "se", [-50, 50], SIZE), [10, 10, 11, 50]);
});

test("a new box is put in the middle of what is to be seen", () => {
  assert.deepEqual(middleBox({ zoom: 2, x: 20, y: 10 }, SIZE), [33, 16, 58, 29]);
});

test("zooming keeps the pixel under the pointer, and nothing beside the picture shows", () => {
  const view = zoomed({ zoom: 1, x: 0, y: 0 }, 2, [50, 25], SIZE);
  assert.deepEqual(view, { zoom: 2, x: 25, y: 12.5 });
  assert.deepEqual(centre(view, SIZE), [50, 25]);
  assert.deepEqual(panned(view, 999, 0, SIZE), { zoom: 2, x: 0, y: 12.5 });
  assert.deepEqual(zoomed(view, 0.1, [0, 0], SIZE), { zoom: 1, x: 0, y: 0 });
});

test("a stroke sets the pixels whose middle is near its line, and tells where", () => {
  const bitmap = new Uint8Array(8 * 5);
  const area = stroke(bitmap, 8, 5, [1.5, 2.5], [5.5, 2.5], 1, 1);
  assert.deepEqual(picture(bitmap, 8), ["........", ".#####..", "#######.", ".#####..", "........"]);
  assert.deepEqual(area, [0, 1, 7, 3]);
});

test("an outline that goes on beyond its beginning has no gap there", () => {
  /** @type {[number, number][]} */
  const corners = [
    [1, 1],
    [7, 1],
    [7, 5],
    [1, 5],
  ];
  const twice = new Uint8Array(8 * 6);
  fillPolygon(twice, 8, 6, [...corners, [1, 1], [6, 1], [6, 3], [1, 3]], 1);
  const once = new Uint8Array(8 * 6);
  fillPolygon(once, 8, 6, corners, 1);
  assert.deepEqual(twice, once);
  assert.equal(
    once.reduce((sum, one) => sum + one),
    24,
  );
});

test("a polygon is filled by the middles of its pixels, and can be cut out", () => {
  const bitmap = new Uint8Array(6 * 4);
  fillPolygon(
    bitmap,
    6,
    4,
    [
      [0, 0],
      [6, 0],
      [6, 4],
      [0, 4],
    ],
    1,
  );
  fillPolygon(
    bitmap,
    6,
    4,
    [
      [1, 1],
      [5, 1],
      [5, 3],
      [1, 3],
    ],
    0,
  );
  assert.deepEqual(picture(bitmap, 6), ["######", "#....#", "#....#", "######"]);
});
