// Brush, eraser and polygon on the frame, at the source's resolution. The pointer is theirs while one is in hand.

import { clamp } from "../core/clamp.js";
import { colour, isAbsent } from "../core/objects.js";
import { fillPolygon, stroke } from "./bitmap.js";
import { paintGlass } from "./paint.js";
import { decodeMask, encodeMask, rgb } from "./rle.js";

const CLOSE = 11;
const FINE = 34;

export function makePainter(state, canvas, { place, onScreen, scale, redraw, forget, actions }) {
  const layer = document.createElement("canvas");
  let work = null;
  let points = [];
  let pointer = null;

  const unit = () => window.devicePixelRatio || 1;

  function begin() {
    const { info, frame, selected, drawing, masks, marks, objects } = state.get();
    const object = drawing || selected === null ? 0 : selected;
    if (actions.refuses(object)) return false;
    const there = object && !isAbsent(marks, object, frame) ? masks.get(frame)?.[object] : null;
    const bitmap = there ? decodeMask(there[0], info.width, info.height) : new Uint8Array(info.width * info.height);
    const ink = colour(info.palette, object || Math.max(0, ...objects) + 1);
    work = { object, frame, bitmap, ink, image: new ImageData(info.width, info.height) };
    layer.width = info.width;
    layer.height = info.height;
    forget();
    show([0, 0, info.width, info.height]);
    return true;
  }

  function show([left, top, wide, high]) {
    const { width } = state.get().info;
    const [red, green, blue] = rgb(work.ink);
    const fill =
      ((Math.round(Math.max(0.3, state.get().opacity) * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    const pixels = new Uint32Array(work.image.data.buffer);
    for (let y = top; y < top + high; y += 1) {
      for (let at = y * width + left; at < y * width + left + wide; at += 1) pixels[at] = work.bitmap[at] ? fill : 0;
    }
    if (wide && high) layer.getContext("2d").putImageData(work.image, 0, 0, left, top, wide, high);
  }

  function end() {
    const { info } = state.get();
    const { object, frame, bitmap } = work;
    const isEmpty = !bitmap.includes(1);
    work = null;
    forget();
    redraw();
    if (isEmpty)
      actions.notify(
        "Nothing is left of the mask here. If the object is not in this frame, mark it absent (O).",
        "info",
      );
    else actions.putMask(object, frame, encodeMask(bitmap, info.width, info.height));
  }

  function cancel() {
    const wasBusy = work !== null || points.length > 0;
    work = null;
    points = [];
    forget();
    if (wasBusy) redraw();
    return wasBusy;
  }

  function rub(event) {
    const { info, brush } = state.get();
    for (const moved of event.getCoalescedEvents?.() ?? [event]) {
      const at = place(moved);
      show(stroke(work.bitmap, info.width, info.height, work.from, at, brush / 2, work.value));
      work.from = at;
    }
  }

  function close(isCut = false) {
    if (points.length < 3) return false;
    const { info } = state.get();
    if (begin()) {
      fillPolygon(work.bitmap, info.width, info.height, points, isCut ? 0 : 1);
      points = [];
      end();
    }
    return true;
  }

  function press(event) {
    const { tool, info } = state.get();
    if (!tool || !info) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    canvas.closest("[tabindex]").focus({ preventScroll: true });
    if (event.button !== 0 && event.button !== 2) return;
    pointer = place(event);
    if (tool === "polygon") {
      const isAtFirst = points.length > 2 && distance(points[0], pointer) * scale() < CLOSE * unit();
      if (isAtFirst) close(event.altKey);
      else if (event.button === 0) points.push(pointer);
      redraw();
      return;
    }
    if (!begin()) return;
    canvas.setPointerCapture(event.pointerId);
    work.value = (tool === "brush") !== (event.button === 2 || event.altKey) ? 1 : 0;
    work.from = pointer;
    rub(event);
    redraw();
  }

  function move(event) {
    const { tool, info } = state.get();
    if (!tool || !info) return;
    event.stopImmediatePropagation();
    canvas.style.cursor = tool === "polygon" ? "crosshair" : "none";
    pointer = place(event);
    if (work) rub(event);
    redraw();
  }

  function release(event) {
    if (!state.get().tool) return;
    event.stopImmediatePropagation();
    if (work) end();
  }

  canvas.addEventListener("pointerdown", press);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", cancel);
  canvas.addEventListener("pointerleave", () => {
    pointer = null;
    if (state.get().tool) redraw();
  });
  canvas.addEventListener("dblclick", (event) => {
    if (state.get().tool === "polygon") close(event.altKey);
  });
  canvas.addEventListener("contextmenu", (event) => {
    if (!state.get().tool) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  let held = "";
  state.on(["frame", "work", "selected", "tool"], ({ work: on, frame, selected, tool }) => {
    const now = `${on} ${frame} ${selected} ${tool}`;
    if (now !== held) cancel();
    held = now;
  });

  function drawRing(context) {
    const { brush, tool } = state.get();
    const [x, y] = onScreen(pointer);
    for (const [ink, wide] of [
      ["#000a", 3],
      [tool === "brush" ? "#ffffff" : "#ffb3bd", 1.5],
    ]) {
      context.beginPath();
      context.arc(x, y, Math.max(2, (brush / 2) * scale()), 0, 7);
      context.lineWidth = wide * unit();
      context.strokeStyle = ink;
      context.stroke();
    }
  }

  // The magnifier, near enough to see the whole brush in it.
  function drawGlass(context) {
    const { info, tool, picture, brush } = state.get();
    const over = (glass, by) => {
      if (work) glass.drawImage(layer, 0, 0, info.width * by, info.height * by);
      if (tool === "polygon") return;
      glass.beginPath();
      glass.arc(pointer[0] * by, pointer[1] * by, (brush / 2) * by, 0, 7);
      glass.lineWidth = 1.5 * unit();
      glass.strokeStyle = "#ffffff";
      glass.stroke();
    };
    const zoom = tool === "polygon" ? 6 : clamp(72 / brush, 2, 6);
    paintGlass(context, picture, pointer, onScreen(pointer), {
      ratio: info.width / picture.width,
      unit: unit(),
      below: 38,
      zoom,
      over,
    });
  }

  function drawLine(context) {
    const path = [...points, ...(pointer ? [pointer] : [])].map(onScreen);
    for (const [ink, wide] of [
      ["#000a", 4],
      ["#ffffff", 2],
    ]) {
      context.beginPath();
      path.forEach(([x, y], number) => (number ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.lineWidth = wide * unit();
      context.strokeStyle = ink;
      context.stroke();
    }
    points.map(onScreen).forEach(([x, y], number) => {
      context.beginPath();
      context.arc(x, y, (number ? 3.5 : 6) * unit(), 0, 7);
      context.fillStyle = number ? "#ffffff" : "#ffc857";
      context.fill();
    });
  }

  return {
    // The object whose mask is being painted: the stage leaves its old mask out.
    at: () => (work ? work.object : null),
    cancel,
    close,
    back() {
      points.pop();
      redraw();
    },
    isDrawing: () => points.length > 0,
    draw(context) {
      const { info, tool, picture } = state.get();
      if (work) context.drawImage(layer, ...onScreen([0, 0]), info.width * scale(), info.height * scale());
      if (!tool) return;
      if (points.length) drawLine(context);
      if (!pointer) return;
      if (tool !== "polygon") drawRing(context);
      const isFine = tool === "polygon" ? points.length > 0 : work && state.get().brush * scale() < FINE * unit();
      if (isFine && picture) drawGlass(context);
    },
  };
}

const distance = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2);
