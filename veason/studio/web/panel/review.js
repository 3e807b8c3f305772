// @ts-check
// Beside the stage: where the question stands, the decision, and comments on frames.

/** @import { RemarkPart, SessionItem, VerdictPart } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { State, Store } from "../core/types.js" */
/** @import { Queue } from "../queue/queue.js" */
/** @import { Remarks } from "../queue/remarks.js" */
/** @import { Player } from "../timeline/player.js" */

import { button, node } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";
import { idOf } from "../queue/ids.js";
import { standingOf } from "../queue/list.js";
import { chip, verdictTexts } from "../queue/row.js";

/** @typedef {SessionItem["review"]} Standing */

/** @param {Standing} review */
const isAccepted = (review) => review === "accepted" || review === "absent";
/** @param {Standing} review */
const isSettled = (review) => isAccepted(review) || review === "rejected";

/**
 * What accepting would say: the labels are right, or the target is not in the video; "nothing" where neither a person
 * nor an answer has said anything yet.
 * @param {number} numObjects
 * @param {boolean | null} isAnsweredAbsent null without an answer
 */
export const proposedVerdict = (numObjects, isAnsweredAbsent) =>
  numObjects ? "labels" : isAnsweredAbsent ? "absent" : "nothing";

/** @param {ReturnType<typeof proposedVerdict>} verdict @param {boolean} isAgain */
const acceptText = (verdict, isAgain) => {
  if (verdict === "absent") return "Accept: absent, next";
  return isAgain ? "Accepted again, next" : "Accept, next";
};

const JUDGEMENTS = /** @type {const} */ (["agree", "disagree"]);

export class Review {
  #refs;
  #state;
  #queue;
  #comments;
  #player;
  #isShut;
  /** @type {RemarkPart[]} */
  #remarks = [];
  /** @type {VerdictPart[]} */
  #verdicts = [];
  /** The question that was asked about last. @type {string | null} */
  #asked = null;
  /** @type {Standing | null} */
  #stood = null;

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {Queue} queue
   * @param {Remarks} comments
   * @param {Player} player
   * @param {boolean} isShut the project is read-only: there is nothing to decide
   */
  constructor(refs, state, queue, comments, player, isShut) {
    this.#refs = refs;
    this.#state = state;
    this.#queue = queue;
    this.#comments = comments;
    this.#player = player;
    this.#isShut = isShut;
    this.#bindButtons();
    this.#bindState();
  }

