// @ts-check
// The question: asking it, asking again with a correction, and what the policy was never trained for.

/** @import { Messages } from "../core/messages.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, Store } from "../core/types.js" */
/** @import { ThinkRequest } from "../contract.js" */

import { button, node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";
import { duration } from "../core/words.js";

const AFTER_TYPING_MS = 250;
const WORDS_KEPT = 200;

/**
 * What becomes of words in the field: they are saved with a question that was never asked; to one that has its words
 * already they would be another question, and are kept in the browser until they are asked.
 * @param {string} words
 * @param {string} known the words that the server has
 * @param {boolean} takesWords
 */
export function typedWords(words, known, takesWords) {
  if (words.trim() === known.trim()) return null;
  return takesWords ? "unsent" : "unasked";
}

/** Words that were typed and not asked, by question, the last ones last. @returns {[string, string][]} */
const keptWords = () => recallPref("words", []);

/** @param {string} work @param {string | null} words null where nothing is to be kept */
function keepWords(work, words) {
  const others = keptWords().filter(([one]) => one !== work);
  keepPref("words", [...others, ...(words === null ? [] : [[work, words]])].slice(-WORDS_KEPT));
}

export class Question {
  #refs;
  #scope;
  #state;
  #messages;
  /** @type {string | null} */
  #asking = null;
  /** The words that the server has. */
  #known = "";
  /** The words that were sent last, until the server has told of any. @type {string | null} */
  #sent = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #sending;

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
    this.#bindWithheld();
    state.on(["speed"], () => this.#tellSpeed());
    refs.samples.addEventListener("change", () => this.#tellSpeed());
    state.on(["info"], ({ info }) => this.#suggest(info?.title ?? null));
  }

  /** How fast the answer came; before it, on a ZeroGPU Space, what asking costs. */
  #tellSpeed() {
    const { zeroGpu } = this.#scope.props.about;
    const { speed, samples } = this.#refs;
    const gpu = zeroGpu?.thinking[Number(samples.value)];
    const cost = gpu === undefined ? "" : `up to ${duration(gpu)} of GPU quota`;
    speed.textContent = this.#state.get().speed || cost;
  }

  /** Ask again, with what was corrected. */
  again = () => this.#ask(true);

  /**
   * Show the words of a question; what is being typed stays.
   * @param {string} words
   * @param {boolean} isOther another question was opened
   */
  show = (words, isOther) => {
    const { work, typed } = this.#state.get();
    const { instruction } = this.#refs;
    this.#known = words;
    const kept = isOther ? keptWords().find(([one]) => one === work)?.[1] : undefined;
    if (kept !== undefined) instruction.value = kept;
    const isOwn = instruction.value.trim() === this.#sent; // it is on its way, or was refused
    if (kept !== undefined || (!isOther && (typed || isOwn))) this.#look();
    else if (instruction.value.trim() !== words.trim()) instruction.value = words;
    this.#sent = null;
  };

  /** Say of the words in the field whether they are saved, and see to it that they will be. */
  #look() {
    clearTimeout(this.#sending);
    const { work, takesWords } = this.#state.get();
    if (!work) return;
    const words = this.#refs.instruction.value;
    const typed = typedWords(words, this.#known, takesWords);
    keepWords(work, typed ? words : null);
    this.#state.set({ typed });
    if (typed === "unsent") this.#sending = setTimeout(this.#send, AFTER_TYPING_MS);
  }

  #send = () => {
    clearTimeout(this.#sending);
    if (this.#state.get().typed !== "unsent") return;
    const text = this.#refs.instruction.value.trim();
    this.#known = text;
    this.#sent = text;
    this.#state.set({ typed: null });
    this.#messages.sendEdit({ edit: "words", text });
  };

  /** Name the words that the policy has never seen. */
  async nameUnknown() {
    const instruction = this.#refs.instruction.value.trim();
    this.#asking = instruction;
    const words = instruction ? await this.#unknown(instruction) : [];
    if (this.#asking !== instruction) return;
    this.#state.set({ unknownWords: words });
    this.#refs.unknown.hidden = words.length === 0;
    this.#refs.unknown.textContent = `This policy has never seen: ${words.join(", ")}. It could only guess.`;
  }

  /** @param {string} instruction */
  async #unknown(instruction) {
    const told = await this.#scope.server.unknown({ instruction });
    return told.error === undefined ? told.words : [];
  }

  /** What to do where the policy would only guess. */
  #bindWithheld() {
    const { withheldBox, withheldGuess, withheld, withheldTitle, withheldReasons } = this.#refs;
    const { about } = this.#scope.props;
    withheldBox.addEventListener("click", () => this.#state.set({ withheld: [], drawing: true, tool: null }));
    withheldGuess.addEventListener("click", () => this.#ask(false, true));
    this.#state.on(["withheld"], ({ withheld: reasons }) => {
      withheld.hidden = !reasons.length;
      withheldTitle.textContent = `“${about.models.policy}” was not trained for this, so it was not asked`;
      withheldReasons.replaceChildren(...reasons.map((reason) => node("li", {}, reason)));
      if (reasons.length) withheldBox.focus();
    });
  }

  #bindField() {
    const { instruction, ask } = this.#refs;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let pause;
    instruction.addEventListener("input", () => {
      this.#look();
      if (this.#state.get().withheld.length) this.#state.set({ withheld: [] });
      clearTimeout(pause);
      pause = setTimeout(() => this.nameUnknown(), AFTER_TYPING_MS);
    });
    instruction.addEventListener("blur", this.#send);
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#ask(false);
    };
    instruction.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // Enter ends a composed word first
      if (event.repeat) event.preventDefault();
      else submit(event);
    });
    ask.addEventListener("submit", submit);
  }

  /** @param {boolean} again @param {boolean} [guess] also where the policy was not trained for it */
  #ask(again, guess = false) {
    const instruction = this.#refs.instruction.value.trim();
    if (!instruction) {
      this.#refs.instruction.focus();
      return;
    }
    const { work } = this.#state.get();
    clearTimeout(this.#sending);
    if (work) keepWords(work, null);
    this.#known = instruction;
    this.#state.set({
      typed: null,
      busy: "think",
      withheld: [],
      rewriting: false,
      status: "waiting for the policy …",
    });
    const chosen = /** @type {NonNullable<ThinkRequest["samples"]>} */ (Number(this.#refs.samples.value));
    const after = this.#messages.awaited;
    this.#messages.send("think", { instruction, again, samples: again ? 1 : chosen, guess, after });
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
