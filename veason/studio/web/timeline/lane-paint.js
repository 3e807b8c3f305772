// One lane's picture: where its masks come from, how sure the segmenter is, and what a person did.

import { isAbsent, isDoubtful } from "../core/objects.js";

const DOUBT = "#fb923c";
const VERIFIED = "#2fbf71";

function stretches(frames, isIn) {
  const found = [];
  for (const frame of frames) {
    if (!isIn(frame)) continue;
    const last = found.at(-1);
    if (last && last[1] === frame) last[1] = frame + 1;
    else found.push([frame, frame + 1]);
  }
  return found;
}

function hatch(context, x, y, wide, high, ink) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, high);
  context.clip();
  context.strokeStyle = ink;
  context.globalAlpha = 0.55;
  context.lineWidth = high / 14;
  for (let at = x - high; at < x + wide; at += Math.max(2, high / 3)) {
    context.beginPath();
    context.moveTo(at, y + high);
    context.lineTo(at + high, y);
    context.stroke();
  }
  context.restore();
}

// Partly hidden, as a person said: thin bars in the lower half, as of a fence before it.
function occluded(context, x, wide, high, ratio, ink) {
  context.globalAlpha = 0.7;
  context.fillStyle = ink;
  for (let bar = x; bar < x + wide; bar += 5 * ratio) context.fillRect(bar, high * 0.55, 1.5 * ratio, high * 0.45);
  context.globalAlpha = 1;
}

// The model's own box is a golden diamond, a person's a white one; clicks are round, paintings square.
function marker(context, x, high, isByHand, shape) {
  const size = high * 0.2;
  context.beginPath();
  if (shape === "square") context.rect(x - size, high / 2 - size, size * 2, size * 2);
  else if (shape === "diamond") {
    context.moveTo(x, high / 2 - size * 1.3);
    context.lineTo(x + size * 1.3, high / 2);
    context.lineTo(x, high / 2 + size * 1.3);
    context.lineTo(x - size * 1.3, high / 2);
    context.closePath();
  } else context.arc(x, high / 2, size, 0, 7);
  context.fillStyle = isByHand ? "#ffffff" : "#ffc857";
  context.fill();
  context.lineWidth = high / 16;
  context.strokeStyle = "#0b0e13";
  context.stroke();
}

// Right, as a person said: a green bar along the top that nothing overwrites.
function verified(context, x, wide, high, ratio) {
  context.globalAlpha = 0.22;
  context.fillStyle = VERIFIED;
  context.fillRect(x, 0, wide, high);
  context.globalAlpha = 1;
  context.fillRect(x, 0, wide, 4 * ratio);
}

// Masks that do not follow from the prompts any more: a dotted line along the middle.
function waiting(context, x, wide, high, ratio) {
  context.fillStyle = "#8b95a7";
  for (let dot = x; dot < x + wide; dot += 6 * ratio)
    context.fillRect(dot, high / 2 - ratio, Math.min(3 * ratio, x + wide - dot), 2 * ratio);
}

// Paint the lane; return how many frames are done, on how many the object is there, and the mean certainty of those.
export function paintLane(canvas, state, objectId, ink, threshold) {
  const { info, boxes, clicks, paintings, masks, marks, byHand, pending } = state;
  const ratio = window.devicePixelRatio || 1;
  const width = (canvas.width = canvas.clientWidth * ratio);
  const height = (canvas.height = canvas.clientHeight * ratio);
  const context = canvas.getContext("2d");
  const at = (frame) => (frame / info.frames) * width;
  const done = [...masks.keys()].filter((frame) => masks.get(frame)[objectId]).sort((a, b) => a - b);
  const present = done.filter((frame) => !isAbsent(marks, objectId, frame));
  const score = (frame) => 1 / (1 + Math.exp(-masks.get(frame)[objectId][1]));

  const isUnsure = (frame) => isDoubtful(state, objectId, frame, threshold);
  context.fillStyle = ink;
  context.globalAlpha = 0.26;
  for (const [start, stop] of stretches(present, (frame) => !isUnsure(frame)))
    context.fillRect(at(start), 0, Math.max(1, at(stop) - at(start)), height);
  context.globalAlpha = 1;
  context.fillStyle = DOUBT;
  for (const [start, stop] of stretches(present, isUnsure)) {
    const wide = Math.max(2 * ratio, at(stop) - at(start));
    context.globalAlpha = 0.34;
    context.fillRect(at(start), 0, wide, height);
    context.globalAlpha = 1;
    context.fillRect(at(start), height - 3 * ratio, wide, 3 * ratio);
  }
  for (const { object, start, stop, mark } of marks) {
    if (object !== objectId) continue;
    if (mark === "absent") hatch(context, at(start), 0, at(stop) - at(start), height, ink);
    else verified(context, at(start), Math.max(3 * ratio, at(stop) - at(start)), height, ratio);
  }
  for (const [object, start, stop] of state.occluded)
    if (object === objectId) occluded(context, at(start), at(stop) - at(start), height, ratio, ink);
  for (const [start, stop] of pending[objectId] ?? [])
    waiting(context, at(start), Math.max(2 * ratio, at(stop) - at(start)), height, ratio);
  context.strokeStyle = ink;
  context.lineWidth = 1.75 * ratio;
  context.lineJoin = "round";
  for (const [start, stop] of stretches(present, () => true)) {
    context.beginPath();
    for (let frame = start; frame < stop; frame += 1)
      context.lineTo(at(frame + 0.5), height * (0.92 - score(frame) * 0.78));
    context.stroke();
  }
  const isOwn = (frame) => byHand.some(([object, where]) => object === objectId && where === frame);
  for (const click of clicks)
    if (click.object === objectId) marker(context, at(click.frame + 0.5), height, true, "round");
  for (const box of boxes)
    if (box.object === objectId) marker(context, at(box.frame + 0.5), height, isOwn(box.frame), "diamond");
  for (const [object, frame] of paintings)
    if (object === objectId) marker(context, at(frame + 0.5), height, isOwn(frame), "square");
  return {
    done: done.length,
    count: present.length,
    sure: present.length ? present.reduce((sum, frame) => sum + score(frame), 0) / present.length : 0,
  };
}
