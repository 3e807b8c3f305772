// What several tests need: a state without a page, and messages as the server would send them.

/** @import { Item, Message, OpenedItem, QueueRow, SessionItem } from "../../veason/studio/web/contract.js" */
/** @import { State } from "../../veason/studio/web/core/types.js" */

import { initial } from "../../veason/studio/web/core/blank.js";
import { makeState } from "../../veason/studio/web/core/state.js";

/** @returns {OpenedItem} */
export const opened = () => ({
  kind: "opened",
  work: "key.1",
  project: "key",
  title: "clip.mp4",
  frames: 20,
  width: 8,
  height: 6,
  fps: 10,
  first: 0,
  last: 1.9,
  variable: false,
  decoder: "none",
  range: [0, 20],
  home: [0, 20],
  palette: ["#e69f00", "#56b4e9"],
});

/** @param {Partial<SessionItem>} more @returns {SessionItem} */
export const session = (more = {}) => ({
  kind: "session",
  seen: 1,
  review: "new",
  assignee: null,
  instruction: "",
  takesWords: false,
  shown: [],
  keyframe: null,
  objects: [],
  boxes: [],
  clicks: [],
  stale: [],
  byHand: [],
  marks: [],
  names: {},
  classes: {},
  attributes: {},
  locked: [],
  occluded: [],
  reasoning: null,
  rewritten: null,
  paintings: [],
  pending: {},
  assumed: {},
  undoSteps: [],
  redoSteps: [],
  ...more,
});

/** @param {Partial<State>} patch */
export function stateWith(patch = {}) {
  const state = makeState(initial());
  state.set(patch);
  return state;
}

/** @param {Item[]} items @param {Partial<Message>} more @returns {Message} */
export const message = (items, more = {}) => ({ work: "key.1", items, epoch: "e", serial: 0, revision: 1, ...more });

/** @param {Partial<QueueRow>} more @returns {QueueRow} */
export const row = (more = {}) => ({
  id: 1,
  video: 1,
  clip: "a.mp4",
  frames: 20,
  isGone: false,
  instruction: "",
  status: "new",
  assignee: null,
  proposed: null,
  objects: 2,
  isDeleted: false,
  doubt: null,
  failure: "",
  isSecond: false,
  seen: 1,
  seconds: 0,
  edits: 0,
  remarks: 0,
  iou: null,
  verdicts: [],
  isDisputed: false,
  ...more,
});
