// The reasoning as it arrives: steps, and every frame and box named in it as a chip that lights up and jumps.

import { node } from "../core/dom.js";
import { colour, nameOf } from "../core/objects.js";
import { readRecords, readable, recordTable } from "./records.js";

const STALE = "The labels changed after this was written.";
const TOLD = {
  edited: "edited by you",
  confirmed: "confirmed by you",
  regenerated: "thought again after your correction",
};

export function makeReasoning(refs, about, state, player, actions) {
  const light = (lit) => ({
    onmouseenter: () => state.set({ lit }),
    onmouseleave: () => state.set({ lit: null }),
    onfocus: () => state.set({ lit }),
    onblur: () => state.set({ lit: null }),
  });

  function frameChip(frame, isKeyframe = false) {
    return node(
      "button",
      {
        type: "button",
        class: `v-chip${isKeyframe ? " v-keychip" : ""}`,
        "aria-label": `Go to frame ${frame}`,
        onclick: () => player.go(frame),
        ...light({ frame }),
      },
      `${isKeyframe ? "★ " : ""}${frame}`,
    );
  }

  function boxChip(text, { object, frame, xyxy }) {
    const { info, names } = state.get();
    const ink = object === null ? "#ffffff" : colour(info.palette, object);
    return node(
      "button",
      {
        type: "button",
        class: "v-chip v-boxchip",
        style: `border-color:${ink}`,
        "aria-label": `Box ${text}${object === null ? "" : `, ${nameOf({ names }, object)}`}, frame ${frame}`,
        onclick: () => {
          player.go(frame);
          if (object !== null) state.set({ selected: object });
        },
        ...light({ object, frame, xyxy }),
      },
      text,
    );
  }

  // Four bracketed numbers are a box, in the policy's space or, where a person wrote them, in pixels.
  function boxesIn(text, offset) {
    const { info, keyframe, boxes, rewritten } = state.get();
    if (!info || keyframe === null) return [];
    const by = rewritten === null && about.space ? [info.width / about.space[0], info.height / about.space[1]] : [1, 1];
    return [...text.matchAll(/[[(]\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*[\])]/g)].map(
      (found) => {
        const xyxy = found.slice(1, 5).map((value, side) => Number(value) * by[side % 2]);
        const own = boxes.find(
          (box) => box.frame === keyframe && box.xyxy.every((value, side) => Math.abs(value - xyxy[side]) < 3),
        );
        return {
          start: offset + found.index,
          end: offset + found.index + found[0].length,
          made: () => boxChip(found[0], { object: own?.object ?? null, frame: keyframe, xyxy }),
        };
      },
    );
  }

  function framesIn(text, offset, mentions, rewritten) {
    if (rewritten === null)
      return mentions
        .filter(({ start, end }) => start >= offset && end <= offset + text.length)
        .map(({ frame, start, end }) => ({ start, end, made: () => frameChip(frame) }));
    return [...text.matchAll(/\bframe\s+(\d{1,6})\b/gi)]
      .filter((found) => Number(found[1]) < state.get().info.frames)
      .map((found) => {
        const end = offset + found.index + found[0].length;
        return { start: end - found[1].length, end, made: () => frameChip(Number(found[1])) };
      });
  }

  function withChips(text, offset, { mentions, rewritten }) {
    const parts = [];
    let at = offset;
    const chips = [...framesIn(text, offset, mentions, rewritten), ...boxesIn(text, offset)].sort(
      (a, b) => a.start - b.start,
    );
    for (const { start, end, made } of chips) {
      if (start < at) continue;
      parts.push(text.slice(at - offset, start - offset), made());
      at = end;
    }
    parts.push(text.slice(at - offset));
    return parts;
  }

  // Marked steps are shown as steps; text without marks is shown whole, never cut by guess.
  function steps(thought) {
    const places = about.marks.map((mark) => ({ mark, at: thought.indexOf(mark) })).filter(({ at }) => at >= 0);
    if (!places.length) return [{ title: null, start: 0, end: thought.length }];
    places.sort((a, b) => a.at - b.at);
    const marked = places.map(({ mark, at }, number) => ({
      title: `${number + 1} · ${mark.replace(/[:.\s]+$/, "")}`,
      start: at + mark.length,
      end: places[number + 1]?.at ?? thought.length,
    }));
    return [{ title: null, start: 0, end: places[0].at }, ...marked]; // what stands before the first mark is not lost
  }

  function thoughtBlocks(now, isThinking) {
    const thought = now.rewritten ?? now.thought;
    const made = steps(thought).filter(({ start, end }) => thought.slice(start, end).trim());
    return made.map(({ title, start, end }, number) => {
      const isNow = isThinking && number === made.length - 1;
      const told = about.space ? readRecords(thought.slice(start, end)) : null;
      const raw = thought.slice(start + (told?.end ?? 0), end);
      const parts = withChips(raw.trim(), end - raw.trimStart().length, now).map((part) =>
        told && typeof part === "string" ? readable(part) : part,
      );
      const seen = told ? recordTable(told, about.space, isThinking) : [];
      const caret = isNow && !now.answered ? [node("span", { class: "v-caret", "aria-hidden": "true" })] : [];
      return node(
        "div",
        { class: `v-step${isNow ? " v-now" : ""}` },
        ...(title
          ? [node("h4", {}, title), ...seen, node("div", { class: "v-said" }, ...parts, ...caret)]
          : [...seen, ...parts, ...caret]),
      );
    });
  }

  // The keyframe and its boxes, or that there is none; `line` is what can be done with the reasoning.
  function verdict({ answered, keyframe, info, boxes }, line) {
    if (answered?.absent && !boxes.length)
      return [
        node(
          "div",
          { class: "v-verdict" },
          node("b", {}, "Not in this video"),
          "The policy says the target is absent.",
          ...line,
        ),
      ];
    if (keyframe === null || !info) return line.length ? [node("div", { class: "v-row" }, ...line)] : [];
    const own = boxes.filter((box) => box.frame === keyframe);
    return [
      node(
        "div",
        { class: "v-verdict", "data-verdict": "found" },
        frameChip(keyframe, true),
        ...own.map((box) => boxChip(box.xyxy.map(Math.round).join(" "), box)),
        ...line,
      ),
    ];
  }

  function editor({ rewritten, thought }) {
    const field = node("textarea", {
      class: "v-rewrite",
      rows: 8,
      maxlength: 20000,
      "aria-label": "Edit the reasoning",
    });
    field.value = rewritten ?? thought;
    return node(
      "div",
      { class: "v-editor" },
      field,
      node(
        "div",
        { class: "v-row" },
        node(
          "button",
          { type: "button", class: "v-btn", onclick: () => actions.reason(field.value) },
          "Save reasoning",
        ),
        node(
          "button",
          { type: "button", class: "v-btn v-ghost", onclick: () => state.set({ rewriting: false }) },
          "Cancel",
        ),
      ),
    );
  }

  function standing({ reasoning, busy, thought, answered }) {
    if (busy || !(thought || answered)) return [];
    const edit = node(
      "button",
      { type: "button", class: "v-link", onclick: () => state.set({ rewriting: true }) },
      "Edit",
    );
    const again = node(
      "button",
      { type: "button", class: "v-link", onclick: () => actions.thinkAgain() },
      "Think again with my correction",
    );
    const confirm = node(
      "button",
      { type: "button", class: "v-link", onclick: () => actions.reason(null) },
      "Still true",
    );
    if (reasoning === "stale")
      return [
        node(
          "div",
          { class: "v-stale", role: "status" },
          node("span", {}, STALE),
          node("span", { class: "v-row" }, again, edit, confirm),
        ),
      ];
    return [node("span", { class: "v-dim v-small v-grow v-told" }, TOLD[reasoning] ?? ""), edit];
  }

  function draw(now) {
    const isThinking = now.busy === "think";
    if (now.rewriting) {
      if (!refs.reason.querySelector(".v-editor")) {
        refs.reason.replaceChildren(editor(now));
        refs.reason.querySelector("textarea").focus();
      }
      return;
    }
    const blocks = thoughtBlocks(now, isThinking);
    if (isThinking && !blocks.length)
      blocks.push(node("div", { class: "v-step v-now v-dim" }, "Looking at the frames …"));
    if (now.failure)
      blocks.push(node("div", { class: "v-step" }, node("h4", {}, "What the policy wrote"), now.failure));
    const notes = (now.answered?.notes ?? []).map((note) => node("div", { class: "v-dim v-small" }, note));
    const line = standing(now);
    const outcome = now.reasoning === "stale" ? [...line, ...verdict(now, [])] : verdict(now, line);
    refs.reason.replaceChildren(...blocks, ...outcome, ...notes);
  }

  state.on(
    [
      "thought",
      "mentions",
      "busy",
      "keyframe",
      "boxes",
      "answered",
      "info",
      "failure",
      "reasoning",
      "rewritten",
      "rewriting",
      "names",
    ],
    draw,
  );
  state.on(["findings", "answered"], ({ findings, answered }) => {
    const found = findings.map(({ text }) => node("li", {}, text));
    const fine =
      answered && !found.length
        ? [node("li", { class: "v-ok" }, "✓ the answer agrees with its reasoning and its masks")]
        : [];
    refs.findings.replaceChildren(...found, ...fine);
  });
}
