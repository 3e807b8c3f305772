// @ts-check
// The lab's page: what is chosen above decides what the gallery shows, and the address holds all of it.

import { ask, readPlace, send, writePlace } from "./ask.js";
import { CaseRoom } from "./case.js";
import { comparePanel } from "./compare.js";
import { Gallery } from "./gallery.js";
import { commandKey } from "./keys.js";
import { probesPanel } from "./probes.js";
import { make, spoken } from "./words.js";

const RATER = "veason-lab-rater";
const NO_RUN = "No run yet: veason lab import LAB NAME FOLDER makes one.";

/** An element of the page by its id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function part(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {unknown} error */
function fail(error) {
  const problem = part("problem", HTMLElement);
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
}

/** Fill a choice with [value, words], one of them chosen, and return its value.
 * @param {string} id
 * @param {string[][]} options
 * @param {string} chosen
 */
function fill(id, options, chosen) {
  const select = part(id, HTMLSelectElement);
  select.replaceChildren(...options.map(([value, words]) => make("option", { value }, words)));
  select.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? "");
  return select.value;
}

class Page {
  /** @param {Record<string, any>} about */
  constructor(about) {
    this.about = about;
    this.place = readPlace(location.hash);
    const rater = part("rater", HTMLInputElement);
    rater.value = localStorage.getItem(RATER) ?? "";
    rater.addEventListener("change", () => localStorage.setItem(RATER, rater.value.trim()));
    const flags = about.flags.map((/** @type {any} */ flag) => flag.name);
    this.gallery = new Gallery(part("gallery", HTMLElement), { flags, open: (key) => this.go({ key }), fail });
    this.room = new CaseRoom(part("case", HTMLElement), {
      about,
      rater: () => rater.value.trim(),
      close: () => this.go({ key: "" }),
      next: (by) => this.beside(by),
      fail,
    });
  }

