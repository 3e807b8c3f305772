// @ts-check
// The state before anything is open, part by part.

/** @import { HandPart, LabelsPart, MasksPart, PlaybackPart, QuestionPart, RunPart } from "./types.js" */
/** @import { ScreenPart, State, ThinkingPart, View, ViewPart } from "./types.js" */

import { recallPref } from "./prefs.js";

/** @type {View} */
export const FIT = { zoom: 1, x: 0, y: 0 };

/** @returns {Omit<QuestionPart, "project">} */
const question = () => ({
  work: null,
  seen: null,
  saved: null,
  review: "new",
  assignee: null,
  takesWords: false,
  typed: null,
});

/** @returns {Omit<PlaybackPart, "rate">} */
const playback = () => ({ info: null, opening: null, frame: 0, picture: null, pictureFrame: -1, playing: false });

/** @returns {LabelsPart} */
const labels = () => ({
  objects: [],
  keyframe: null,
  boxes: [],
  clicks: [],
  paintings: [],
  byHand: [],
  marks: [],
  names: new Map(),
  classes: new Map(),
  attributes: new Map(),
  locked: [],
  occluded: [],
  undoSteps: [],
  redoSteps: [],
});

/** @returns {MasksPart} */
const masks = () => ({
  masks: new Map(),
  maskCount: 0,
  doubt: new Map(),
  stale: [],
  pending: new Map(),
  assumed: new Map(),
});

/** @returns {ThinkingPart} */
const thinking = () => ({
  shown: [],
  thought: "",
  mentions: [],
  answered: null,
  failure: "",
  failureReason: "",
  findings: [],
  hasCheckedMasks: false,
  unknownWords: [],
  withheld: [],
  proposals: [],
  agreement: "",
  speed: "",
  reasoning: null,
  rewritten: null,
  rewriting: false,
});

/** @returns {Omit<RunPart, "settles">} */
const run = () => ({
  busy: null,
  status: "",
  began: 0,
  goal: 1,
  done: new Set(),
  range: [0, 1],
  home: [0, 1],
  secondsPerFrame: 0,
});

/** @returns {Omit<ViewPart, "opacity" | "outline" | "onion">} */
const view = () => ({ view: FIT, eye: true, hidden: new Set(), solo: null, lit: null, beside: null });

/** @returns {Omit<HandPart, "brush" | "measure">} */
const hand = () => ({
  selected: null,
  drawing: false,
  tool: null,
  corner: null,
  renaming: null,
  merging: null,
  classing: null,
  holding: false,
});

/** Everything that belongs to one question: another one begins with this. */
export const blank = () => ({
  ...question(),
  ...playback(),
  ...labels(),
  ...masks(),
  ...thinking(),
  ...run(),
  ...view(),
  ...hand(),
});

/** The state of a page that was just loaded, with what the visitor chose before. @returns {State} */
export function initial() {
  /** @type {ScreenPart} */
  const screen = { screen: "stage", queueSize: 0, queueCount: 0 };
  const look = { onion: false, ...recallPref("look", { opacity: 0.45, outline: false }) };
  const kept = {
    brush: recallPref("brush", 24),
    measure: recallPref("measure", 3),
    settles: recallPref("settles", true),
  };
  const rules = { classList: [], demanded: [], neverOverlap: false };
  return { ...blank(), ...screen, ...look, ...kept, ...rules, project: null, rate: recallPref("rate", 1) };
}
