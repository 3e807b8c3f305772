// @ts-check
// Wheel, pinch, Space-drag and middle-drag move the view; they take the pointer over before the stage sees it.

/** @import { Refs } from "../core/refs.js" */
/** @import { Point, Store, View } from "../core/types.js" */

import { panned, zoomed } from "./view.js";

/** @typedef {{ clientX: number, clientY: number }} Pointer */

export class Gestures {
  #refs;
  #state;
  #place;
  #cancelDrag;
  /** @type {Map<number, { x: number, y: number }>} */
  #touches = new Map();
  #isHeld = false;
  #isMoved = false;
  /** @type {number | null} */
  #panning = null;
  #apart = 0;

  /**
   * @param {Refs} refs
   * @param {Store} state
   * @param {(pointer: Pointer) => Point} place source pixels under the pointer
   * @param {() => void} cancelDrag
   */
  constructor(refs, state, place, cancelDrag) {
    this.#refs = refs;
    this.#state = state;
    this.#place = place;
    this.#cancelDrag = cancelDrag;
    refs.stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    refs.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    refs.canvas.addEventListener("pointermove", (event) => this.#move(event));
    refs.canvas.addEventListener("pointerup", (event) => this.#release(event));
    refs.canvas.addEventListener("pointercancel", (event) => this.#release(event));
  }

  /** Space is held: it is the hand. */
  hold() {
    if (!this.#isHeld) this.#isMoved = false;
    this.#isHeld = true;
    this.#refs.stage.dataset.grab ??= "ready";
  }

  /** Space is let go; tells whether it was used, so that a tap can still play. */
  release() {
    this.#isHeld = false;
    delete this.#refs.stage.dataset.grab;
    return this.#isMoved;
  }

  /** @param {View} view */
  #set(view) {
    this.#isMoved = true;
    this.#state.set({ view });
  }

  /** @param {number} dx @param {number} dy on the screen */
  #pan(dx, dy) {
    const info = this.#state.clip();
    const { view } = this.#state.get();
    const perPixel = info.width / view.zoom / this.#refs.canvas.getBoundingClientRect().width;
    this.#set(panned(view, dx * perPixel, dy * perPixel, info));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const { info, view } = this.#state.get();
    if (!info) return;
    event.preventDefault();
    this.#set(zoomed(view, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), this.#place(event), info));
  }

  #distance() {
    const [a, b] = [...this.#touches.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.pointerType === "touch") this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const isPan = event.button === 1 || (event.button === 0 && this.#isHeld);
    if (this.#touches.size !== 2 && !isPan) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    this.#cancelDrag();
    if (this.#touches.size === 2) this.#apart = this.#distance();
    else {
      this.#panning = event.pointerId;
      this.#refs.canvas.setPointerCapture(event.pointerId);
      this.#refs.stage.dataset.grab = "held";
    }
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const touch = this.#touches.get(event.pointerId);
    if (event.pointerId === this.#panning) this.#pan(event.movementX, event.movementY);
    else if (touch && this.#touches.size === 2) this.#pinch(event, touch);
    else return;
    event.stopImmediatePropagation();
  }

  /** @param {PointerEvent} event @param {{ x: number, y: number }} touch */
  #pinch(event, touch) {
    const now = { x: event.clientX, y: event.clientY };
    this.#pan((now.x - touch.x) / 2, (now.y - touch.y) / 2);
    this.#touches.set(event.pointerId, now);
    const apart = this.#distance();
    const [a, b] = [...this.#touches.values()];
    const middle = this.#place({ clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 });
    this.#set(zoomed(this.#state.get().view, apart / this.#apart, middle, this.#state.clip()));
    this.#apart = apart;
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const isOurs = event.pointerId === this.#panning || this.#touches.size === 2;
    this.#touches.delete(event.pointerId);
    if (event.pointerId === this.#panning) this.#panning = null;
    delete this.#refs.stage.dataset.grab;
    if (this.#isHeld) this.#refs.stage.dataset.grab = "ready";
    if (isOurs) event.stopImmediatePropagation();
  }
}