  listen() {
    part("ask", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.go({ query: part("query", HTMLInputElement).value.trim() });
    });
    for (const name of ["run", "other", "sort"]) {
      const select = part(name, HTMLSelectElement);
      select.addEventListener("change", () => this.go({ [name]: select.value }));
    }
    const descending = part("descending", HTMLInputElement);
    descending.addEventListener("change", () => this.go({ descending: descending.checked ? "1" : "" }));
    for (const name of ["compare", "probes"]) {
      const press = () => this.go({ panel: this.place.panel === name ? "" : name });
      part(name, HTMLElement).addEventListener("click", press);
    }
    const naming = part("naming", HTMLDialogElement);
    part("keep", HTMLElement).addEventListener("click", () => {
      naming.returnValue = "";
      naming.showModal();
    });
    naming.addEventListener("close", () => this.keepView(naming.returnValue));
    document.addEventListener("keydown", (event) => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (commandKey(event) !== "/" || isTyping) return;
      event.preventDefault();
      part("query", HTMLInputElement).focus();
    });
    addEventListener("popstate", () => {
      this.place = readPlace(location.hash);
      this.follow(false);
    });
  }

  /** Go to another place, which Back leads back from.
   * @param {Partial<import("./ask.js").Place>} change
   */
  go(change) {
    this.place = { ...this.place, ...change };
    history.pushState(null, "", writePlace(this.place));
    return this.follow("key" in change);
  }

  /** @param {number} by */
  async beside(by) {
    const key = await this.gallery.neighbour(by);
    if (key) await this.go({ key });
  }

  /** Show what the place says.
   * @param {boolean} onlyCase the gallery shows it already
   */
  async follow(onlyCase) {
    part("problem", HTMLElement).hidden = true;
    const { run, key, other } = this.place;
    try {
      if (!onlyCase) await this.search();
      if (!onlyCase) await this.showPanel();
      if (key) await this.room.show(run || this.place.run, key, other);
      else {
        this.room.pause();
        part("case", HTMLElement).hidden = true;
        if (onlyCase) part("gallery", HTMLElement).focus();
      }
    } catch (error) {
      fail(error);
    }
  }

  async search() {
    this.showChoices();
    const { run, other, query, sort, descending, brush } = this.place;
    const count = part("count", HTMLElement);
    if (!run) {
      count.textContent = NO_RUN;
      return;
    }
    const found = await this.gallery.show({ run, other, query, sort, descending, brush });
    const all = this.about.runs.find((/** @type {any} */ one) => one.name === run).cases;
    count.textContent = `${found.total.toLocaleString("en")} of ${all.toLocaleString("en")} cases`;
    this.showFlags(found.flags);
  }

  /** Show what stands beside the gallery, or nothing. */
  async showPanel() {
    const { place } = this;
    const panel = part("panel", HTMLElement);
    for (const name of ["compare", "probes"]) {
      part(name, HTMLElement).setAttribute("aria-pressed", String(place.panel === name));
    }
    const isShown = Boolean(place.run && place.panel);
    panel.hidden = !isShown;
    if (!isShown) return;
    const isPair = place.panel === "compare";
    panel.setAttribute("aria-label", isPair ? "Comparison" : "Probes");
    const parts = isPair
      ? await comparePanel(place, this.about.scatter, (brush) => this.go({ brush }))
      : await probesPanel(place.run, (key) => this.go({ key }));
    if (place === this.place) panel.replaceChildren(...parts);
  }

  /** Keep the query as a view, once its name is typed. @param {string} answer */
  async keepView(answer) {
    const name = part("view-name", HTMLInputElement);
    if (answer === "keep" && name.value.trim()) await this.saveView(name.value.trim(), this.place.query);
    name.value = "";
  }

  /** Keep a query under a name; without a query forget it. @param {string} name @param {string} query */
  async saveView(name, query) {
    try {
      this.about.views = (await send("view", { name, query })).views;
      await this.follow(false);
    } catch (error) {
      fail(error);
    }
  }

  showChoices() {
    const { about, place } = this;
    /** @type {string[]} */
    const names = about.runs.map((/** @type {any} */ one) => one.name);
    place.run = fill(
      "run",
      names.map((name) => [name, name]),
      place.run,
    );
    const rest = names.filter((name) => name !== place.run).map((name) => [name, name]);
    place.other = fill("other", [["", "no other"], ...rest], place.other);
    if (!place.other) place.brush = "";
    if (!place.other && place.panel === "compare") place.panel = "";
    const compare = part("compare", HTMLButtonElement);
    compare.disabled = !place.other;
    compare.title = place.other ? "Differences of the two runs" : "Choose another run under against first";
    part("keep", HTMLButtonElement).disabled = !place.query;
    const sorts = about.columns.filter((/** @type {any} */ one) => one.sorts && one.kind !== "indices");
    const change = place.other ? [["change", "change in J&F"]] : [];
    const columns = sorts.map((/** @type {any} */ one) => [one.name, spoken(one.name)]);
    place.sort = fill("sort", [["", "as in the dataset"], ...change, ...columns], place.sort);
    part("query", HTMLInputElement).value = place.query;
    part("descending", HTMLInputElement).checked = place.descending === "1";
    const hints = about.columns.map((/** @type {any} */ one) => make("option", { value: one.name }, one.meaning));
    part("columns", HTMLElement).replaceChildren(...hints);
  }

  /** @param {Record<string, number>} counts */
  showFlags(counts) {
    const views = Object.entries(this.about.views).flatMap(([name, query]) => {
      const chip = this.chip(name, String(query), String(query), "");
      const forget = () => this.saveView(name, "");
      const cross = make("button", { class: "forget", "aria-label": `Forget the view ${name}`, onclick: forget }, "×");
      return this.place.query === query ? [chip, cross] : [chip];
    });
    const chips = this.about.flags.map((/** @type {any} */ flag) =>
      this.chip(spoken(flag.name), flag.name, flag.meaning, String(counts[flag.name])),
    );
    part("flags", HTMLElement).replaceChildren(...views, ...chips);
  }

  /** A button that asks for a query, or takes it back.
   * @param {string} words
   * @param {string} query
   * @param {string} meaning
   * @param {string} count
   */
  chip(words, query, meaning, count) {
    const pressed = this.place.query === query;
    const press = () => this.go({ query: pressed ? "" : query });
    const number = count ? [make("b", {}, count)] : [];
    return make("button", { title: meaning, "aria-pressed": String(pressed), onclick: press }, `${words} `, ...number);
  }
}

async function start() {
  document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
  const page = new Page(await ask("about"));
  const studio = part("studio", HTMLAnchorElement);
  studio.hidden = !page.about.studio;
  studio.href = page.about.studio;
  page.listen();
  await page.follow(false);
}

start().catch(fail);
