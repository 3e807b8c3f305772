// What is known of each object beside its masks: its name, whether it shows, whether it is locked, where it is absent.

export const nameOf = ({ names }, objectId) => names[objectId] ?? `object ${objectId}`;

export const isVisible = ({ hidden, solo }, objectId) => !hidden.has(objectId) && (solo === null || solo === objectId);

export const isAbsent = (marks, objectId, frame) => marks.some(
  ({ object, start, stop, mark }) => mark === "absent" && object === objectId && frame >= start && frame < stop,
);

// Frames where the object has a prompt or a mark by a person: there nobody needs to doubt the machine.
const isSettled = ({ byHand, marks }, objectId, frame) => isAbsent(marks, objectId, frame)
  || byHand.some(([object, at]) => object === objectId && at === frame);

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
export function nextPrompt({ boxes, clicks, info }, objectId, frame) {
  const later = [...boxes, ...clicks].filter((one) => one.object === objectId && one.frame > frame);
  return Math.min(info.frames, ...later.map((one) => one.frame));
}
