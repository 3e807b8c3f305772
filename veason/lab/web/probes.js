// @ts-check
// Probes: what was changed about questions, which answers changed that should not, and the other way round.

import { ask } from "./ask.js";
import { make, spoken } from "./words.js";

/** @type {Record<string, string>} */
const EXPECTED = { same: "should stay", changed: "should change", absent: "should be absent" };
const NONE = "No table yet: veason lab probe LAB NAME ROOT --kind KIND --policy NAME makes one.";

/**
 * @typedef {{
 *   probe: string, cases: number, held: number, low: number | null, high: number | null, meaning: string,
 *   expected: string, failed: string[], num_failed: number,
 * }} Row
 * @typedef {{
 *   probe: string, before: string, after: string, holds: boolean | null, meaning: string, policy?: string,
 * }} Probed
 */

/** The panel of all tables.
 * @param {string} run whose cases can be opened
 * @param {(key: string) => void} open
 */
export async function probesPanel(run, open) {
  const { tables } = await ask("probes", { run });
  const parts = tables.map((/** @type {{ name: string, policy: string, rows: Row[] }} */ table) =>
    make(
      "section",
      {},
      make("h3", {}, table.policy ? `${table.name}, answered by ${table.policy}` : table.name),
      ...table.rows.map((row) => line(row, open)),
    ),
  );
  return [make("h2", {}, "Probes"), ...(parts.length ? parts : [make("p", { class: "hint" }, NONE)])];
}

/** @param {Row} row @param {(key: string) => void} open */
function line(row, open) {
  const percent = row.cases ? (100 * row.held) / row.cases : 0;
  const told = row.cases ? `${row.held} of ${row.cases} held` : "nothing to judge by";
  const interval = row.low === null || row.high === null ? "" : `, ${row.low.toFixed(0)} to ${row.high.toFixed(0)} %`;
  const keys = row.failed.map((key) => make("button", { onclick: () => open(key) }, key));
  const more = row.num_failed - row.failed.length;
  return make(
    "details",
    { class: "probe" },
    make(
      "summary",
      { title: row.meaning },
      make("b", {}, spoken(row.probe)),
      make("span", { class: "hint" }, EXPECTED[row.expected] ?? ""),
      make("span", { class: "meter" }, make("span", { style: `width: ${percent}%` })),
      make("span", { class: "hint" }, told + interval),
    ),
    make("p", { class: "hint" }, row.meaning),
    make("div", { class: "keys" }, ...keys, more > 0 ? `${more} more` : ""),
  );
}

/** What came of the probes of one question.
 * @param {Probed[]} rows
 * @param {string} unread why tables cannot be read, "" where they can
 */
export function probeRows(rows, unread) {
  if (!rows.length) return make("p", { class: "hint" }, unread || "Not probed.");
  const lines = rows.map((row) => {
    const kind = row.holds === null ? "" : row.holds ? "true" : "false";
    const said = row.holds === null ? "nothing to judge by" : row.holds ? "held" : "did not hold";
    const title = row.policy ? `${row.meaning} (${row.policy})` : row.meaning;
    return make(
      "tr",
      { title },
      make("th", { scope: "row" }, spoken(row.probe)),
      make("td", {}, `${row.before} → ${row.after}`),
      make("td", {}, make("mark", { class: kind }, said)),
    );
  });
  return make("table", { class: "probed" }, make("tbody", {}, ...lines));
}
