// @ts-check
// A second frame beside the one that is shown, with its masks: the neighbour, one farther off, or one that was pinned.

/** @import { Refs } from "../core/refs.js" */
/** @import { OtherFrame, State, Store } from "../core/types.js" */
/** @import { Player } from "../timeline/player.js" */
/** @import { Frames } from "./frames.js" */

import { clamp } from "../core/clamp.js";
import { contextOf, node } from "../core/dom.js";
import { MaskOverlay } from "./masks.js";

/** Which frame is shown beside another one, by what was chosen. @param {OtherFrame} other @param {number} frame */
export function frameBeside(other, frame, /** @type {number} */ count) {
  return clamp("pinned" in other ? other.pinned : frame + other.by, 0, count - 1);
}

/**
 * @param {Refs} refs
 * @param {Store} state
 * @param {Frames} frames
 * @param {Player} player
 */
export function makeSecond(refs, state, frames, player) {
  const { second, secondPicture, secondCaption, secondWhich, secondClose } = refs;
  const canvas = node("canvas", { role: "img", title: "Go to this frame", onclick: () => player.go(wanted) });
  const overlay = new MaskOverlay();
  let wanted = -1;

  /** @param {State} now */
  async function draw(now) {
    const { info, beside, frame, masks } = now;
    second.hidden = !beside || !info;
    if (!beside || !info) return;
    const other = frameBeside(beside, frame, info.frames);
    wanted = other;
    const picture = await frames.get(other).catch(() => null);
    if (!picture || wanted !== other) return;
    if (!canvas.isConnected) secondPicture.append(canvas);
    canvas.width = picture.width;
    canvas.height = picture.height;
    const context = contextOf(canvas);
    context.drawImage(picture, 0, 0);
    const here = masks.get(other);
    if (here && now.eye) {
      overlay.forget();
      overlay.paint(here, { ...now, pictureFrame: other, onion: false }, info, null);
      context.drawImage(overlay.canvas, 0, 0, picture.width, picture.height);
    }
    const apart = other - frame;
    secondCaption.textContent = `frame ${other} (${apart > 0 ? "+" : ""}${apart})`;
    canvas.setAttribute("aria-label", `Frame ${other} with its masks`);
  }

  secondWhich.addEventListener("change", () => {
    const chosen = secondWhich.value;
    const beside = chosen === "pinned" ? { pinned: state.get().frame } : { by: Number(chosen) };
    state.set({ beside });
  });
  secondClose.addEventListener("click", () => state.set({ beside: null }));
  state.on(["beside", "frame", "work", "maskCount", "marks", "hidden", "solo", "opacity", "outline", "eye"], draw);
}
