// @ts-check
// Brush, eraser and polygon on the frame, at the source's resolution. The pointer is theirs while one is in hand.

/** @import { Point, State, Store } from "../core/types.js" */
/** @import { Projection } from "./stage.js" */

import { clamp } from "../core/clamp.js";
import { contextOf, pixelRatio } from "../core/dom.js";
import { colour, isAbsent } from "../core/objects.js";
import { fillPolygon, stroke } from "./bitmap.js";
import { paintGlass } from "./paint.js";
import { decodeMask, encodeMask, rgb } from "./rle.js";

const CLOSE = 11;
const FINE = 34;
const DRAGGED = 6;

/**
 * What is being painted: the object (0 is a new one), its mask of one byte a pixel, and how it looks.
 * @typedef {{ object: number, frame: number, bitmap: Uint8Array, ink: string, image: ImageData }} Painting
 */

/** @typedef {{ from: Point, value: 0 | 1 }} Stroke */

/**
 * An outline that is drawn by dragging: what becomes of what it encloses, and whether the pointer has moved yet.
 * @typedef {{ way: "add" | "cut" | "replace", isDragged: boolean }} Trace
 */

/**
 * What painting asks of the rest of the page.
 * @typedef {object} Painted
 * @property {(objectId: number) => boolean} refuses
 * @property {(objectId: number, frame: number, counts: string) => void} put
 * @property {() => void} nothing nothing is left of the mask
 * @property {() => void} redraw
 * @property {() => void} forget the masks of the frame have to be painted anew
 */

export class Painter {
  #state;
  #canvas;
  #projection;
  #painted;
  #layer = document.createElement("canvas");
  /** @type {Painting | null} */
  #painting = null;
  /** @type {Stroke | null} */
  #stroke = null;
  /** @type {Trace | null} */
  #trace = null;
  /** @type {Point[]} */
  #points = [];
  /** @type {Point | null} */
  #pointer = null;
  #held = "";

