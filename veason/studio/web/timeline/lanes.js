// A lane per object: its name and switches, its timeline. Click to jump, drag to choose the frames to propagate.

import { clamp } from "../core/clamp.js";
import { icon, node } from "../core/dom.js";
import { colour, isOccluded, isVisible, nameOf, provenance } from "../core/objects.js";
import { closeMenus, laneMenu, openMerges } from "./lane-menu.js";
import { paintLane } from "./lane-paint.js";

const EYE = "M2 12s3.500-7 10-7 10 7 10 7-3.500 7-10 7S2 12 2 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z";
const EYE_SHUT = "M3 9c3 4 6 6 9 6s6-2 9-6M6 13l-2 3M12 15v4M18 13l2 3";
const TARGET = "M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z";
const LOCK = "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3";
const UNLOCKED = "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6-1";

export function makeLanes(refs, scope, state, player, actions) {
  const { doubtThreshold } = scope.props.about;
  let tracks = new Map();
  let built = "";

  const button = (label, path, isOn, act) =>
    node(
      "button",
      {
        type: "button",
        class: "v-switch",
        "aria-label": label,
        title: label,
        "aria-pressed": String(isOn),
        onclick: act,
      },
      icon(path),
    );

  function title(objectId) {
    const now = state.get();
    const name = nameOf(now, objectId);
    if (now.renaming === objectId) {
      return node("input", {
        class: "v-rename",
        "aria-label": `Name of object ${objectId}`,
        value: now.names[objectId] ?? "",
        placeholder: `object ${objectId}`,
        maxlength: 80,
        onkeydown: (event) => {
          if (event.key === "Enter") actions.rename(objectId, event.target.value);
          if (event.key === "Escape") state.set({ renaming: null });
        },
        onblur: (event) => {
          if (state.get().renaming === objectId) actions.rename(objectId, event.target.value);
        },
      });
    }
    return node(
      "button",
      {
        type: "button",
        class: "v-name",
        "aria-pressed": String(objectId === now.selected),
        title: `${name} (double click or F2 to rename)`,
        onclick: () => actions.select(objectId),
        ondblclick: () => state.set({ renaming: objectId }),
      },
      node("i", { class: "v-dot", style: `background:${colour(now.info.palette, objectId)}` }),
      node("span", {}, name),
    );
  }

  function lane(objectId) {
    const now = state.get();
    const name = nameOf(now, objectId);
    const canvas = node("canvas", { "aria-hidden": "true" });
    const cursor = node("i", { class: "v-cursor" });
    const lit = node("i", { class: "v-litmark", hidden: "" });
    const span = node("i", { class: "v-span" });
    const track = node(
      "div",
      {
        class: "v-track",
        title: "click: go there · drag: frames to propagate",
        onpointerdown: (event) => press(event, track),
      },
      canvas,
      span,
      lit,
      cursor,
    );
    const figure = node("span", {});
    const here = node("span", { class: "v-here-word" });
    tracks.set(objectId, { canvas, cursor, lit, span, figure, here });
    const isLocked = now.locked.includes(objectId);
    const switches = node(
      "span",
      { class: "v-switches" },
      button(`Hide ${name}`, now.hidden.has(objectId) ? EYE_SHUT : EYE, now.hidden.has(objectId), () =>
        actions.hide(objectId),
      ),
      button(`Show only ${name}`, TARGET, now.solo === objectId, () => actions.solo(objectId)),
      button(`Lock ${name}`, isLocked ? LOCK : UNLOCKED, isLocked, () => actions.lock(objectId)),
      laneMenu(objectId, now, actions),
    );
    return node(
      "div",
      { class: `v-lane${isVisible(now, objectId) ? "" : " v-faint"}`, "data-object": objectId },
      title(objectId),
      switches,
      track,
      node("span", { class: "v-dim v-small v-figure" }, figure, here),
    );
  }

  // Built anew only where something to be seen has changed: a drag or a name half typed goes on.
  function build() {
    const { objects, info, renaming, work, selected, names, hidden, solo, locked } = state.get();
    const wanted = JSON.stringify([work, objects, renaming, selected, names, [...hidden], solo, locked]);
    if (wanted === built) return;
    built = wanted;
    tracks = new Map();
    refs.timeline.hidden = !info || !objects.length;
    refs.lanes.replaceChildren(...(info ? objects : []).map(lane));
    if (refs.timeline.hidden) return;
    if (renaming !== null) refs.lanes.querySelector(".v-rename")?.select();
    draw();
    merging(state.get());
  }

  const merging = ({ merging: objectId }) => {
    if (objectId !== null) openMerges(refs.lanes, objectId);
  };

  refs.legend.replaceChildren(
    ...[
      ["diamond", "model's box"],
      ["own", "yours"],
      ["verified", "verified"],
      ["waiting", "changed"],
      ["doubt", "doubtful"],
      ["occluded", "occluded"],
      ["absent", "absent"],
    ].map(([kind, text]) => node("span", {}, node("i", { class: `v-sign v-sign-${kind}` }), text)),
  );

  function frameAt(event, track) {
    const area = track.getBoundingClientRect();
    const { frames } = state.get().info;
    return clamp(Math.floor(((event.clientX - area.left) / area.width) * frames), 0, frames - 1);
  }

  function press(event, track) {
    if (event.button !== 0) return;
    const from = frameAt(event, track);
    const x = event.clientX;
    let isRange = false;
    track.setPointerCapture(event.pointerId);
    const move = (moved) => {
      isRange ||= Math.abs(moved.clientX - x) > 5;
      if (!isRange) return;
      const to = frameAt(moved, track);
      state.set({ range: [Math.min(from, to), Math.max(from, to) + 1] });
    };
    const end = () => {
      track.removeEventListener("pointermove", move);
      if (!isRange) player.go(from);
    };
    track.addEventListener("pointermove", move);
    track.addEventListener("pointerup", end, { once: true });
    track.addEventListener("pointercancel", end, { once: true });
  }

  function draw() {
    const now = state.get();
    for (const [objectId, { canvas, figure }] of tracks) {
      const { done, count, sure } = paintLane(
        canvas,
        now,
        objectId,
        colour(now.info.palette, objectId),
        doubtThreshold,
      );
      const told = count ? `${count} fr · ${sure.toFixed(2)}` : done ? "absent" : "no masks yet";
      figure.textContent = now.pending[objectId] ? "changed" : told;
      figure.parentElement.title = done
        ? `${done} of ${now.info.frames} frames done, ${done - count} of them marked absent, mean certainty ${sure.toFixed(2)}`
        : "";
    }
    move();
    band();
  }

  function move() {
    const now = state.get();
    if (!now.info) return;
    for (const [objectId, { cursor, here }] of tracks) {
      cursor.style.left = `${((now.frame + 0.5) / now.info.frames) * 100}%`;
      const word = provenance(now, objectId, now.frame);
      const isHidden = isOccluded(now, objectId, now.frame);
      here.textContent = isHidden ? "occluded" : word; // the lane is narrow: one word, the other as its title
      here.title = isHidden ? `${word}, occluded` : "";
    }
  }

  // The frame of a chip under the pointer, in the reasoning.
  function light({ info, lit }) {
    const isShown = info && Number.isInteger(lit?.frame);
    for (const track of tracks.values()) {
      track.lit.hidden = !isShown;
      if (isShown) track.lit.style.left = `${((lit.frame + 0.5) / info.frames) * 100}%`;
    }
  }

  function band() {
    const { info, range } = state.get();
    if (!info) return;
    refs.rangeBar.hidden = range[0] === 0 && range[1] === info.frames;
    refs.rangeText.textContent = `frames ${range[0]} to ${range[1] - 1}`;
    for (const { span } of tracks.values()) {
      span.hidden = range[0] === 0 && range[1] === info.frames;
      span.style.left = `${(range[0] / info.frames) * 100}%`;
      span.style.width = `${((range[1] - range[0]) / info.frames) * 100}%`;
    }
  }

  closeMenus(refs.lanes, refs.stage);
  refs.rangeVerify.addEventListener("click", actions.verifyRange);
  refs.rangeOccluded.addEventListener("click", actions.occludedRange);
  refs.rangeAbsent.addEventListener("click", actions.absentRange);
  refs.rangeAll.addEventListener("click", () => state.set({ range: [0, state.get().info.frames] }));
  refs.opacity.addEventListener("input", () => actions.look({ opacity: Number(refs.opacity.value) / 100 }));
  refs.outline.addEventListener("click", () => actions.look({ outline: !state.get().outline }));
  function drawLook({ opacity, outline }) {
    refs.opacity.value = Math.round(opacity * 100);
    refs.opacity.disabled = outline;
    refs.outline.setAttribute("aria-pressed", String(outline));
  }

  drawLook(state.get());
  state.on(["opacity", "outline"], drawLook);
  state.on(["objects", "info", "selected", "names", "hidden", "solo", "locked", "renaming"], build);
  state.on(
    ["masks", "maskCount", "doubt", "boxes", "clicks", "paintings", "stale", "pending", "marks", "occluded", "byHand"],
    () => {
      if (tracks.size) draw();
    },
  );
  state.on(["frame"], move);
  state.on(["merging"], merging);
  state.on(["lit"], light);
  state.on(["range"], band);
  new ResizeObserver(() => {
    if (tracks.size) draw();
  }).observe(refs.lanes);
}
