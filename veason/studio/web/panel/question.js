// The question: asking it, asking again with a correction, and words the policy has never seen.

import { node } from "../core/dom.js";

export function makeQuestion(refs, scope, state, messages) {
  const { about } = scope.props;
  let asking = null;

  function ask(again) {
    const instruction = refs.instruction.value.trim();
    if (!instruction) {
      refs.instruction.focus();
      return;
    }
    if (state.get().busy) messages.stop();
    state.set({
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
    messages.send("think", { instruction, again, samples: again ? 1 : Number(refs.samples.value) });
  }

  function submit(event) {
    event?.preventDefault();
    ask(false);
  }

  async function nameUnknown() {
    const instruction = refs.instruction.value.trim();
    asking = instruction;
    const { words = [] } = instruction ? await scope.server.unknown({ instruction }) : {};
    if (asking !== instruction) return;
    refs.unknown.hidden = words.length === 0;
    refs.unknown.textContent = `This policy has never seen: ${words.join(", ")}. It may guess.`;
  }

  let pause = null;
  refs.instruction.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(nameUnknown, 250);
  });
  refs.instruction.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) submit(event);
  });
  refs.ask.addEventListener("submit", submit);

  state.on(["speed"], ({ speed }) => {
    refs.speed.textContent = speed;
  });
  state.on(["info"], ({ info }) => {
    const example = about.examples.find(({ file }) => info && file === info.title);
    refs.suggest.replaceChildren(
      ...(example?.instructions ?? []).map((text) =>
        node(
          "button",
          {
            type: "button",
            onclick: () => {
              refs.instruction.value = text;
              nameUnknown();
              submit();
            },
          },
          text,
        ),
      ),
    );
  });
  return { nameUnknown, again: () => ask(true) };
}