  /** Accept and open the next; only open the next where that is done already. */
  accept = () => {
    const now = this.#state.get();
    if (this.#isShut || isAccepted(now.review)) return this.#queue.turn(1);
    return this.#queue.decideAndNext("accept");
  };

  /** Go to the field for comments. */
  remark = () => {
    this.#refs.remarkBox.open = true;
    this.#refs.remark.focus();
  };

  #bindButtons() {
    const refs = this.#refs;
    refs.remarkForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#comment();
    });
    refs.remark.addEventListener("keydown", (event) => {
      if (event.key === "Escape") refs.stage.focus();
    });
    refs.accept.addEventListener("click", this.accept);
    refs.allAbsent.addEventListener("click", () => this.#queue.decideAndNext("absent"));
    refs.reject.addEventListener("click", () => this.#queue.decideAndNext("reject"));
    for (const kind of JUDGEMENTS) refs[kind].addEventListener("click", () => this.#judge(kind));
    refs.prevClip.addEventListener("click", () => this.#queue.turn(-1));
    refs.nextClip.addEventListener("click", () => this.#queue.turn(1));
  }

  #bindState() {
    const state = this.#state;
    state.on(["review", "assignee", "work", "objects", "answered", "failureReason"], (now) => this.#draw(now));
    state.on(["review"], ({ work, review }) => {
      if (work === this.#asked && review !== this.#stood) this.#load(); // an edit ends what was said of the labels
      this.#stood = review;
    });
    state.on(["frame"], ({ frame }) => {
      this.#refs.remark.placeholder = `Comment on frame ${frame}`;
    });
    state.on(["work"], ({ work }) => {
      if (work === this.#asked) return;
      this.#asked = work;
      this.#take([], []);
      this.#load();
    });
  }

  /** @param {State} now */
  #draw({ review, assignee, work, objects, answered, failureReason }) {
    if (!work) return;
    const { standing, allAbsent, accept, reject, remarkForm, judge } = this.#refs;
    const isDisputed = isAccepted(review) && this.#verdicts.some(({ verdict }) => verdict === "disagree");
    const person = assignee ? [node("span", { class: "v-dim v-small" }, `for ${assignee}`)] : [];
    standing.replaceChildren(...person, chip(standingOf(review, isDisputed, failureReason)));
    const isNext = isAccepted(review) || this.#isShut;
    const verdict = proposedVerdict(objects.length, answered?.absent ?? null);
    accept.textContent = isNext ? "Next" : acceptText(verdict, isSettled(review));
    accept.disabled = !isNext && verdict === "nothing";
    allAbsent.hidden = isNext || verdict !== "nothing";
    reject.hidden = this.#isShut;
    remarkForm.hidden = this.#isShut;
    judge.hidden = !isAccepted(review) || this.#isShut;
  }

  /** What reviewers say of accepted labels. */
  #drawVerdicts() {
    this.#draw(this.#state.get());
    this.#refs.verdicts.textContent = verdictTexts(this.#verdicts).join(", ") || "Is it right?";
    const own = this.#verdicts.find(({ by }) => by === recallPref("annotator", ""))?.verdict;
    for (const kind of JUDGEMENTS) this.#refs[kind].setAttribute("aria-pressed", String(own === kind));
  }

  #drawRemarks() {
    const open = this.#remarks.filter(({ isDone }) => !isDone).length;
    this.#refs.remarkCount.textContent = open ? String(open) : "";
    this.#refs.remarks.replaceChildren(...this.#remarks.map((one) => this.#remarkLine(one)));
  }

  /** @param {RemarkPart} remark */
  #remarkLine(remark) {
    const { frame, text, by, isDone } = remark;
    const onclick = () => this.#player.go(frame ?? 0);
    const chipLook = { class: "v-chip", "aria-label": `Go to frame ${frame}`, onclick };
    const where =
      frame === null ? node("span", { class: "v-dim v-small" }, "all of it") : button(chipLook, String(frame));
    const who = by ? node("small", { class: "v-dim" }, ` ${by}`) : "";
    const close = { class: "v-link", onclick: () => this.#resolve(remark) };
    const change = button(close, isDone ? "open again" : "done");
    return node("li", { "data-done": String(isDone) }, where, node("span", {}, text, who), change);
  }

  /** @param {RemarkPart[]} remarks @param {VerdictPart[]} verdicts */
  #take(remarks, verdicts) {
    this.#remarks = remarks;
    this.#verdicts = verdicts;
    this.#drawRemarks();
    this.#drawVerdicts();
  }

  async #load() {
    const { work } = this.#state.get();
    if (!work) return;
    const told = await this.#comments.of(idOf(work));
    if (this.#state.get().work === work && told) this.#take(told.remarks, told.verdicts);
  }

  /** A disagreement is best said with a comment, so its field is next. @param {"agree" | "disagree"} kind */
  async #judge(kind) {
    const { work } = this.#state.get();
    if (!work || !(await this.#queue.judge(kind, idOf(work)))) return;
    if (kind === "disagree") this.remark();
    this.#load();
  }

  async #comment() {
    const text = this.#refs.remark.value.trim();
    const { work, frame } = this.#state.get();
    if (!text || !work) return;
    if (!(await this.#comments.comment(idOf(work), frame, text))) return;
    this.#refs.remark.value = "";
    this.#refs.remarkBox.open = true;
    this.#load();
  }

  /** @param {RemarkPart} remark */
  async #resolve(remark) {
    const { work } = this.#state.get();
    if (!work) return;
    await this.#comments.resolve(idOf(work), remark.id, !remark.isDone);
    this.#load();
  }
}
