// @ts-check
// Exact frames by index, fetched on demand and kept as bitmaps within a budget.

/** @import { LookUps } from "../contract.js" */
/** @import { Store, Way } from "../core/types.js" */

const KEPT_BYTES = 256 * 1024 * 1024;
const MOST = 160;
const FEWEST = 8;
const AT_ONCE = 4;
const MOST_WAITING = 2;
const PREVIEW = 320; // pixels: the longer side of the first picture

/**
 * @typedef {object} Wanted
 * @property {string} work
 * @property {number} index
 * @property {(picture: ImageBitmap | null) => void} done
 * @property {(error: unknown) => void} failed
 */

export class Frames {
  #server;
  #state;
  /** @type {Map<number, ImageBitmap>} */
  #kept = new Map();
  /** @type {Map<number, Promise<ImageBitmap | null>>} */
  #waiting = new Map();
  /** @type {Wanted[]} */
  #queue = [];
  #running = 0;

  /** @param {LookUps} server @param {Store} state */
  constructor(server, state) {
    this.#server = server;
    this.#state = state;
  }

  /** The picture of a frame where it is here already. @param {number} index */
  peek(index) {
    const picture = this.#kept.get(index);
    if (picture) {
      this.#kept.delete(index);
      this.#kept.set(index, picture); // now the youngest
    }
    return picture;
  }

  /**
   * The picture of a frame, null where so many others were asked for since that it was given up.
   * @param {number} index
   * @returns {Promise<ImageBitmap | null>}
   */
  get(index) {
    const { work } = this.#state.get();
    const ready = this.peek(index);
    if (ready || !work) return Promise.resolve(ready ?? null);
    let waiting = this.#waiting.get(index);
    if (!waiting) {
      waiting = new Promise((done, failed) => this.#queue.push({ work, index, done, failed }));
      this.#waiting.set(index, waiting);
      this.#next();
    }
    return waiting;
  }

  /**
   * A small picture of a frame: what is to be seen until the exact one is here. Null where it cannot be had.
   * @param {number} index
   * @returns {Promise<ImageBitmap | null>}
   */
  async preview(index) {
    const { work } = this.#state.get();
    if (!work) return null;
    const reply = await this.#server.frame({ work, frame: index, longest: PREVIEW });
    if (reply.error !== undefined) return null;
    return createImageBitmap(await (await fetch(reply.jpeg)).blob());
  }

  /**
   * Fetch the frames around the playhead: more of them the way it goes, some behind it.
   * @param {number} frame
   * @param {Way} way
   * @param {number} ahead
   * @param {number} behind
   */
  prefetch(frame, way, ahead = 5, behind = 2) {
    const { info } = this.#state.get();
    if (!info) return;
    const places = Array.from({ length: ahead }, (_, number) => frame + way * (number + 1));
    for (let number = 1; number <= behind; number += 1) places.push(frame - way * number);
    for (const index of places) {
      const isKnown = this.#kept.has(index) || this.#waiting.has(index);
      const isFull = this.#running >= AT_ONCE - 1; // one place stays free
      if (index < 0 || index >= info.frames || isKnown || isFull) continue;
      this.get(index).catch(() => {}); // who comes to this frame asks again, and is told
    }
  }

  forget() {
    for (const picture of this.#kept.values()) picture.close();
    this.#kept = new Map();
    this.#waiting.clear();
    for (const { done } of this.#queue.splice(0)) done(null);
  }

  // Decoded pictures take four bytes a pixel: 72 of them at 1280x720.
  #room() {
    const { width, height } = this.#state.clip();
    return Math.max(FEWEST, Math.min(MOST, Math.floor(KEPT_BYTES / (width * height * 4))));
  }

  /** @param {string} work @param {number} index */
  async #load(work, index) {
    const reply = await this.#server.frame({ work, frame: index });
    if (reply.error !== undefined) throw new Error(reply.error);
    const picture = await createImageBitmap(await (await fetch(reply.jpeg)).blob());
    if (this.#state.get().work === work) this.#keep(index, picture);
    return picture;
  }

  /** @param {number} index @param {ImageBitmap} picture */
  #keep(index, picture) {
    this.#kept.set(index, picture);
    for (const [old, one] of [...this.#kept].slice(0, Math.max(0, this.#kept.size - this.#room()))) {
      one.close();
      this.#kept.delete(old);
    }
  }

  // A few at a time, the one asked for last first; of those that have to wait, the oldest are given up: who drags the
  // slider has long left them behind.
  #next() {
    while (this.#running < AT_ONCE) {
      const wanted = this.#queue.pop();
      if (!wanted) break;
      this.#running += 1;
      this.#load(wanted.work, wanted.index)
        .then(wanted.done, wanted.failed)
        .finally(() => {
          this.#running -= 1;
          this.#waiting.delete(wanted.index);
          this.#next();
        });
    }
    while (this.#queue.length > MOST_WAITING) {
      const given = this.#queue.shift();
      if (!given) break;
      this.#waiting.delete(given.index);
      given.done(null);
    }
  }
}
