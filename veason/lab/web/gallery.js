// @ts-check
// The gallery: pages of cases are fetched as they come in sight; cards out of sight are taken away.

import { ask, pictureAddress } from "./ask.js";
import { commandKey } from "./keys.js";
import { CARD, inSight, layOut, moved, place } from "./window.js";
import { figure, make, spoken } from "./words.js";

const PAGE = 60;

/**
 * @typedef {Record<string, any> & { key: string, instruction: string }} Row
 * @typedef {{ flags: string[], open: (key: string) => void, fail: (error: unknown) => void }} Hooks
 * @typedef {ReturnType<typeof layOut>} Plan
 */

/** The cases of one query, shown in an element. */
export class Gallery {
  /**
   * @param {HTMLElement} element
   * @param {Hooks} hooks
   */
  constructor(element, hooks) {
    this.element = element;
    this.hooks = hooks;
    this.inner = make("div", { class: "run-up" });
    /** @type {Map<number, Promise<void>>} */
    this.pages = new Map();
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Record<string, string | number>} */
    this.asked = {};
    this.total = 0;
    this.at = 0;
    element.replaceChildren(this.inner);
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  /** Show what a query finds; the answer's count and flags come back.
   * @param {Record<string, string | number>} params
   */
  async show(params) {
    const answer = await ask("cases", { ...params, offset: 0, limit: PAGE });
    this.asked = params;
    this.pages = new Map([[0, Promise.resolve()]]);
    this.rows = answer.rows;
    this.total = answer.total;
    this.at = 0;
    this.element.scrollTop = 0;
    this.draw();
    return answer;
  }

  /** The key of the case beside the chosen one, once it has come; null at either end.
   * @param {number} by
   */
  async neighbour(by) {
    const next = this.at + by;
    if (next < 0 || next >= this.total) return null;
    this.choose(next);
    await this.pages.get(Math.floor(next / PAGE));
    return this.rows[next]?.key ?? null;
  }

  /** @param {number} number */
  fetchPage(number) {
    const started = this.asked;
    const wanted = ask("cases", { ...started, offset: number * PAGE, limit: PAGE });
    const done = wanted.then((answer) => {
      if (started !== this.asked) return;
      for (const [index, row] of answer.rows.entries()) this.rows[number * PAGE + index] = row;
      this.draw();
    });
    this.pages.set(number, done.catch(this.hooks.fail));
  }

  draw() {
    const plan = this.plan();
    this.inner.style.height = `${plan.height}px`;
    const seen = inSight(plan, this.element.scrollTop, this.element.clientHeight, this.total);
    for (let page = Math.floor(seen.start / PAGE); page * PAGE < seen.end; page += 1) {
      if (!this.pages.has(page)) this.fetchPage(page);
    }
    const cards = [];
    for (let index = seen.start; index < seen.end; index += 1) {
      if (this.rows[index]) cards.push(this.card(this.rows[index], index, plan));
    }
    this.inner.replaceChildren(...cards);
  }

  /**
   * @param {Row} row
   * @param {number} index
   * @param {Plan} plan
   */
  card(row, index, plan) {
    const raised = this.hooks.flags.filter((name) => row[name]);
    const scores = row.other_jf === undefined ? figure(row.jf) : `${figure(row.jf)} → ${figure(row.other_jf)}`;
    const words = make(
      "div",
      { class: "words" },
      make("span", { class: "asked" }, row.instruction),
      make("span", { class: "small score" }, `J&F ${scores} · ${row.video}`),
      make("span", { class: "small raised" }, raised.map(spoken).join(", ")),
    );
    const picture = make("img", {
      src: pictureAddress(String(this.asked.run), row.key, 320),
      alt: "",
      loading: "lazy",
    });
    const selected = String(index === this.at);
    const shown = make(
      "div",
      { class: "card", role: "option", id: `card-${index}`, "aria-selected": selected },
      picture,
      words,
    );
    shown.addEventListener("click", () => {
      this.choose(index);
      this.hooks.open(row.key);
    });
    const { left, top } = place(plan, index);
    Object.assign(shown.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${plan.across}px`,
      height: `${CARD.height}px`,
    });
    return shown;
  }

  /** Select a card and bring it in sight.
   * @param {number} index
   */
  choose(index) {
    this.at = index;
    const { top } = place(this.plan(), index);
    const { element } = this;
    if (top < element.scrollTop) element.scrollTop = top - CARD.gap;
    const below = top + CARD.height + CARD.gap - element.clientHeight;
    if (below > element.scrollTop) element.scrollTop = below;
    element.setAttribute("aria-activedescendant", `card-${index}`);
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const key = commandKey(event);
    const next = moved(key, this.at, this.total, this.plan().columns);
    if (next !== null) this.choose(next);
    else if (key === "Enter" && this.rows[this.at]) this.hooks.open(this.rows[this.at].key);
    else return;
    event.preventDefault();
  }

  plan() {
    return layOut(this.element.clientWidth, this.total);
  }
}
