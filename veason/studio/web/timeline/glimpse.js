// @ts-check
// A small picture of the frame under the pointer, above the lane.

/** @import { Refs } from "../core/refs.js" */
/** @import { Scope, Store } from "../core/types.js" */

import { clamp } from "../core/clamp.js";

const LONGEST = 160;
const RESTING_MS = 90;
const MOST = 400;

/** @param {Refs} refs @param {Scope} scope @param {Store} state */
export function makeGlimpse({ lanes, glimpse, glimpsePicture, glimpseText }, scope, state) {
  /** @type {Map<string, string>} */
  const pictures = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;

  /** @param {string} work @param {number} frame */
  async function show(work, frame) {
    const key = `${work}/${frame}`;
    let picture = pictures.get(key);
    if (picture === undefined) {
      const reply = await scope.server.frame({ work, frame, longest: LONGEST });
      if (reply.error !== undefined) return;
      picture = reply.jpeg;
      if (pictures.size >= MOST) pictures.clear();
      pictures.set(key, picture);
    }
    if (glimpse.dataset.frame === String(frame)) glimpsePicture.style.backgroundImage = `url("${picture}")`;
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    const { info, work } = state.get();
    const track = event.target instanceof Element ? event.target.closest(".v-track") : null;
    if (!track || !info || !work || event.pointerType === "touch") {
      hide();
      return;
    }
    const area = track.getBoundingClientRect();
    const frame = clamp(Math.floor(((event.clientX - area.left) / area.width) * info.frames), 0, info.frames - 1);
    if (glimpse.dataset.frame !== String(frame)) glimpsePicture.style.backgroundImage = "";
    glimpsePicture.style.aspectRatio = `${info.width} / ${info.height}`;
    glimpse.hidden = false;
    glimpse.dataset.frame = String(frame);
    glimpse.style.left = `${clamp(event.clientX - LONGEST / 2, 4, window.innerWidth - LONGEST - 12)}px`;
    glimpse.style.top = `${area.top - 8}px`;
    glimpseText.textContent = `frame ${frame}`;
    clearTimeout(resting);
    resting = setTimeout(() => show(work, frame).catch(() => {}), RESTING_MS); // without it only the number shows
  }

  function hide() {
    clearTimeout(resting);
    glimpse.hidden = true;
  }

  lanes.addEventListener("pointermove", follow);
  lanes.addEventListener("pointerleave", hide);
  lanes.addEventListener("pointerdown", hide);
}
