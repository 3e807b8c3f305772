// @ts-check
// Which cards of a long gallery are in sight, and where they stand.

export const CARD = { width: 250, height: 232, gap: 14 };

/** Columns, rows and the height of a gallery.
 * @param {number} width of the gallery in pixels
 * @param {number} count of cards
 */
export function layOut(width, count) {
  const columns = Math.max(Math.floor((width - CARD.gap) / (CARD.width + CARD.gap)), 1);
  const rows = Math.ceil(count / columns);
  const across = (width - CARD.gap * (columns + 1)) / columns;
  return { columns, rows, across, height: rows * (CARD.height + CARD.gap) + CARD.gap };
}

/** The half-open range of cards that are in sight, with a row to spare on either side.
 * @param {{ columns: number, rows: number }} plan
 * @param {number} top pixels that are scrolled away
 * @param {number} height pixels in sight
 * @param {number} count of cards
 */
export function inSight(plan, top, height, count) {
  const step = CARD.height + CARD.gap;
  const first = Math.max(Math.floor(top / step) - 1, 0);
  const last = Math.min(Math.ceil((top + height) / step) + 1, plan.rows);
  return { start: first * plan.columns, end: Math.min(last * plan.columns, count) };
}

/** Where card `index` stands.
 * @param {{ columns: number, across: number }} plan
 * @param {number} index
 */
export function place(plan, index) {
  const row = Math.floor(index / plan.columns);
  const column = index % plan.columns;
  return {
    left: CARD.gap + column * (plan.across + CARD.gap),
    top: CARD.gap + row * (CARD.height + CARD.gap),
  };
}

/** The card that a key leads to, null where the key is none of those that move.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @param {number} columns
 */
export function moved(key, at, count, columns) {
  /** @type {Record<string, number>} */
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, j: 1, k: -1 };
  if (key === "Home") return 0;
  if (key === "End") return Math.max(count - 1, 0);
  if (!(key in moves)) return null;
  return Math.min(Math.max(at + moves[key], 0), Math.max(count - 1, 0));
}
