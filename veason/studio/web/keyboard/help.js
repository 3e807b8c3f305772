// The sheet of keys: every command, its keys, and how to change them.

import { node } from "../core/dom.js";
import { COMMANDS, PRESETS, comboOf, spoken, titleOf } from "./presets.js";

const RESERVED = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

export function makeHelp(refs, keymap) {
  let listening = null;
  let clash = null;

  function keys(command) {
    if (listening === command && clash) {
      const told = RESERVED.includes(clash)
        ? `${spoken(clash)} is taken and cannot be changed.`
        : `${spoken(clash)} is “${titleOf(keymap.commandOf(clash))}” already.`;
      return [
        node("span", { class: "v-clash", role: "alert" }, told),
        ...(RESERVED.includes(clash)
          ? []
          : [node("button", { type: "button", class: "v-link", onclick: () => bind(command, clash) }, "Use it here")]),
        node("button", { type: "button", class: "v-link", onclick: stop }, "Cancel"),
      ];
    }
    if (listening === command)
      return [node("span", { class: "v-listen", role: "status", tabindex: "-1" }, "Press the new key …")];
    const combos = keymap.keysOf(command);
    return [
      node(
        "button",
        {
          type: "button",
          class: "v-link v-change",
          "aria-label": `Change the key of ${titleOf(command)}`,
          onclick: () => {
            listening = command;
            clash = null;
            draw();
          },
        },
        "change",
      ),
      ...(combos.length
        ? combos.map((combo) => node("kbd", {}, spoken(combo)))
        : [node("span", { class: "v-dim" }, "none")]),
    ];
  }

  function bind(command, combo) {
    keymap.bind(command, combo);
    stop();
  }

  function stop() {
    listening = null;
    clash = null;
    draw();
    refs.closeHelp.focus();
  }

  function draw() {
    refs.keyPreset.value = keymap.preset();
    refs.keyReset.hidden = !keymap.isChanged();
    refs.keyRows.replaceChildren(
      ...COMMANDS.map(([group, rows]) =>
        node(
          "section",
          {},
          node("h3", {}, group),
          ...rows.map(([command, text]) =>
            node(
              "div",
              { class: "v-keyrow", "data-command": command },
              node("span", {}, text),
              node("span", { class: "v-combos" }, ...keys(command)),
            ),
          ),
          ...fixed(group),
        ),
      ),
    );
    refs.keyRows.querySelector(".v-listen, .v-link:not(.v-change)")?.focus();
  }

  function fixed(group) {
    const rows = {
      Video: [
        ["Move the picture", ["Space + drag"]],
        ["Zoom", ["wheel, pinch"]],
      ],
      Object: [
        ["Select object 1 to 9", ["1 – 9"]],
        ["On the object, off it", ["click", "Alt click"]],
        ["Move the box by 1 pixel, or 10", [`${spoken(`${keymap.nudge()}+arrows`)}`, "+ Shift"]],
        ["The same by tenths", ["from 800 % zoom"]],
        ["Brush size", ["Shift wheel"]],
      ],
      Work: [],
    }[group];
    return rows.map(([text, told]) =>
      node(
        "div",
        { class: "v-keyrow v-dim" },
        node("span", {}, text),
        node("span", { class: "v-combos" }, ...told.map((one) => node("kbd", {}, one))),
      ),
    );
  }

  refs.help.addEventListener("keydown", (event) => {
    if (!listening || clash) return;
    const combo = comboOf(event);
    event.preventDefault();
    event.stopPropagation();
    if (!combo) return;
    const owner = keymap.commandOf(combo);
    if (combo === "Escape") stop();
    else if (RESERVED.includes(combo) || (owner && owner !== listening)) {
      clash = combo;
      draw();
    } else bind(listening, combo);
  });
  refs.help.addEventListener("click", (event) => {
    if (event.target === refs.help) refs.help.close();
  });
  refs.keyPreset.replaceChildren(
    ...Object.entries(PRESETS).map(([name, { title }]) => node("option", { value: name }, title)),
  );
  refs.keyPreset.addEventListener("change", () => {
    keymap.choose(refs.keyPreset.value);
    stop();
  });
  refs.keyReset.addEventListener("click", () => {
    keymap.choose(keymap.preset());
    stop();
  });
  refs.closeHelp.addEventListener("click", () => refs.help.close());
  refs.help.addEventListener("close", () => {
    listening = null;
    clash = null;
  });

  return {
    open() {
      if (refs.help.open) return;
      draw();
      refs.help.showModal();
      refs.closeHelp.focus();
    },
  };
}
