// @ts-check
// Two runs against each other: the cases as a scatter that can be brushed, and the differences with their intervals.

import { ask, address } from "./ask.js";
import { brushOf, placeOf, readBrush, WHOLE, writeBrush } from "./brush.js";
import { figure, make, signed, spoken } from "./words.js";

/** @import { AxesPlace, Brush, Point } from "./brush.js" */
/** @import { Place } from "./ask.js" */

const LEAST = 0.01; // of a side: less is a click
const SIDES = ["from", "to", "from", "to"];

/**
 * @typedef {{ mean: number, low: number | null, high: number | null }} Interval
 * @typedef {{
 *   figure: string, slice: string, cases: number, videos: number, first: number | null, second: number | null,
 *   difference: Interval, higher: number, lower: number, looked_at: number, is_difference: boolean,
 * }} Comparison
 */

/** The panel of two runs.
 * @param {Place} place
 * @param {AxesPlace} axes
 * @param {(brush: string) => void} choose
 */
export async function comparePanel(place, axes, choose) {
  const { run, other, query } = place;
  const rows = await differencesOf({ run, other, query });
  const curves = make("details", {}, make("summary", {}, "Curves of either run"));
  curves.addEventListener("toggle", () => addCurves(curves, [run, other]), { once: true });
  return [
    make("h2", {}, `${run} → ${other}`),
    scatter(place, axes, choose),
    bounds(place, choose),
    differences(rows, run, other),
    curves,
  ];
}

/** @type {{ asked: string, rows: Promise<Comparison[]> }} */
let latest = { asked: "", rows: Promise.resolve([]) };

/** The differences of two runs, asked once however often cases are brushed.
 * @param {{ run: string, other: string, query: string }} params
 */
function differencesOf(params) {
  const asked = JSON.stringify(params);
  if (latest.asked !== asked) {
    const rows = ask("comparison", params).then((answer) => answer.rows);
    latest = { asked, rows };
    rows.catch(() => {
      latest = { asked: "", rows: Promise.resolve([]) };
    });
  }
  return latest.rows;
}

/**
 * @param {Place} place
 * @param {AxesPlace} axes
 * @param {(brush: string) => void} choose
 */
function scatter({ run, other, query, brush }, axes, choose) {
  const image = make("img", {
    src: address("scatter", { run, other, query }),
    alt: `J&F of ${other} over J&F of ${run}, a point a case`,
    draggable: "false",
  });
  const marked = make("div", { class: "brush", hidden: brush === "" });
  const area = make("div", { class: "scatter" }, image, marked);
  lay(marked, axes, readBrush(brush));
  /** @type {Point | null} */
  let start = null;
  const at = (/** @type {PointerEvent} */ event) => {
    const box = area.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  area.addEventListener("pointerdown", (event) => {
    start = at(event);
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    if (!start) return;
    marked.hidden = false;
    lay(marked, axes, brushOf(axes, start, at(event)));
  });
  area.addEventListener("pointerup", (event) => {
    if (!start) return;
    const end = at(event);
    const isClick = Math.abs(end.x - start.x) < LEAST && Math.abs(end.y - start.y) < LEAST;
    choose(isClick ? "" : writeBrush(brushOf(axes, start, end)));
    start = null;
  });
  return area;
}

/** @param {HTMLElement} marked @param {AxesPlace} axes @param {Brush} brush */
function lay(marked, axes, brush) {
  for (const [name, value] of Object.entries(placeOf(axes, brush))) marked.style.setProperty(name, `${value}%`);
}

/** The brush in numbers, which can be typed.
 * @param {Place} place
 * @param {(brush: string) => void} choose
 */
function bounds({ run, other, brush }, choose) {
  const sides = readBrush(brush);
  const field = (/** @type {number} */ index) => {
    const name = index < 2 ? run : other;
    const input = make("input", {
      type: "number",
      min: 0,
      max: 100,
      value: sides[index],
      "aria-label": `J&F of ${name} ${SIDES[index]}`,
    });
    input.addEventListener("change", () => {
      const typed = Number(/** @type {HTMLInputElement} */ (input).value);
      sides[index] = Number.isFinite(typed) ? typed : WHOLE[index];
      choose(writeBrush(sides));
    });
    return input;
  };
  const line = (/** @type {string} */ name, /** @type {number} */ first) =>
    make("div", { class: "line" }, make("span", {}, name), field(first), "to", field(first + 1));
  const all = make("button", { onclick: () => choose(""), disabled: brush === "" }, "All cases");
  return make(
    "div",
    { class: "bounds", role: "group", "aria-label": "Cases by J&F" },
    make("p", { class: "hint" }, "Drag over cases to see them. Blue: better in the second run."),
    line(run, 0),
    line(other, 2),
    all,
  );
}

/** @param {Comparison[]} rows @param {string} run @param {string} other */
function differences(rows, run, other) {
  const slices = [...new Set(rows.map((row) => row.slice))];
  const line = (/** @type {Comparison} */ row) => {
    const { difference, higher, lower } = row;
    const name = row.figure === "jf" ? "J&F" : `${spoken(row.figure)} %`;
    const title = row.is_difference ? "its interval leaves out zero" : "no difference that holds";
    return make(
      "tr",
      { class: row.is_difference ? "holds" : "", title },
      make("th", { scope: "row" }, name),
      make("td", {}, figure(row.first)),
      make("td", {}, figure(row.second)),
      make("td", {}, row.cases ? signed(difference.mean, 1) : "–", make("small", {}, between(difference))),
      make("td", { title: `${higher} cases higher, ${lower} lower` }, `${higher}▲ ${lower}▼`),
    );
  };
  const bodies = slices.map((slice) => {
    const mine = rows.filter((row) => row.slice === slice);
    const said = slice === "all" ? "all cases" : slice;
    const { cases, videos } = mine[0];
    const head = make("th", { scope: "rowgroup", colspan: 5 }, `${said}: ${cases} of ${videos} videos`);
    return make("tbody", {}, make("tr", { class: "slice" }, head), ...mine.map(line));
  });
  const heads = ["figure", run, other, "change", "cases"].map((name) => make("th", { scope: "col" }, name));
  const count = rows[0]?.looked_at ?? 0;
  return make(
    "table",
    {},
    make(
      "caption",
      {},
      `Bold: differences that hold. ${count} are looked at together, so that their intervals of 95 % hold at once; ` +
        "they are drawn over videos, not questions.",
    ),
    make("thead", {}, make("tr", {}, ...heads)),
    ...bodies,
  );
}

/** @param {Interval} interval */
function between({ low, high }) {
  return low === null || high === null ? " one video" : ` ${signed(low, 1)} to ${signed(high, 1)}`;
}

/** @param {HTMLElement} curves @param {string[]} runs */
async function addCurves(curves, runs) {
  const found = await Promise.all(runs.map((run) => ask("figures", { run })));
  const shown = found.flatMap((one) => one.figures);
  for (const { caption, image } of shown) {
    curves.append(make("figure", {}, make("img", { src: image, alt: caption }), make("figcaption", {}, caption)));
  }
  if (!shown.length) curves.append(make("p", { class: "hint" }, "Neither run knows a confidence or a prominence."));
}
