// @ts-check
// The masks of one frame as a picture, painted only when something of it changed.

/** @import { OpenedItem } from "../contract.js" */
/** @import { Mask, State } from "../core/types.js" */

import { contextOf } from "../core/dom.js";
import { colour, isAbsent, isStale, isVisible } from "../core/objects.js";
import { outlineMask, paintMask, rgb } from "./rle.js";

const BEFORE = "#ff6b6b";
const AFTER = "#51cf66";

export class MaskOverlay {
  canvas = document.createElement("canvas");
  /** @type {ReadonlyMap<number, Mask> | null} */
  #shown = null;
  /** @type {ImageData | null} */
  #image = null;

  /** What is shown of the masks has changed: paint them anew. */
  forget() {
    this.#shown = null;
  }

  /**
   * Paint the masks of the frame that is shown, all but that of the object `left`; that of the object in hand on top.
   * @param {ReadonlyMap<number, Mask>} here by object
   * @param {State} now
   * @param {OpenedItem} info
   * @param {number | null} left
   */
  paint(here, now, info, left) {
    if (this.#shown === here) return;
    this.#shown = here;
    const image = this.#imageOf(info);
    const pixels = new Uint32Array(image.data.buffer).fill(0);
    const opacity = now.outline ? 0 : now.opacity;
    const frame = now.pictureFrame;
    const inOrder = [...here].sort(([a], [b]) => Number(a === now.selected) - Number(b === now.selected));
    for (const [object, [counts]] of inOrder) {
      if (!isVisible(now, object) || isAbsent(now.marks, object, frame) || object === left) continue;
      const ink = rgb(colour(info.palette, object));
      paintMask(counts, info.width, info.height, pixels, ink, opacity, isStale(now, object, frame));
    }
    if (now.onion) this.#paintNeighbours(pixels, now, info);
    contextOf(this.canvas).putImageData(image, 0, 0);
  }

  /**
   * Onion skin: the outline that the object in hand has on the frame before (red) and on the one after (green).
   * @param {Uint32Array} pixels
   * @param {State} now
   * @param {OpenedItem} info
   */
  #paintNeighbours(pixels, now, info) {
    const { selected, masks, pictureFrame, marks } = now;
    if (selected === null || !isVisible(now, selected)) return;
    for (const [frame, ink] of /** @type {[number, string][]} */ ([
      [pictureFrame - 1, BEFORE],
      [pictureFrame + 1, AFTER],
    ])) {
      const mask = masks.get(frame)?.get(selected);
      if (mask && !isAbsent(marks, selected, frame)) outlineMask(mask[0], info.width, info.height, pixels, rgb(ink));
    }
  }

  /** @param {OpenedItem} info */
  #imageOf({ width, height }) {
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#image = new ImageData(width, height);
    }
    return this.#image;
  }
}
