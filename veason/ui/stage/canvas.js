// The stage: the exact frame, the masks over it, the boxes over those, and the pointer's work on boxes.

import { HANDLES, dragged, handlePoint, hit, ordered } from "./boxes.js";
import { paintMask, rgb } from "./rle.js";
import { colour } from "./state.js";

const CURSORS = {
  nw: "nwse-resize", se: "nwse-resize", ne: "nesw-resize", sw: "nesw-resize", n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize", inside: "move",
};
const SMALLEST = 4;

export function makeStage(refs, state, frames, actions) {
  const { canvas, stage } = refs;
  const context = canvas.getContext("2d");
  const overlay = document.createElement("canvas");
  let overlayOf = null;
  let drag = null;

  function shownBoxes() {
    const { boxes, frame } = state.get();
    const here = boxes.filter((box) => box.frame === frame);
    if (!drag) return here;
    if (drag.box === null) return [...here, { object: 0, frame, xyxy: drag.xyxy }];
    return here.map((box) => (box.object === drag.box.object ? { ...box, xyxy: drag.xyxy } : box));
  }

  function resize() {
    const { info } = state.get();
    if (!info) return;
    const room = Math.min(stage.clientWidth / info.width, (window.innerHeight * 0.6) / info.height);
    const ratio = window.devicePixelRatio || 1;
    canvas.style.width = `${info.width * room}px`;
    canvas.style.height = `${info.height * room}px`;
    canvas.width = Math.round(info.width * room * ratio);
    canvas.height = Math.round(info.height * room * ratio);
    draw();
  }

  function paintOverlay(masks) {
    if (overlayOf === masks) return;
    overlayOf = masks;
    const { info } = state.get();
    overlay.width = info.width;
    overlay.height = info.height;
    const image = new ImageData(info.width, info.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const [objectId, [counts]] of Object.entries(masks)) {
      paintMask(counts, info.width, info.height, pixels, rgb(colour(info.palette, Number(objectId))));
    }
    overlay.getContext("2d").putImageData(image, 0, 0);
  }

  function draw() {
    const { info, frame, masks, eye, picture } = state.get();
    if (!info || !picture) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const here = masks.get(frame);
    if (here && eye) {
      paintOverlay(here);
      context.drawImage(overlay, 0, 0, canvas.width, canvas.height);
    }
    for (const box of shownBoxes()) drawBox(box);
    for (const click of state.get().clicks) if (click.frame === frame) drawClick(click);
  }

  // A plus on the object, a minus off it: told apart by shape as well as by colour.
  function drawClick({ xy, positive, object }) {
    const { info } = state.get();
    const scale = canvas.width / info.width;
    const unit = window.devicePixelRatio || 1;
    const [x, y] = xy.map((value) => value * scale);
    context.beginPath();
    context.arc(x, y, 8 * unit, 0, 7);
    context.fillStyle = positive ? colour(info.palette, object) : "#0b0e13";
    context.fill();
    context.lineWidth = 2 * unit;
    context.strokeStyle = "#ffffff";
    context.stroke();
    context.beginPath();
    context.moveTo(x - 4 * unit, y);
    context.lineTo(x + 4 * unit, y);
    if (positive) {
      context.moveTo(x, y - 4 * unit);
      context.lineTo(x, y + 4 * unit);
    }
    context.strokeStyle = positive ? "#0b0e13" : "#ffffff";
    context.stroke();
  }

  function drawBox({ object, xyxy }) {
    const { info, selected } = state.get();
    const scale = canvas.width / info.width;
    const unit = window.devicePixelRatio || 1;
    const [x1, y1, x2, y2] = xyxy.map((value) => value * scale);
    const ink = object === 0 ? "#ffffff" : colour(info.palette, object);
    context.lineWidth = 4 * unit;
    context.strokeStyle = "#0009";
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.lineWidth = 2 * unit;
    context.strokeStyle = ink;
    context.setLineDash(object === 0 ? [6 * unit, 4 * unit] : []);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.setLineDash([]);
    if (object === 0) return;
    const label = `object ${object}`;
    context.font = `600 ${12 * unit}px Inter, system-ui, sans-serif`;
    const wide = context.measureText(label).width + 12 * unit;
    const top = y1 > 22 * unit ? y1 - 21 * unit : y1;
    context.fillStyle = ink;
    context.fillRect(x1 - unit, top, wide, 20 * unit);
    context.fillStyle = "#0b0e13";
    context.fillText(label, x1 + 5 * unit, top + 14 * unit);
    if (object !== selected) return;
    for (const handle of HANDLES) {
      const [hx, hy] = handlePoint([x1, y1, x2, y2], handle);
      context.beginPath();
      context.arc(hx, hy, 5 * unit, 0, 7);
      context.fillStyle = "#ffffff";
      context.fill();
      context.strokeStyle = ink;
      context.stroke();
    }
  }

  function place(event) {
    const { info } = state.get();
    const area = canvas.getBoundingClientRect();
    return [((event.clientX - area.left) / area.width) * info.width, ((event.clientY - area.top) / area.height) * info.height];
  }

  function under(event) {
    const { info, selected, drawing } = state.get();
    if (drawing) return null;
    const reach = (9 * info.width) / canvas.getBoundingClientRect().width;
    return hit(shownBoxes(), selected, ...place(event), reach);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const found = under(event);
    const [x, y] = place(event);
    if (found && found.box.object !== state.get().selected) {
      state.set({ selected: found.box.object });
      return;
    }
    drag = found
      ? { box: found.box, part: found.part, from: [x, y], xyxy: found.box.xyxy }
      : { box: null, part: "se", from: [x, y], xyxy: [x, y, x, y] };
    draw();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!state.get().info) return;
    if (!drag) {
      canvas.style.cursor = CURSORS[under(event)?.part] ?? "crosshair";
      return;
    }
    const { info } = state.get();
    const [x, y] = place(event);
    drag.xyxy = drag.box
      ? dragged(drag.box.xyxy, drag.part, x - drag.from[0], y - drag.from[1], info.width, info.height)
      : ordered([...drag.from, x, y], info.width, info.height);
    draw();
  });

  function drop(event) {
    if (!drag) return;
    const { box, xyxy, from } = drag;
    drag = null;
    const isBox = xyxy[2] - xyxy[0] >= SMALLEST && xyxy[3] - xyxy[1] >= SMALLEST;
    const isChanged = box && box.xyxy.some((value, side) => value !== xyxy[side]);
    if (box === null && isBox) actions.putBox(0, xyxy);
    else if (isChanged && isBox) actions.putBox(box.object, xyxy);
    else if (!isChanged) actions.putClick(from, !event.altKey);
    draw();
  }
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    actions.putClick(place(event), false);
  });
  canvas.addEventListener("pointercancel", () => { drag = null; draw(); });

  async function show() {
    const { info, frame, work } = state.get();
    if (!info) return;
    stage.setAttribute("aria-label", `Video frame ${frame} of ${info.frames}`);
    const ready = frames.peek(frame);
    if (ready) {
      state.set({ picture: ready, pictureFrame: frame });
      return;
    }
    try {
      const picture = await frames.get(frame);
      const now = state.get();
      if (now.frame === frame && now.work === work) state.set({ picture, pictureFrame: frame });
    } catch (error) {
      actions.notify(error.message ?? String(error));
    }
  }

  state.on(["frame", "info"], show);
  state.on(["picture", "masks", "boxes", "clicks", "selected", "eye"], draw);
  state.on(["info"], resize);
  state.on(["maskCount"], () => { overlayOf = null; draw(); });
  new ResizeObserver(resize).observe(stage);
  window.addEventListener("resize", resize);
}
