// @ts-check
// Rows that are ticked, to do something with several at once; without a tick it is done with the row in hand.

/** @import { QueueRow } from "../contract.js" */

export class Ticks {
  /** @type {Set<number>} */
  #ids = new Set();
  /** The row that was ticked last: with Shift the ones between follow. @type {number | null} */
  #last = null;

  /** @param {number} id */
  has = (id) => this.#ids.has(id);

  get size() {
    return this.#ids.size;
  }

  /** @param {number} id */
  toggle(id) {
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#last = id;
  }

  /** Tick everything between the last one and this one. @param {number} id @param {QueueRow[]} listed */
  reach(id, listed) {
    const places = [this.#last, id].map((one) => listed.findIndex((row) => row.id === one));
    const [from, to] = [Math.min(...places), Math.max(...places)];
    if (from < 0) this.toggle(id);
    else for (const row of listed.slice(from, to + 1)) this.#ids.add(row.id);
    this.#last = id;
  }

  /** Tick all of the list, or none where all are ticked. @param {QueueRow[]} listed */
  toggleAll(listed) {
    const areAll = listed.length > 0 && listed.every(({ id }) => this.#ids.has(id));
    this.clear();
    if (!areAll) for (const { id } of listed) this.#ids.add(id);
  }

  clear() {
    this.#ids.clear();
    this.#last = null;
  }

  /** What is out of sight is ticked no more: nothing is done with a row that nobody sees. @param {QueueRow[]} listed */
  keepOnly(listed) {
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of this.#ids) if (!ids.has(id)) this.#ids.delete(id);
  }

  /**
   * The rows that are meant: the ticked ones, else the one in hand.
   * @param {QueueRow[]} listed
   * @param {number | null} current
   */
  targets(listed, current) {
    const ticked = listed.filter(({ id }) => this.#ids.has(id));
    return ticked.length ? ticked : listed.filter(({ id }) => id === current);
  }
}
