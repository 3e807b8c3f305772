// What the page's modules hand to each other. What the server says and is told is in ../contract.d.ts.

import type {
  About,
  AnswerPart,
  AnsweredItem,
  BoxPart,
  ClassPart,
  ClickPart,
  Events,
  FindingPart,
  LookUps,
  MentionItem,
  Message,
  OpenedItem,
  RulesReply,
  SessionItem,
} from "../contract.js";

/** Pixels of the source: a place, and a half-open box. */
export type Point = [number, number];
export type Xyxy = [number, number, number, number];

/** Frames from the first up to the second, which is left out. */
export type Span = [number, number];

/** Run-length code of a mask, and the segmenter's score of it. */
export type Mask = [counts: string, score: number];

/** By frame and object. Both are numbers: the text that JSON makes of keys is read once, where messages arrive. */
export type Masks = Map<number, Map<number, Mask>>;

/** The doubt in [0, 1] by object and frame. */
export type Doubts = Map<number, Map<number, number>>;

/** The component of gradio that the page lives in. */
export interface Scope {
  element: HTMLElement;
  props: { value: Message | null; main: string; about: About };
  trigger(event: string, data: object): void;
  watch(name: "value", act: () => void): void;
  server: LookUps;
}

/** Which question is open and how it stands on the disk. */
export interface QuestionPart {
  work: string | null;
  project: string | null;
  seen: number | null;
  saved: "saved" | "saving" | "unsaved" | null;
  review: SessionItem["review"];
  assignee: string | null;
  /** Whether the words of the question are still being typed. */
  takesWords: boolean;
  /** Words in the field that the server does not have: on their way, or to be asked as another question. */
  typed: "unsent" | "unasked" | null;
}

/** The clip and where in it the page is. */
export interface PlaybackPart {
  info: OpenedItem | null;
  opening: string | null;
  frame: number;
  picture: ImageBitmap | null;
  pictureFrame: number;
  playing: boolean;
  /** How many times as fast as the clip. */
  rate: number;
}

/** The labels: objects, what was drawn, and what a person said of them. */
export interface LabelsPart {
  objects: number[];
  keyframe: number | null;
  boxes: BoxPart[];
  clicks: ClickPart[];
  paintings: [object: number, frame: number][];
  byHand: [object: number, frame: number][];
  marks: SessionItem["marks"];
  names: Map<number, string>;
  /** The class of an object, and the values of its attributes by their names. */
  classes: Map<number, string>;
  attributes: Map<number, Record<string, string>>;
  locked: number[];
  occluded: [object: number, start: number, stop: number][];
  undoSteps: string[];
  redoSteps: string[];
}

/** The masks, where they are doubtful, out of date or left as they were by a run, and how often they changed. */
export interface MasksPart {
  masks: Masks;
  maskCount: number;
  doubt: Doubts;
  stale: number[];
  pending: Map<number, Span[]>;
  assumed: Map<number, Span[]>;
}

/** What the policy was shown, wrote and answered. */
export interface ThinkingPart {
  shown: number[];
  thought: string;
  mentions: MentionItem[];
  answered: AnsweredItem | null;
  failure: string;
  /** Why the policy gave no usable answer, "" where it gave one. */
  failureReason: string;
  findings: FindingPart[];
  /** Whether the findings are about the masks too. */
  hasCheckedMasks: boolean;
  /** Words of the question that the policy has never seen. */
  unknownWords: string[];
  /** Why the policy was not asked, [] where it was. */
  withheld: string[];
  proposals: AnswerPart[];
  agreement: string;
  speed: string;
  reasoning: SessionItem["reasoning"];
  rewritten: string | null;
  rewriting: boolean;
}

/** What runs, and on which frames. */
export interface RunPart {
  busy: "think" | "propagate" | "recall" | null;
  status: string;
  began: number;
  goal: number;
  done: Set<number>;
  range: Span;
  home: Span;
  secondsPerFrame: number;
  /** Whether a run that follows a correction ends where masks come out as they were. */
  settles: boolean;
}

/** What of the picture and the masks is to be seen. */
export interface ViewPart {
  view: View;
  eye: boolean;
  hidden: Set<number>;
  solo: number | null;
  lit: Lit | null;
  opacity: number;
  outline: boolean;
  /** Whether the outlines of the neighbouring frames show. */
  onion: boolean;
  /** The frame that is shown beside this one. */
  beside: OtherFrame | null;
}

/** What the person has in hand: the object, a tool, a corner, a name half typed. */
export interface HandPart {
  selected: number | null;
  drawing: boolean;
  tool: Tool | null;
  brush: number;
  corner: Corner | null;
  renaming: number | null;
  merging: number | null;
  /** The object whose class the next key says. */
  classing: number | null;
  /** By how many pixels masks grow, shrink and are smoothed. */
  measure: number;
  /** Whether corrections wait for Propagate. */
  holding: boolean;
}

/** Whether the stage or the queue is to be seen, and how long the queue is. */
export interface ScreenPart {
  screen: "stage" | "queue";
  queueSize: number;
  queueCount: number;
}

/** What the project's objects can be, and what it demands before labels are accepted. */
export interface RulesPart {
  classList: ClassPart[];
  demanded: RulesReply["demanded"];
  neverOverlap: boolean;
}

export type State = QuestionPart &
  PlaybackPart &
  LabelsPart &
  MasksPart &
  ThinkingPart &
  RunPart &
  ViewPart &
  HandPart &
  ScreenPart &
  RulesPart;

/** The state, and who draws it. */
export interface Store {
  get(): State;
  /** The clip that is open; fails where none is. */
  clip(): OpenedItem;
  set(patch: Partial<State>): void;
  /** Draw when one of the keys was set; several changes in one tick draw once. */
  on(keys: (keyof State)[], draw: (now: State) => void): void;
}

/** The part of the picture that the stage shows: `x`, `y` is the source pixel at its corner. */
export interface View {
  zoom: number;
  x: number;
  y: number;
}

/** What a chip under the pointer lights up. */
export interface Lit {
  frame: number | null;
  object?: number | null;
  xyxy?: Xyxy;
}

/** A frame by its distance, or one that stays. */
export type OtherFrame = { by: number } | { pinned: number };

export type Tool = "brush" | "eraser" | "polygon";
export type Corner = "nw" | "se";
export type Way = 1 | -1;

/** Tell the visitor; the text is shown once, for a while. */
export type Notify = (text: string, level?: "error" | "info", action?: { text: string; act: () => unknown }) => void;

type EachWithout<Kind, Names extends PropertyKey> = Kind extends unknown ? Omit<Kind, Names> : never;

/** What the page adds to everything it sends. */
export type SignedName = "tab" | "by" | "seen" | "work" | "project";

/** An event's data as the modules give it: the signature comes with the sending. */
export type Sent<Name extends keyof Events> = EachWithout<Events[Name], SignedName | "number"> & {
  work?: string | null;
  project?: string | null;
};

/** An edit as the modules give it. */
export type Edit = EachWithout<Events["edit"], SignedName | "number" | "stamp">;
