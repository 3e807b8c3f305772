// What is known of each object beside its masks: its name, whether it shows, whether it is locked, where it is absent.

export function colour(palette, objectId) {
  return palette[(objectId - 1) % palette.length] ?? "#56b4e9";
}

export const nameOf = ({ names }, objectId) => names[objectId] ?? `object ${objectId}`;

export const isVisible = ({ hidden, solo }, objectId) => !hidden.has(objectId) && (solo === null || solo === objectId);

const markAt = (marks, objectId, frame) =>
  marks.find(({ object, start, stop }) => object === objectId && frame >= start && frame < stop)?.mark;

export const isAbsent = (marks, objectId, frame) => markAt(marks, objectId, frame) === "absent";

export const isVerified = (marks, objectId, frame) => markAt(marks, objectId, frame) === "verified";

export const isOccluded = ({ occluded }, objectId, frame) =>
  occluded.some(([object, start, stop]) => object === objectId && frame >= start && frame < stop);

export const isPainted = ({ paintings }, objectId, frame) =>
  paintings.some(([object, at]) => object === objectId && at === frame);

const isByHand = ({ byHand }, objectId, frame) => byHand.some(([object, at]) => object === objectId && at === frame);

// Frames where the object has a prompt or a mark by a person: there nobody needs to doubt the machine.
const isSettled = (state, objectId, frame) =>
  markAt(state.marks, objectId, frame) !== undefined || isByHand(state, objectId, frame);

// Where the mask of an object on a frame comes from, in a word; "" where there is none.
export function provenance(state, objectId, frame) {
  const mark = markAt(state.marks, objectId, frame);
  if (mark) return mark;
  if (isByHand(state, objectId, frame)) return isPainted(state, objectId, frame) ? "painted" : "corrected";
  if (!state.masks.get(frame)?.[objectId]) return "";
  return state.boxes.some((box) => box.object === objectId && box.frame === frame) ? "model" : "propagated";
}

// Whether an object was propagated: its masks are on more frames than those on which it was drawn.
export function isSpread({ masks, info }, objectId) {
  let count = 0;
  for (const here of masks.values()) if (here[objectId] && ++count > 2) return true;
  return count > 0 && count === info.frames;
}

// The object's first frame of a range that has no mask, null where all have one.
export function unmasked({ masks }, objectId, start, stop) {
  for (let frame = start; frame < stop; frame += 1) if (!masks.get(frame)?.[objectId]) return frame;
  return null;
}

export function isDoubtful(state, objectId, frame, threshold) {
  return (state.doubt[objectId]?.[frame] ?? 0) > threshold && !isSettled(state, objectId, frame);
}

// Where a doubtful stretch of any visible object begins, ascending.
export function doubtfulStarts(state, threshold) {
  const starts = new Set();
  for (const [objectId, frames] of Object.entries(state.doubt)) {
    if (!isVisible(state, Number(objectId))) continue;
    for (const frame of Object.keys(frames).map(Number)) {
      const isHere = isDoubtful(state, objectId, frame, threshold);
      if (isHere && !isDoubtful(state, objectId, frame - 1, threshold)) starts.add(frame);
    }
  }
  return [...starts].sort((a, b) => a - b);
}

// The frame up to which "absent from here" reaches: the object's next box or click, else the end.
export function nextPrompt({ boxes, clicks, paintings, info }, objectId, frame) {
  const places = [...boxes, ...clicks].map((one) => [one.object, one.frame]).concat(paintings);
  return Math.min(
    info.frames,
    ...places.filter(([object, at]) => object === objectId && at > frame).map(([, at]) => at),
  );
}
