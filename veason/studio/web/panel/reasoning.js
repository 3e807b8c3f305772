// @ts-check
// The reasoning as it arrives: steps, and every frame and box named in it as a chip that lights up and jumps.

/** @import { About, BoxPart } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Lit, State, Store } from "../core/types.js" */
/** @import { Actions } from "../edits/actions.js" */
/** @import { Player } from "../timeline/player.js" */
/** @import { BoxNamed, Step } from "./chips.js" */

import { button, node } from "../core/dom.js";
import { colour, nameOf } from "../core/objects.js";
import { boxesIn, framesIn, shownBox, stepsOf } from "./chips.js";
import { readable, readRecords, recordTable } from "./records.js";

const STALE = "The labels changed after this was written.";
const SURE =
  "The probability that the model itself gave to the numbers it wrote; of a box, to each of its four numbers on average. " +
  "A model can be sure and wrong.";
/** @type {Record<NonNullable<State["reasoning"]>, string>} */
const TOLD = {
  fresh: "",
  stale: "",
  edited: "edited by you",
  confirmed: "confirmed by you",
  regenerated: "thought again after your correction",
};

/**
 * What is said of an answer in which nothing is odd; null where something is, or there is no answer.
 * @param {Pick<State, "findings" | "hasCheckedMasks" | "unknownWords" | "answered">} now
 */
export function agreementText({ findings, hasCheckedMasks, unknownWords, answered }) {
  if (!answered || findings.length || answered.guess) return null;
  if (unknownWords.length) return "The question has words that the policy has never seen: look at its answer.";
  return `✓ the answer agrees with its reasoning${hasCheckedMasks ? " and its masks" : ""}`;
}

export class Reasoning {
  #refs;
  #about;
  #state;
  #player;
  #actions;

  /**
   * @param {Refs} refs
   * @param {About} about
   * @param {Store} state
   * @param {Player} player
   * @param {Actions} actions
   */
  constructor(refs, about, state, player, actions) {
    this.#refs = refs;
    this.#about = about;
    this.#state = state;
    this.#player = player;
    this.#actions = actions;
    state.on(DRAWN, (now) => this.#draw(now));
    state.on(["findings", "hasCheckedMasks", "unknownWords", "answered"], (now) => this.#drawFindings(now));
  }

  /** @param {State} now */
  #drawFindings(now) {
    const found = now.findings.map(({ text }) => node("li", {}, text));
    const told = agreementText(now);
    const fine = node("li", { class: now.unknownWords.length ? "v-dim" : "v-ok" }, told ?? "");
    this.#refs.findings.replaceChildren(...found, ...(told === null ? [] : [fine]));
  }

  /** @param {State} now */
  #draw(now) {
    const { reason } = this.#refs;
    if (now.rewriting) {
      if (reason.querySelector(".v-editor")) return;
      reason.replaceChildren(this.#editor(now));
      reason.querySelector("textarea")?.focus();
      return;
    }
    const isThinking = now.busy === "think" && !now.answered; // while it waits, what was thought before is there
    const blocks = this.#blocks(now, isThinking);
    if (isThinking && !blocks.length) {
      blocks.push(node("div", { class: "v-step v-now v-dim" }, "Looking at the frames …"));
    }
    if (now.failureReason) {
      const why = node("p", { class: "v-noanswer" }, node("b", {}, "No usable answer: "), now.failureReason);
      blocks.push(node("div", { class: "v-step" }, why));
    }
    if (now.failure) {
      blocks.push(node("div", { class: "v-step" }, node("h4", {}, "What the policy wrote"), now.failure));
    }
    if (now.answered?.recorded) {
      const told = "The embedded models gave it earlier; nothing was computed for it now. Think asks anew.";
      blocks.unshift(node("p", { class: "v-recorded" }, node("b", {}, "A recorded answer. "), told));
    }
    if (now.answered?.guess) {
      blocks.unshift(
        node("p", { class: "v-guess" }, node("b", {}, "A guess. "), "The policy was not trained for this."),
      );
    }
    const sure = now.answered?.sureness
      ? [node("div", { class: "v-dim v-small", title: SURE }, `How sure: ${now.answered.sureness}`)]
      : [];
    const notes = (now.answered?.notes ?? []).map((note) => node("div", { class: "v-dim v-small" }, note));
    const line = this.#standing(now);
    const outcome = now.reasoning === "stale" ? [...line, ...this.#verdict(now, [])] : this.#verdict(now, line);
    reason.replaceChildren(...blocks, ...outcome, ...sure, ...notes);
  }

  /** @param {State} now @param {boolean} isThinking */
  #blocks(now, isThinking) {
    const thought = now.rewritten ?? now.thought;
    const steps = stepsOf(thought, this.#about.models.marks).filter(({ start, end }) =>
      thought.slice(start, end).trim(),
    );
    return steps.map((step, number) => this.#block(now, thought, step, isThinking && number === steps.length - 1));
  }

  /** @param {State} now @param {string} thought @param {Step} step @param {boolean} isNow it is being written */
  #block(now, thought, { title, start, end }, isNow) {
    const { space } = this.#about.models;
    const records = space ? readRecords(thought.slice(start, end)) : null;
    const raw = thought.slice(start + (records?.end ?? 0), end);
    const parts = this.#withChips(raw.trim(), end - raw.trimStart().length, now);
    const said = records ? parts.map((part) => (typeof part === "string" ? readable(part) : part)) : parts;
    const seen = records && space ? recordTable(records, space, now.busy === "think") : [];
    const caret = isNow && !now.answered ? [node("span", { class: "v-caret", "aria-hidden": "true" })] : [];
    const body = title
      ? [node("h4", {}, title), ...seen, node("div", { class: "v-said" }, ...said, ...caret)]
      : [...seen, ...said, ...caret];
    return node("div", { class: isNow ? "v-step v-now" : "v-step" }, ...body);
  }

  /**
   * The text, with a chip for every frame and box that it names; of two that overlap the first counts.
   * @param {string} text
   * @param {number} offset where it begins in the whole reasoning
   * @param {State} now
   */
  #withChips(text, offset, now) {
    const frames = framesIn(text, offset, now).map((named) => ({ ...named, chip: () => this.#frameChip(named.frame) }));
    const boxes = boxesIn(text, offset, now, this.#about.models.space).map((named) => ({
      ...named,
      chip: () => this.#boxChip(named),
    }));
    /** @type {(string | HTMLElement)[]} */
    const parts = [];
    let at = offset;
    for (const { start, end, chip } of [...frames, ...boxes].sort((a, b) => a.start - b.start)) {
      if (start < at) continue;
      parts.push(text.slice(at - offset, start - offset), chip());
      at = end;
    }
    parts.push(text.slice(at - offset));
    return parts;
  }

  /** Attributes that light something up while the pointer or the focus is there. @param {Lit} lit */
  #light(lit) {
    const on = () => this.#state.set({ lit });
    const off = () => this.#state.set({ lit: null });
    return { onmouseenter: on, onmouseleave: off, onfocus: on, onblur: off };
  }

