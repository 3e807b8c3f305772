// The question and the reasoning as it arrives; every frame named in it is a chip that lights up and jumps.

import { colour, node } from "./state.js";

export function makeThink(refs, scope, state, wire, transport) {
  const { about } = scope.props;
  let asking = null;

  function chip(frame, isKeyframe = false) {
    return node("button", {
      type: "button",
      class: `v-chip${isKeyframe ? " v-keychip" : ""}`,
      "aria-label": `Go to frame ${frame}`,
      onclick: () => transport.go(frame),
      onmouseenter: () => state.set({ lit: frame }),
      onmouseleave: () => state.set({ lit: null }),
    }, `${isKeyframe ? "★ " : ""}${frame}`);
  }

  function withChips(text, offset, mentions) {
    const parts = [];
    let at = 0;
    for (const { frame, start, end } of mentions) {
      if (start < offset + at || end > offset + text.length) continue;
      parts.push(text.slice(at, start - offset), chip(frame));
      at = end - offset;
    }
    parts.push(text.slice(at));
    return parts;
  }

  // Marked steps are shown as steps; text without marks is shown whole, never cut by guess.
  function steps(thought) {
    const places = about.marks.map((mark) => ({ mark, at: thought.indexOf(mark) })).filter(({ at }) => at >= 0);
    if (!places.length) return [{ title: null, start: 0, end: thought.length }];
    places.sort((a, b) => a.at - b.at);
    return places.map(({ mark, at }, number) => ({
      title: `${number + 1} · ${mark.replace(/[:.\s]+$/, "")}`,
      start: at + mark.length,
      end: places[number + 1]?.at ?? thought.length,
    }));
  }

  function drawReason({ thought, mentions, busy, keyframe, boxes, answered, info, failure }) {
    const isThinking = busy === "think";
    const made = steps(thought).filter(({ start, end }) => thought.slice(start, end).trim());
    const blocks = made.map(({ title, start, end }, number) => {
      const isNow = isThinking && number === made.length - 1;
      const raw = thought.slice(start, end);
      const lead = raw.length - raw.trimStart().length;
      const parts = withChips(raw.trim(), start + lead, mentions);
      const caret = isNow && !answered ? [node("span", { class: "v-caret", "aria-hidden": "true" })] : [];
      return node("div", { class: `v-step${isNow ? " v-now" : ""}` }, ...(title ? [node("h4", {}, title)] : []), ...parts, ...caret);
    });
    if (isThinking && !blocks.length) blocks.push(node("div", { class: "v-step v-now v-dim" }, "Looking at the frames …"));
    if (failure) blocks.push(node("div", { class: "v-step" }, node("h4", {}, "What the policy wrote"), failure));
    if (answered?.absent) blocks.push(node("div", { class: "v-verdict" }, node("b", {}, "Not in this video"), "The policy says the target is absent."));
    else if (keyframe !== null && info) {
      const own = boxes.filter((box) => box.frame === keyframe);
      blocks.push(node(
        "div", { class: "v-verdict", "data-verdict": "found" }, chip(keyframe, true),
        ...own.map((box) => node("span", { class: "v-small", style: `border-bottom:2px solid ${colour(info.palette, box.object)}` }, box.xyxy.map(Math.round).join(" "))),
      ));
    }
    for (const note of answered?.notes ?? []) blocks.push(node("div", { class: "v-dim v-small" }, note));
    refs.reason.replaceChildren(...blocks);
  }

  function submit(event) {
    event?.preventDefault();
    const instruction = refs.instruction.value.trim();
    if (!instruction) {
      refs.instruction.focus();
      return;
    }
    if (state.get().busy) wire.stop();
    state.set({ busy: "think", thought: "", mentions: [], failure: "", answered: null, findings: [], status: "waiting for the policy …" });
    wire.send("think", { instruction });
  }

  async function nameUnknown() {
    const instruction = refs.instruction.value.trim();
    asking = instruction;
    const words = instruction ? await scope.server.unknown({ instruction }) : [];
    if (asking !== instruction) return;
    refs.unknown.hidden = words.length === 0;
    refs.unknown.textContent = `This policy has never seen: ${words.join(", ")}. It may guess.`;
  }

  let pause = null;
  refs.instruction.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(nameUnknown, 250); });
  refs.instruction.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) submit(event); });
  refs.ask.addEventListener("submit", submit);

  state.on(["thought", "mentions", "busy", "keyframe", "boxes", "answered", "info", "failure"], drawReason);
  state.on(["speed"], ({ speed }) => { refs.speed.textContent = speed; });
  state.on(["info"], ({ info }) => {
    const example = about.examples.find(({ file }) => info && file === info.title);
    refs.suggest.replaceChildren(...(example?.instructions ?? []).map((text) => node("button", {
      type: "button", onclick: () => { refs.instruction.value = text; nameUnknown(); submit(); },
    }, text)));
  });
  state.on(["findings", "answered"], ({ findings, answered }) => {
    const found = findings.map(({ text }) => node("li", {}, text));
    const fine = answered && !found.length ? [node("li", { class: "v-ok" }, "✓ the answer agrees with its reasoning and its masks")] : [];
    refs.findings.replaceChildren(...found, ...fine);
  });
  return { submit, nameUnknown };
}
