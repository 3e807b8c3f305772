// A lane per object: where it has masks, how sure the segmenter is, where doubt is high; click to jump.

import { colour, node } from "./state.js";

export function makeLanes(refs, scope, state, transport, actions) {
  const { doubtThreshold } = scope.props.about;
  let tracks = new Map();

  function build() {
    const { objects, info, selected } = state.get();
    tracks = new Map();
    if (!info || !objects.length) {
      refs.lanes.replaceChildren();
      return;
    }
    const lanes = objects.map((objectId) => {
      const canvas = node("canvas", { "aria-hidden": "true" });
      const cursor = node("i", { class: "v-cursor" });
      const track = node("div", { class: "v-track", onclick: (event) => jump(event, track) }, canvas, cursor);
      const figure = node("span", { class: "v-dim v-small" });
      tracks.set(objectId, { canvas, cursor, figure });
      const name = node("button", {
        type: "button", class: "v-name", "aria-pressed": String(objectId === selected), onclick: () => actions.select(objectId),
      }, node("i", { class: "v-dot", style: `background:${colour(info.palette, objectId)}` }), `object ${objectId}`);
      return node("div", { class: "v-lane", "data-object": objectId }, name, track, figure);
    });
    refs.lanes.replaceChildren(...lanes, node("div", { class: "v-legend" }, "◆ box · height: object score · orange: doubtful · gaps: no mask there"));
    draw();
  }

  function jump(event, track) {
    const area = track.getBoundingClientRect();
    transport.go(((event.clientX - area.left) / area.width) * (state.get().info.frames - 1));
  }

  function draw() {
    const { info, boxes, masks, doubt, stale } = state.get();
    for (const [objectId, { canvas, figure }] of tracks) {
      const width = canvas.width = canvas.clientWidth * (window.devicePixelRatio || 1);
      const height = canvas.height = canvas.clientHeight * (window.devicePixelRatio || 1);
      const context = canvas.getContext("2d");
      const column = (frame) => Math.round((frame / info.frames) * width);
      const ink = colour(info.palette, objectId);
      let sure = 0;
      let done = 0;
      for (const [frame, here] of masks) {
        const mask = here[objectId];
        if (!mask) continue;
        const score = 1 / (1 + Math.exp(-mask[1]));
        const isDoubtful = (doubt[objectId]?.[frame] ?? 0) > doubtThreshold;
        const left = column(frame);
        const wide = Math.max(1, column(frame + 1) - left);
        done += 1;
        sure += score;
        context.fillStyle = isDoubtful ? "#fb923c" : ink;
        context.globalAlpha = 0.3;
        context.fillRect(left, 0, wide, height);
        context.globalAlpha = 1;
        context.fillRect(left, height * (1 - score * 0.9), wide, 2);
      }
      context.fillStyle = "#ffc857";
      for (const box of boxes.filter((one) => one.object === objectId)) {
        const x = ((box.frame + 0.5) / info.frames) * width;
        context.beginPath();
        context.moveTo(x, height * 0.2);
        context.lineTo(x + height * 0.3, height * 0.5);
        context.lineTo(x, height * 0.8);
        context.lineTo(x - height * 0.3, height * 0.5);
        context.fill();
      }
      const told = done ? `${done} fr · ${(sure / done).toFixed(2)}` : "no masks yet";
      figure.textContent = stale.includes(objectId) && done ? "changed" : told;
    }
    move();
  }

  function move() {
    const { info, frame } = state.get();
    if (!info) return;
    for (const { cursor } of tracks.values()) cursor.style.left = `${((frame + 0.5) / info.frames) * 100}%`;
  }

  state.on(["objects", "info", "selected"], build);
  state.on(["masks", "maskCount", "doubt", "boxes", "stale"], () => { if (tracks.size) draw(); });
  state.on(["frame"], move);
  new ResizeObserver(() => { if (tracks.size) draw(); }).observe(refs.lanes);
}