  /** @param {number} frame */
  #frameChip(frame, isKeyframe = false) {
    const attributes = {
      class: isKeyframe ? "v-chip v-keychip" : "v-chip",
      "aria-label": `Go to frame ${frame}`,
      onclick: () => this.#player.go(frame),
    };
    return button({ ...attributes, ...this.#light({ frame }) }, `${isKeyframe ? "★ " : ""}${frame}`);
  }

  /** @param {Pick<BoxNamed, "text" | "object" | "frame" | "xyxy"> & { written?: string }} named */
  #boxChip({ text, written = text, object, frame, xyxy }) {
    const { palette } = this.#state.clip();
    const whose = object === null ? "" : `, ${nameOf(this.#state.get(), object)}`;
    const attributes = {
      class: "v-chip v-boxchip",
      style: `border-color:${object === null ? "#ffffff" : colour(palette, object)}`,
      "aria-label": `Box ${text}${whose}, frame ${frame}`,
      ...(written === text ? {} : { title: `written as ${written}, in the policy's own picture` }),
      onclick: () => {
        this.#player.go(frame);
        if (object !== null) this.#state.set({ selected: object });
      },
    };
    return button({ ...attributes, ...this.#light({ object, frame, xyxy }) }, text);
  }

  /** @param {BoxPart} box */
  #verdictChip({ object, frame, xyxy }) {
    return this.#boxChip({ text: shownBox(xyxy), object, frame, xyxy });
  }

  /**
   * The keyframe and its boxes, or that there is none; `line` is what can be done with the reasoning.
   * @param {State} now
   * @param {HTMLElement[]} line
   */
  #verdict({ answered, keyframe, info, boxes }, line) {
    if (answered?.absent && !boxes.length) {
      const told = [node("b", {}, "Not in this video"), "The policy says the target is absent."];
      return [node("div", { class: "v-verdict" }, ...told, ...line)];
    }
    if (keyframe === null || !info) return line.length ? [node("div", { class: "v-row" }, ...line)] : [];
    const own = boxes.filter((box) => box.frame === keyframe).map((box) => this.#verdictChip(box));
    const chips = [this.#frameChip(keyframe, true), ...own];
    return [node("div", { class: "v-verdict", "data-verdict": "found" }, ...chips, ...line)];
  }

  /** @param {State} now */
  #editor({ rewritten, thought }) {
    const look = { class: "v-rewrite", rows: 8, maxlength: 20000, "aria-label": "Edit the reasoning" };
    const field = node("textarea", look);
    field.value = rewritten ?? thought;
    const save = button({ class: "v-btn", onclick: () => this.#actions.reason(field.value) }, "Save reasoning");
    const give = () => this.#state.set({ rewriting: false });
    const cancel = button({ class: "v-btn v-ghost", onclick: give }, "Cancel");
    return node("div", { class: "v-editor" }, field, node("div", { class: "v-row" }, save, cancel));
  }

  /** Whether the reasoning fits the labels, and what can be done where it does not. @param {State} now */
  #standing({ reasoning, busy, thought, answered }) {
    if (busy || !(thought || answered)) return [];
    const link = (/** @type {string} */ text, /** @type {() => void} */ onclick) =>
      button({ class: "v-link", onclick }, text);
    const edit = link("Edit", () => this.#state.set({ rewriting: true }));
    if (reasoning === "stale") {
      const again = link("Think again with my correction", this.#actions.thinkAgain);
      const confirm = link("Still true", () => this.#actions.reason(null));
      const choices = node("span", { class: "v-row" }, again, edit, confirm);
      return [node("div", { class: "v-stale", role: "status" }, node("span", {}, STALE), choices)];
    }
    const told = reasoning === null ? "" : TOLD[reasoning];
    return [node("span", { class: "v-dim v-small v-grow v-told" }, told), edit];
  }
}

/** @type {(keyof State)[]} */
const DRAWN = [
  "thought",
  "mentions",
  "busy",
  "keyframe",
  "boxes",
  "answered",
  "info",
  "failure",
  "failureReason",
  "reasoning",
  "rewritten",
  "rewriting",
  "names",
];
