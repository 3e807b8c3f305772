// The stage: the exact frame, the masks over it, the boxes over those, and the pointer's work on boxes.

import { colour, isAbsent, isVisible, nameOf } from "../core/objects.js";
import { dragged, handlePoint, hit, ordered } from "./boxes.js";
import { bindGestures } from "./gestures.js";
import { paintBox, paintClick, paintGlass } from "./paint.js";
import { makePainter } from "./painter.js";
import { paintMask, rgb } from "./rle.js";
import { FIT } from "./view.js";

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

export function makeStage(refs, state, frames, actions) {
  const { canvas, stage } = refs;
  const context = canvas.getContext("2d");
  const overlay = document.createElement("canvas");
  let overlayOf = null;
  let image = null;
  let drag = null;

  const scale = () => (canvas.width / state.get().info.width) * state.get().view.zoom;

  function onScreen([x, y]) {
    const { view } = state.get();
    return [(x - view.x) * scale(), (y - view.y) * scale()];
  }

  function shownBoxes() {
    const now = state.get();
    const here = now.boxes.filter((box) => box.frame === now.pictureFrame && isVisible(now, box.object));
    if (!drag) return here;
    if (drag.box === null) return [...here, { object: 0, frame: now.pictureFrame, xyxy: drag.xyxy }];
    return here.map((box) => (box.object === drag.box.object ? { ...box, xyxy: drag.xyxy } : box));
  }

  // Room for the timeline below it stays on the screen.
  const tallest = () => Math.max(220, Math.min(window.innerHeight * 0.6, window.innerHeight - 320));

  function resize() {
    const { info } = state.get();
    if (!info) return;
    const room = Math.min(stage.clientWidth / info.width, tallest() / info.height);
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
    const { info, pictureFrame, marks, opacity, outline } = state.get();
    if (image?.width !== info.width || image.height !== info.height) {
      overlay.width = info.width;
      overlay.height = info.height;
      image = new ImageData(info.width, info.height);
    }
    const pixels = new Uint32Array(image.data.buffer).fill(0);
    for (const [objectId, [counts]] of Object.entries(masks)) {
      const object = Number(objectId);
      if (!isVisible(state.get(), object) || isAbsent(marks, object, pictureFrame) || object === painter.at()) continue;
      paintMask(counts, info.width, info.height, pixels, rgb(colour(info.palette, object)), outline ? 0 : opacity);
    }
    overlay.getContext("2d").putImageData(image, 0, 0);
  }

  // Everything drawn belongs to the picture that is there, which may be behind the frame that was asked for.
  function draw() {
    const { info, pictureFrame, masks, maskCount, eye, picture, view, clicks } = state.get();
    if (!info || !picture) return;
    const [wide, high] = [info.width * scale(), info.height * scale()];
    context.imageSmoothingEnabled = view.zoom < 6;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, ...onScreen([0, 0]), wide, high);
    canvas.dataset.shown = pictureFrame;
    const here = masks.get(pictureFrame);
    if (here && eye) {
      paintOverlay(here);
      context.drawImage(overlay, ...onScreen([0, 0]), wide, high);
      canvas.dataset.masks = maskCount;
    }
    if (eye) for (const answer of state.get().proposals) drawProposal(answer);
    for (const box of shownBoxes()) drawBox(box);
    drawLit();
    for (const { object, xy, positive, frame: of } of clicks) {
      if (of !== pictureFrame || !isVisible(state.get(), object)) continue;
      paintClick(context, onScreen(xy), {
        ink: colour(info.palette, object),
        positive,
        unit: window.devicePixelRatio || 1,
      });
    }
    painter.draw(context);
    drawGlass();
  }

  // What another answer boxes here.
  function drawProposal({ number, frame, boxes, current }) {
    if (current || frame !== state.get().pictureFrame) return;
    for (const xyxy of boxes) {
      paintBox(context, [...onScreen(xyxy.slice(0, 2)), ...onScreen(xyxy.slice(2))], {
        ink: "#ffc857",
        label: `answer ${number + 1}`,
        isDashed: true,
        unit: window.devicePixelRatio || 1,
      });
    }
  }

  // A box that the reasoning names and nobody drew.
  function drawLit() {
    const { lit, pictureFrame } = state.get();
    if (!lit?.xyxy || lit.object !== null || lit.frame !== pictureFrame) return;
    paintBox(context, [...onScreen(lit.xyxy.slice(0, 2)), ...onScreen(lit.xyxy.slice(2))], {
      ink: "#ffffff",
      label: "",
      isLit: true,
      unit: window.devicePixelRatio || 1,
    });
  }

  function drawBox({ object, xyxy }) {
    const { info, selected, lit, locked, corner, tool } = state.get();
    paintBox(context, [...onScreen(xyxy.slice(0, 2)), ...onScreen(xyxy.slice(2))], {
      ink: object === 0 ? "#ffffff" : colour(info.palette, object),
      label: object === 0 ? "" : nameOf(state.get(), object),
      isOpen: object === selected && !tool && !locked.includes(object),
      isLit: lit?.object === object,
      corner: object === selected ? corner : null,
      unit: window.devicePixelRatio || 1,
    });
  }

  function drawGlass() {
    const { info, picture } = state.get();
    if (!drag?.box || drag.part === "inside" || !picture) return;
    const corner = handlePoint(drag.xyxy, drag.part);
    const unit = window.devicePixelRatio || 1;
    const [x1, y1, x2, y2] = drag.xyxy;
    const over = (glass, by) => {
      glass.lineWidth = 2 * unit;
      glass.strokeStyle = colour(info.palette, drag.box.object);
      glass.strokeRect(x1 * by, y1 * by, (x2 - x1) * by, (y2 - y1) * by);
    };
    paintGlass(context, picture, corner, onScreen(corner), { ratio: info.width / picture.width, unit, over });
  }

  function place(event) {
    const { info, view } = state.get();
    const area = canvas.getBoundingClientRect();
    const [wide, high] = [info.width / view.zoom, info.height / view.zoom];
    return [
      view.x + ((event.clientX - area.left) / area.width) * wide,
      view.y + ((event.clientY - area.top) / area.height) * high,
    ];
  }

  function under(event) {
    const { info, selected, drawing, locked, view } = state.get();
    if (drawing) return null;
    const reach = (9 * info.width) / view.zoom / canvas.getBoundingClientRect().width;
    return hit(
      shownBoxes().filter((box) => !locked.includes(box.object)),
      selected,
      ...place(event),
      reach,
    );
  }

  // Give up what the pointer is doing; tell whether it did anything.
  function cancel() {
    const wasBusy = painter.cancel() || drag !== null;
    drag = null;
    draw();
    return wasBusy;
  }

  // Nothing is drawn on a frame whose picture is not there yet.
  for (const name of ["pointerdown", "contextmenu"]) {
    canvas.addEventListener(name, (event) => {
      const { frame, pictureFrame } = state.get();
      if (frame === pictureFrame) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    });
  }

  const gestures = bindGestures(refs, state, canvas, place, cancel);
  const painter = makePainter(state, canvas, {
    place,
    onScreen,
    scale,
    redraw: draw,
    forget: () => {
      overlayOf = null;
    },
    actions,
  });

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
  canvas.addEventListener("pointercancel", cancel);

  async function show() {
    const { info, frame, work } = state.get();
    if (!info) return;
    const ready = frames.peek(frame);
    if (ready) {
      state.set({ picture: ready, pictureFrame: frame });
      return;
    }
    try {
      const picture = await frames.get(frame);
      const now = state.get();
      if (picture && now.frame === frame && now.work === work) state.set({ picture, pictureFrame: frame });
    } catch (error) {
      actions.notify(error.message ?? String(error));
      actions.suspect();
    }
  }

  state.on(["frame", "info"], show);
  state.on(
    [
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
    ],
    draw,
  );
  state.on(["work"], () => state.set({ view: FIT }));
  state.on(["info"], resize);
  state.on(["maskCount", "hidden", "solo", "opacity", "outline", "marks"], () => {
    overlayOf = null;
    draw();
  });
  state.on(["pictureFrame", "info"], ({ pictureFrame, info }) => {
    stage.toggleAttribute("data-waiting", pictureFrame < 0);
    if (info && pictureFrame >= 0) stage.setAttribute("aria-label", `Video frame ${pictureFrame} of ${info.frames}`);
  });
  state.on(["view"], ({ view }) => {
    refs.zoom.textContent = `${Math.round(view.zoom * 100)} %`;
  });
  new ResizeObserver(resize).observe(stage);
  window.addEventListener("resize", resize);
  return { ...gestures, painter, cancel };
}
