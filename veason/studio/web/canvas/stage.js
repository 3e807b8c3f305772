// @ts-check
// The stage: the exact frame, the masks over it, the boxes over those, and the pointer's work on boxes.

/** @import { BoxPart, OpenedItem } from "../contract.js" */
/** @import { Refs } from "../core/refs.js" */
/** @import { Notify, Point, State, Store, Xyxy } from "../core/types.js" */
/** @import { Handle } from "./boxes.js" */
/** @import { Frames } from "./frames.js" */
/** @import { Pointer } from "./gestures.js" */

import { FIT } from "../core/blank.js";
import { contextOf, pixelRatio } from "../core/dom.js";
import { colour, isVisible, nameOf } from "../core/objects.js";
import { textOf } from "../core/words.js";
import { dragged, handlePoint, hit, ordered } from "./boxes.js";
import { Gestures } from "./gestures.js";
import { MaskOverlay } from "./masks.js";
import { paintBox, paintClick, paintGlass } from "./paint.js";
import { Painter } from "./painter.js";

/** @type {Record<Handle | "inside", string>} */
const CURSORS = {
  nw: "nwse-resize",
  se: "nwse-resize",
  ne: "nesw-resize",
  sw: "nesw-resize",
  n: "ns-resize",
  s: "ns-resize",
  e: "ew-resize",
  w: "ew-resize",
  inside: "move",
};
const SMALLEST = 4;

/**
 * A box that is being dragged, or drawn where `box` is null.
 * @typedef {{ box: BoxPart | null, part: Handle | "inside", from: Point, xyxy: Xyxy }} Drag
 */

/**
 * Between source pixels and those of the canvas.
 * @typedef {object} Projection
 * @property {(point: Point) => Point} onScreen
 * @property {(pointer: Pointer) => Point} place source pixels under the pointer
 * @property {() => number} scale pixels of the canvas a source pixel
 */

/**
 * What the stage asks of the rest of the page.
 * @typedef {object} StageActions
 * @property {(objectId: number, xyxy: Xyxy) => void} putBox
 * @property {(xy: Point, isPositive: boolean) => void} putClick
 * @property {(objectId: number, frame: number, counts: string) => void} putMask
 * @property {(objectId: number) => boolean} refuses
 * @property {Notify} notify
 * @property {() => void} suspect the server may be out of reach
 */

export class Stage {
  #refs;
  #state;
  #frames;
  #actions;
  #context;
  #overlay = new MaskOverlay();
  /** @type {Drag | null} */
  #drag = null;

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {Frames} frames
   * @param {StageActions} actions
   */
  constructor(refs, state, frames, actions) {
    this.#refs = refs;
    this.#state = state;
    this.#frames = frames;
    this.#actions = actions;
    this.#context = contextOf(refs.canvas);
    this.#bindWaiting();
    /** @type {Projection} */
    const projection = {
      onScreen: (point) => this.#onScreen(point),
      place: (pointer) => this.#place(pointer),
      scale: () => this.#scale(),
    };
    this.gestures = new Gestures(refs, state, projection.place, () => this.cancel());
    this.painter = new Painter(state, refs.canvas, projection, {
      refuses: actions.refuses,
      put: actions.putMask,
      nothing: () => actions.notify(NOTHING_LEFT, "info"),
      redraw: () => this.#draw(),
      forget: () => this.#overlay.forget(),
    });
    this.#bindPointer();
    this.#bindState();
  }

  /** Give up what the pointer is doing; tell whether it did anything. */
  cancel() {
    const wasBusy = this.painter.cancel() || this.#drag !== null;
    this.#drag = null;
    this.#draw();
    return wasBusy;
  }

