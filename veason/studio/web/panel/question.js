// @ts-check
// The question: asking it, asking again with a correction, and words the policy has never seen.

/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, Store } from "../core/types.js" */
/** @import { ThinkRequest } from "../contract.js" */

import { button } from "../core/dom.js";

const AFTER_TYPING_MS = 250;

export class Question {
  #refs;
  #scope;
  #state;
  #messages;
  /** @type {string | null} */
  #asking = null;

  /**
   * @param {Refs} refs
   * @param {Scope} scope
   * @param {Store} state
   * @param {Messages} messages
   */
  constructor(refs, scope, state, messages) {
    this.#refs = refs;
    this.#scope = scope;
    this.#state = state;
    this.#messages = messages;
    this.#bindField();
    state.on(["speed"], ({ speed }) => {
      refs.speed.textContent = speed;
    });
    state.on(["info"], ({ info }) => this.#suggest(info?.title ?? null));
  }

  /** Ask again, with what was corrected. */
  again = () => this.#ask(true);

  /** Name the words that the policy has never seen. */
  async nameUnknown() {
    const instruction = this.#refs.instruction.value.trim();
    this.#asking = instruction;
    const words = instruction ? await this.#unknown(instruction) : [];
    if (this.#asking !== instruction) return;
    this.#refs.unknown.hidden = words.length === 0;
    this.#refs.unknown.textContent = `This policy has never seen: ${words.join(", ")}. It may guess.`;
  }

  /** @param {string} instruction */
  async #unknown(instruction) {
    const told = await this.#scope.server.unknown({ instruction });
    return told.error === undefined ? told.words : [];
  }

  #bindField() {
    const { instruction, ask } = this.#refs;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let pause;
    instruction.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => this.nameUnknown(), AFTER_TYPING_MS);
    });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#ask(false);
    };
    instruction.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) submit(event);
    });
    ask.addEventListener("submit", submit);
  }

  /** @param {boolean} again */
  #ask(again) {
    const instruction = this.#refs.instruction.value.trim();
    if (!instruction) {
      this.#refs.instruction.focus();
      return;
    }
    if (this.#state.get().busy) this.#messages.stop();
    this.#state.set({
      busy: "think",
      thought: "",
      mentions: [],
      failure: "",
      answered: null,
      findings: [],
      proposals: [],
      rewriting: false,
      rewritten: null,
      status: "waiting for the policy …",
    });
    const chosen = /** @type {NonNullable<ThinkRequest["samples"]>} */ (Number(this.#refs.samples.value));
    this.#messages.send("think", { instruction, again, samples: again ? 1 : chosen });
  }

  /** Instructions that the example clip comes with. @param {string | null} title */
  #suggest(title) {
    const example = this.#scope.props.about.examples.find(({ file }) => file === title);
    const buttons = (example?.instructions ?? []).map((text) => {
      const onclick = () => {
        this.#refs.instruction.value = text;
        this.nameUnknown();
        this.#ask(false);
      };
      return button({ onclick }, text);
    });
    this.#refs.suggest.replaceChildren(...buttons);
  }
}