  /**
   * @param {Store} state
   * @param {HTMLCanvasElement} canvas
   * @param {Projection} projection
   * @param {Painted} painted
   */
  constructor(state, canvas, projection, painted) {
    this.#state = state;
    this.#canvas = canvas;
    this.#projection = projection;
    this.#painted = painted;
    this.#bind();
    state.on(["frame", "work", "selected", "tool"], (now) => this.#follow(now));
  }

  #bind() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => {
      if (!this.#state.get().tool) return;
      event.stopImmediatePropagation();
      if (this.#trace) this.#endTrace(this.#trace, event.button === 2);
      else if (this.#painting) this.#end(this.#painting);
    });
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => {
      this.#pointer = null;
      if (this.#state.get().tool) this.#painted.redraw();
    });
    canvas.addEventListener("dblclick", (event) => {
      if (this.#state.get().tool === "polygon") this.close(event.altKey);
    });
    canvas.addEventListener("contextmenu", (event) => {
      if (!this.#state.get().tool) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    });
  }

  /** What is half drawn does not outlive its frame, object and tool. @param {State} now */
  #follow({ work, frame, selected, tool }) {
    const held = `${work} ${frame} ${selected} ${tool}`;
    if (held !== this.#held) this.cancel();
    this.#held = held;
  }

  /** The object whose mask is being painted: the stage leaves its old mask out. */
  at() {
    return this.#painting ? this.#painting.object : null;
  }

  isDrawing() {
    return this.#points.length > 0;
  }

  /** Take the last corner of the polygon back. */
  back() {
    this.#points.pop();
    this.#painted.redraw();
  }

  /** Give up what is half drawn; tell whether there was anything. */
  cancel() {
    const wasBusy = this.#painting !== null || this.#points.length > 0;
    this.#painting = null;
    this.#stroke = null;
    this.#trace = null;
    this.#points = [];
    this.#painted.forget();
    if (wasBusy) this.#painted.redraw();
    return wasBusy;
  }

  /** Fill the polygon, or cut it out; tell whether there is one. */
  close(isCut = false) {
    if (this.#points.length < 3) return false;
    this.#fill(isCut ? "cut" : "add");
    return true;
  }

  /** @param {Trace["way"]} way */
  #fill(way) {
    const { width, height } = this.#state.clip();
    const painting = this.#begin();
    if (!painting) return;
    if (way === "replace") painting.bitmap.fill(0);
    fillPolygon(painting.bitmap, width, height, this.#points, way === "cut" ? 0 : 1);
    this.#points = [];
    this.#end(painting);
  }

  /**
   * The pointer was let go: an outline encloses its area, what never moved is a corner, of the right button nothing.
   * @param {Trace} trace @param {boolean} isRight
   */
  #endTrace({ way, isDragged }, isRight) {
    this.#trace = null;
    if (isDragged && this.#points.length > 2) this.#fill(way);
    if (isDragged || isRight) this.#points = [];
    this.#painted.redraw();
  }

  #begin() {
    const { width, height, palette } = this.#state.clip();
    const { frame, selected, drawing, masks, marks, objects } = this.#state.get();
    const object = drawing || selected === null ? 0 : selected;
    if (this.#painted.refuses(object)) return null;
    const there = object && !isAbsent(marks, object, frame) ? masks.get(frame)?.get(object) : undefined;
    const bitmap = there ? decodeMask(there[0], width, height) : new Uint8Array(width * height);
    const ink = colour(palette, object || Math.max(0, ...objects) + 1);
    const painting = { object, frame, bitmap, ink, image: new ImageData(width, height) };
    this.#painting = painting;
    this.#layer.width = width;
    this.#layer.height = height;
    this.#painted.forget();
    this.#show(painting, [0, 0, width, height]);
    return painting;
  }

  /** @param {Painting} painting @param {[number, number, number, number]} area */
  #show({ bitmap, ink, image }, [left, top, wide, high]) {
    const { width } = this.#state.clip();
    const [red, green, blue] = rgb(ink);
    const opacity = Math.round(Math.max(0.3, this.#state.get().opacity) * 255);
    const fill = ((opacity << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = top; y < top + high; y += 1) {
      for (let at = y * width + left; at < y * width + left + wide; at += 1) pixels[at] = bitmap[at] ? fill : 0;
    }
    if (wide && high) contextOf(this.#layer).putImageData(image, 0, 0, left, top, wide, high);
  }

  /** @param {Painting} painting */
  #end({ object, frame, bitmap }) {
    const { width, height } = this.#state.clip();
    this.#painting = null;
    this.#stroke = null;
    this.#painted.forget();
    this.#painted.redraw();
    if (bitmap.includes(1)) this.#painted.put(object, frame, encodeMask(bitmap, width, height));
    else this.#painted.nothing();
  }

  /** @param {Painting} painting @param {Stroke} line @param {PointerEvent} event */
  #rub(painting, line, event) {
    const { width, height } = this.#state.clip();
    const { brush } = this.#state.get();
    for (const moved of event.getCoalescedEvents?.() ?? [event]) {
      const at = this.#projection.place(moved);
      this.#show(painting, stroke(painting.bitmap, width, height, line.from, at, brush / 2, line.value));
      line.from = at;
    }
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const { tool, info } = this.#state.get();
    if (!tool || !info) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    /** @type {HTMLElement | null} */ (this.#canvas.closest("[tabindex]"))?.focus({ preventScroll: true });
    if (event.button !== 0 && event.button !== 2) return;
    const pointer = this.#projection.place(event);
    this.#pointer = pointer;
    if (tool === "polygon") {
      this.#corner(pointer, event);
      return;
    }
    const painting = this.#begin();
    if (!painting) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const isOn = (tool === "brush") !== (event.button === 2 || event.altKey);
    this.#stroke = { from: pointer, value: isOn ? 1 : 0 };
    this.#rub(painting, this.#stroke, event);
    this.#painted.redraw();
  }

  /** @param {Point} pointer @param {PointerEvent} event */
  #corner(pointer, event) {
    const reach = CLOSE * pixelRatio();
    const isAtFirst = this.#points.length > 2 && distance(this.#points[0], pointer) * this.#projection.scale() < reach;
    if (isAtFirst) this.close(event.altKey);
    else if (!this.#points.length) {
      const way = event.button === 2 || event.altKey ? "cut" : event.shiftKey ? "replace" : "add";
      this.#trace = { way, isDragged: false };
      this.#points.push(pointer);
      this.#canvas.setPointerCapture(event.pointerId);
    } else if (event.button === 0) this.#points.push(pointer);
    this.#painted.redraw();
  }

  /** Follow the pointer with the outline, once it has moved. @param {Trace} trace @param {PointerEvent} event */
  #follows(trace, event) {
    const far = distance(this.#points[0], this.#projection.place(event)) * this.#projection.scale();
    trace.isDragged ||= far > DRAGGED * pixelRatio();
    if (!trace.isDragged) return;
    for (const moved of event.getCoalescedEvents?.() ?? [event]) this.#points.push(this.#projection.place(moved));
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { tool, info } = this.#state.get();
    if (!tool || !info) return;
    event.stopImmediatePropagation();
    this.#canvas.style.cursor = tool === "polygon" ? "crosshair" : "none";
    this.#pointer = this.#projection.place(event);
    if (this.#trace) this.#follows(this.#trace, event);
    else if (this.#painting && this.#stroke) this.#rub(this.#painting, this.#stroke, event);
    this.#painted.redraw();
  }

  /** Draw what is in hand over the frame. @param {CanvasRenderingContext2D} context */
  draw(context) {
    const { info, tool, picture, brush } = this.#state.get();
    const scale = this.#projection.scale();
    if (this.#painting && info) {
      const [x, y] = this.#projection.onScreen([0, 0]);
      context.drawImage(this.#layer, x, y, info.width * scale, info.height * scale);
    }
    if (!tool) return;
    if (this.#points.length) this.#drawLine(context);
    if (!this.#pointer) return;
    if (tool !== "polygon") this.#drawRing(context, this.#pointer);
    const isFine = tool === "polygon" ? this.isDrawing() : this.#painting && brush * scale < FINE * pixelRatio();
    if (isFine && picture) this.#drawGlass(context, picture, this.#pointer);
  }

  /** @param {CanvasRenderingContext2D} context @param {Point} pointer */
  #drawRing(context, pointer) {
    const { brush, tool } = this.#state.get();
    const [x, y] = this.#projection.onScreen(pointer);
    const radius = Math.max(2, (brush / 2) * this.#projection.scale());
    outline(context, tool === "brush" ? "#ffffff" : "#ffb3bd", [3, 1.5], () => context.arc(x, y, radius, 0, 7));
  }

  // The magnifier, near enough to see the whole brush in it.
  /** @param {CanvasRenderingContext2D} context @param {ImageBitmap} picture @param {Point} pointer */
  #drawGlass(context, picture, pointer) {
    const { width, height } = this.#state.clip();
    const { tool, brush } = this.#state.get();
    const unit = pixelRatio();
    const over = (/** @type {CanvasRenderingContext2D} */ glass, /** @type {number} */ by) => {
      if (this.#painting) glass.drawImage(this.#layer, 0, 0, width * by, height * by);
      if (tool === "polygon") return;
      glass.beginPath();
      glass.arc(pointer[0] * by, pointer[1] * by, (brush / 2) * by, 0, 7);
      glass.lineWidth = 1.5 * unit;
      glass.strokeStyle = "#ffffff";
      glass.stroke();
    };
    const zoom = tool === "polygon" ? 6 : clamp(72 / brush, 2, 6);
    const glass = { ratio: width / picture.width, unit, below: 38, zoom, over };
    paintGlass(context, picture, pointer, this.#projection.onScreen(pointer), glass);
  }

  /** @param {CanvasRenderingContext2D} context */
  #drawLine(context) {
    const corners = this.#points.map((point) => this.#projection.onScreen(point));
    const path = this.#pointer ? [...corners, this.#projection.onScreen(this.#pointer)] : corners;
    outline(context, "#ffffff", [4, 2], () => {
      path.forEach(([x, y], number) => (number ? context.lineTo(x, y) : context.moveTo(x, y)));
    });
    const marked = this.#trace?.isDragged ? corners.slice(0, 1) : corners;
    marked.forEach(([x, y], number) => {
      context.beginPath();
      context.arc(x, y, (number ? 3.5 : 6) * pixelRatio(), 0, 7);
      context.fillStyle = number ? "#ffffff" : "#ffc857";
      context.fill();
    });
  }
}

/**
 * A line with a dark rim, to be seen on any picture.
 * @param {CanvasRenderingContext2D} context
 * @param {string} ink
 * @param {[rim: number, line: number]} widths in CSS pixels
 * @param {() => void} trace
 */
function outline(context, ink, [rim, line], trace) {
  for (const [colourOf, wide] of /** @type {[string, number][]} */ ([
    ["#000a", rim],
    [ink, line],
  ])) {
    context.beginPath();
    trace();
    context.lineWidth = wide * pixelRatio();
    context.strokeStyle = colourOf;
    context.stroke();
  }
}

/** @param {Point} a @param {Point} b */
const distance = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2);