  /** Nothing is drawn on a frame whose picture is not there yet. */
  #bindWaiting() {
    for (const name of ["pointerdown", "contextmenu"]) {
      this.#refs.canvas.addEventListener(name, (event) => {
        const { frame, pictureFrame } = this.#state.get();
        if (frame === pictureFrame) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      });
    }
  }

  #bindPointer() {
    const { canvas } = this.#refs;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#drop(event));
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.#actions.putClick(this.#place(event), false);
    });
    canvas.addEventListener("pointercancel", () => this.cancel());
  }

  #bindState() {
    const { stage, zoom } = this.#refs;
    const state = this.#state;
    state.on(["frame", "info"], () => this.#show());
    state.on(DRAWN, () => this.#draw());
    state.on(["work"], () => state.set({ view: FIT }));
    state.on(["info"], () => this.#resize());
    state.on(["maskCount", "hidden", "solo", "opacity", "outline", "onion", "marks", "pending", "selected"], () => {
      this.#overlay.forget();
      this.#draw();
    });
    state.on(["pictureFrame", "info"], ({ pictureFrame, info }) => {
      stage.toggleAttribute("data-waiting", pictureFrame < 0);
      const label = `Video frame ${pictureFrame} of ${info?.frames}`;
      if (info && pictureFrame >= 0) stage.setAttribute("aria-label", label);
    });
    state.on(["view"], ({ view }) => {
      zoom.textContent = `${Math.round(view.zoom * 100)} %`;
    });
    new ResizeObserver(() => this.#resize()).observe(stage);
    window.addEventListener("resize", () => this.#resize());
  }

  #scale() {
    return (this.#refs.canvas.width / this.#state.clip().width) * this.#state.get().view.zoom;
  }

  /** @param {Point} point @returns {Point} */
  #onScreen([x, y]) {
    const { view } = this.#state.get();
    const scale = this.#scale();
    return [(x - view.x) * scale, (y - view.y) * scale];
  }

  /** @param {Xyxy} xyxy @returns {Xyxy} */
  #boxOnScreen([x1, y1, x2, y2]) {
    return [...this.#onScreen([x1, y1]), ...this.#onScreen([x2, y2])];
  }

  /** @param {Pointer} pointer @returns {Point} */
  #place({ clientX, clientY }) {
    const { width, height } = this.#state.clip();
    const { view } = this.#state.get();
    const area = this.#refs.canvas.getBoundingClientRect();
    const [wide, high] = [width / view.zoom, height / view.zoom];
    return [view.x + ((clientX - area.left) / area.width) * wide, view.y + ((clientY - area.top) / area.height) * high];
  }

  #resize() {
    const { info } = this.#state.get();
    if (!info) return;
    const { canvas, stage } = this.#refs;
    const { innerHeight } = window;
    const tallest = Math.max(220, Math.min(innerHeight * 0.6, innerHeight - 324)); // for the timeline below it
    const room = Math.min(stage.clientWidth / info.width, tallest / info.height);
    canvas.style.width = `${info.width * room}px`;
    canvas.style.height = `${info.height * room}px`;
    canvas.width = Math.round(info.width * room * pixelRatio());
    canvas.height = Math.round(info.height * room * pixelRatio());
    this.#draw();
  }

  /** The boxes on the picture, with the one that is being dragged as it would be. */
  #shownBoxes() {
    const now = this.#state.get();
    const here = now.boxes.filter((box) => box.frame === now.pictureFrame && isVisible(now, box.object));
    if (!this.#drag) return here;
    const { box: taken, xyxy } = this.#drag;
    if (taken === null) return [...here, { object: 0, frame: now.pictureFrame, xyxy }];
    return here.map((box) => (box.object === taken.object ? { ...box, xyxy } : box));
  }

  /** Everything drawn belongs to the picture that is there, which may be behind the frame that was asked for. */
  #draw() {
    const now = this.#state.get();
    const { info, pictureFrame, eye, picture, view } = now;
    if (!info || !picture) return;
    const context = this.#context;
    const scale = this.#scale();
    const [x, y] = this.#onScreen([0, 0]);
    const [wide, high] = [info.width * scale, info.height * scale];
    context.imageSmoothingEnabled = view.zoom < 6;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, wide, high);
    this.#refs.canvas.dataset.shown = String(pictureFrame);
    const here = now.masks.get(pictureFrame);
    if (here && eye) {
      this.#overlay.paint(here, now, info, this.painter.at());
      context.drawImage(this.#overlay.canvas, x, y, wide, high);
      this.#refs.canvas.dataset.masks = String(now.maskCount);
    }
    if (eye) this.#drawProposals(now);
    for (const box of this.#shownBoxes()) this.#drawBox(box, now, info);
    this.#drawLit(now);
    this.#drawClicks(now, info);
    this.painter.draw(context);
    this.#drawGlass(picture, info);
  }

  /** What other answers box here. @param {State} now */
  #drawProposals({ proposals, pictureFrame }) {
    for (const { number, frame, boxes, current } of proposals) {
      if (current || frame !== pictureFrame) continue;
      const look = { ink: "#ffc857", label: `answer ${number + 1}`, isDashed: true, unit: pixelRatio() };
      for (const xyxy of boxes) paintBox(this.#context, this.#boxOnScreen(xyxy), look);
    }
  }

  /** A box that the reasoning names and nobody drew. @param {State} now */
  #drawLit({ lit, pictureFrame }) {
    if (!lit?.xyxy || lit.object !== null || lit.frame !== pictureFrame) return;
    const look = { ink: "#ffffff", label: "", isLit: true, unit: pixelRatio() };
    paintBox(this.#context, this.#boxOnScreen(lit.xyxy), look);
  }

  /** @param {State} now @param {OpenedItem} info */
  #drawClicks(now, { palette }) {
    for (const { object, xy, positive, frame } of now.clicks) {
      if (frame !== now.pictureFrame || !isVisible(now, object)) continue;
      const look = { ink: colour(palette, object), positive, unit: pixelRatio() };
      paintClick(this.#context, this.#onScreen(xy), look);
    }
  }

  /** @param {BoxPart} box @param {State} now @param {OpenedItem} info */
  #drawBox({ object, xyxy }, now, { palette }) {
    const { selected, lit, locked, corner, tool } = now;
    paintBox(this.#context, this.#boxOnScreen(xyxy), {
      ink: object === 0 ? "#ffffff" : colour(palette, object),
      label: object === 0 ? "" : nameOf(now, object),
      isOpen: object === selected && !tool && !locked.includes(object),
      isLit: lit?.object === object,
      corner: object === selected ? corner : null,
      unit: pixelRatio(),
    });
  }

  /** @param {ImageBitmap} picture @param {OpenedItem} info */
  #drawGlass(picture, info) {
    const drag = this.#drag;
    if (!drag?.box || drag.part === "inside") return;
    const { object } = drag.box;
    const corner = handlePoint(drag.xyxy, drag.part);
    const unit = pixelRatio();
    const [x1, y1, x2, y2] = drag.xyxy;
    const over = (/** @type {CanvasRenderingContext2D} */ glass, /** @type {number} */ by) => {
      glass.lineWidth = 2 * unit;
      glass.strokeStyle = colour(info.palette, object);
      glass.strokeRect(x1 * by, y1 * by, (x2 - x1) * by, (y2 - y1) * by);
    };
    const glass = { ratio: info.width / picture.width, unit, over };
    paintGlass(this.#context, picture, corner, this.#onScreen(corner), glass);
  }

  /** @param {Pointer} pointer */
  #under(pointer) {
    const { selected, drawing, locked, view } = this.#state.get();
    if (drawing) return null;
    const reach = (9 * this.#state.clip().width) / view.zoom / this.#refs.canvas.getBoundingClientRect().width;
    const free = this.#shownBoxes().filter((box) => !locked.includes(box.object));
    return hit(free, selected, this.#place(pointer), reach);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    this.#refs.stage.focus({ preventScroll: true });
    this.#refs.canvas.setPointerCapture(event.pointerId);
    const found = this.#under(event);
    const [x, y] = this.#place(event);
    if (found && found.box.object !== this.#state.get().selected) {
      this.#state.set({ selected: found.box.object });
      return;
    }
    this.#drag = found
      ? { box: found.box, part: found.part, from: [x, y], xyxy: found.box.xyxy }
      : { box: null, part: "se", from: [x, y], xyxy: [x, y, x, y] };
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { info } = this.#state.get();
    if (!info) return;
    const drag = this.#drag;
    if (!drag) {
      const found = this.#under(event);
      this.#refs.canvas.style.cursor = found ? CURSORS[found.part] : "crosshair";
      return;
    }
    const [x, y] = this.#place(event);
    drag.xyxy = drag.box
      ? dragged(drag.box.xyxy, drag.part, [x - drag.from[0], y - drag.from[1]], info)
      : ordered([...drag.from, x, y], info);
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #drop(event) {
    if (!this.#drag) return;
    const { box, xyxy, from } = this.#drag;
    this.#drag = null;
    const isBox = xyxy[2] - xyxy[0] >= SMALLEST && xyxy[3] - xyxy[1] >= SMALLEST;
    const isChanged = box?.xyxy.some((value, side) => value !== xyxy[side]) ?? false;
    if (box === null && isBox) this.#actions.putBox(0, xyxy);
    else if (box !== null && isChanged && isBox) this.#actions.putBox(box.object, xyxy);
    else if (!isChanged) this.#actions.putClick(from, !event.altKey);
    this.#draw();
  }

  async #show() {
    const { info, frame, work } = this.#state.get();
    if (!info) return;
    const ready = this.#frames.peek(frame);
    if (ready) {
      this.#state.set({ picture: ready, pictureFrame: frame });
      return;
    }
    const take = (/** @type {ImageBitmap | null} */ picture) => {
      const now = this.#state.get();
      if (picture && now.frame === frame && now.work === work) this.#state.set({ picture, pictureFrame: frame });
    };
    try {
      if (this.#state.get().pictureFrame < 0) take(await this.#frames.preview(frame)); // something is to be seen soon
      take(await this.#frames.get(frame));
    } catch (error) {
      this.#actions.notify(textOf(error));
      this.#actions.suspect();
    }
  }
}

const NOTHING_LEFT = "Nothing is left of the mask here. If the object is not in this frame, mark it absent (O).";

/** @type {(keyof State)[]} */
const DRAWN = [
  "picture",
  "masks",
  "boxes",
  "clicks",
  "selected",
  "eye",
  "view",
  "lit",
  "names",
  "locked",
  "corner",
  "brush",
  "tool",
  "proposals",
];
