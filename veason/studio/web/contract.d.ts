// Written by `python -m veason.studio.server.contract`: change the dataclasses there, not this file.

/** A question was opened, or is shown anew. */
export interface OpenedItem {
  kind: "opened";
  /** its id as an open question. */
  work: string;
  /** the key of its project. */
  project: string;
  /** the name of the clip. */
  title: string;
  /** how many the clip has. */
  frames: number;
  /** of the picture in pixels. */
  width: number;
  /** of the picture in pixels. */
  height: number;
  /** frames a second, the mean where the rate is variable. */
  fps: number;
  /** time of the first frame in seconds. */
  first: number;
  /** time of the last frame in seconds. */
  last: number;
  /** the frame rate is. */
  variable: boolean;
  /** what reads the clip. */
  decoder: string;
  /** the frames to propagate. */
  range: [number, number];
  /** the range that was proposed last. */
  home: [number, number];
  /** colours of the objects, in the order of their ids. */
  palette: Array<string>;
}

/** The box of an object on a frame. */
export interface BoxPart {
  object: number;
  frame: number;
  xyxy: [number, number, number, number];
}

/** A click at `xy` on an object, or beside it where not `positive`. */
export interface ClickPart {
  object: number;
  frame: number;
  xy: [number, number];
  positive: boolean;
}

/** What a person said of an object on neighbouring frames. */
export interface MarkPart {
  object: number;
  start: number;
  stop: number;
  mark: "absent" | "verified";
}

/** The labels as they are; masks travel apart. */
export interface SessionItem {
  kind: "session";
  /** the revision of the question that this shows. */
  seen: number;
  /** where the question stands. */
  review: "new" | "thinking" | "proposed" | "in review" | "accepted" | "rejected" | "absent";
  /** whose it is. */
  assignee: string | null;
  /** the words of the question. */
  instruction: string;
  /** whether the words are still being typed: the question was added without any, and never asked. */
  takesWords: boolean;
  /** the frames that the policy was shown. */
  shown: Array<number>;
  /** the frame it was answered on. */
  keyframe: number | null;
  /** their ids. */
  objects: Array<number>;
  /** drawn or proposed. */
  boxes: Array<BoxPart>;
  /** in the order they were made. */
  clicks: Array<ClickPart>;
  /** objects whose masks do not follow from their prompts. */
  stale: Array<number>;
  /** object and frame of the prompts that a person made. */
  byHand: Array<[number, number]>;
  /** what a person said of masks. */
  marks: Array<MarkPart>;
  /** of objects, where one was given. */
  names: Record<number, string>;
  /** of objects, where one was given. */
  classes: Record<number, string>;
  /** of objects, their values by name. */
  attributes: Record<number, Record<string, string>>;
  /** objects that no run changes. */
  locked: Array<number>;
  /** object, first frame and the frame after the last. */
  occluded: Array<[number, number, number]>;
  /** whether the reasoning fits the labels. */
  reasoning: "fresh" | "stale" | "edited" | "confirmed" | "regenerated" | null;
  /** the reasoning in a person's words. */
  rewritten: string | null;
  /** object and frame of the painted masks. */
  paintings: Array<[number, number]>;
  /** by object, the frames whose masks do not follow from its prompts. */
  pending: Record<number, Array<[number, number]>>;
  /** by object, the frames that runs which ended early left as they were. */
  assumed: Record<number, Array<[number, number]>>;
  /** what the next steps of undo are called, the nearest first. */
  undoSteps: Array<string>;
  /** what the next steps of redo are called, the nearest first. */
  redoSteps: Array<string>;
}

/** The range to propagate was proposed anew. */
export interface RangeItem {
  kind: "range";
  /** the frames to propagate. */
  range: [number, number];
  /** the range that was proposed last. */
  home: [number, number];
  /** a page that has chosen another range takes this one all the same. */
  insists: boolean;
}

/** An edit was taken: the tab's edit of that `number`. */
export interface TakenItem {
  kind: "taken";
  number: number;
}

/** An edit was refused: what the page shows of it has to go. */
export interface RefusedItem {
  kind: "refused";
}

/** The last change could not be put on the disk. */
export interface UnsavedItem {
  kind: "unsaved";
}

/** The policy begins to think. */
export interface ThinkingItem {
  kind: "thinking";
}

/** The `frames` that the policy is shown. */
export interface ShownItem {
  kind: "shown";
  frames: Array<number>;
}

/** More `text` of the reasoning. */
export interface ThoughtItem {
  kind: "thought";
  text: string;
}

/** A frame that the reasoning names, and the characters from `start` up to `end` that name it. */
export interface MentionItem {
  kind: "mention";
  frame: number;
  start: number;
  end: number;
}

/** The policy chose a keyframe; `is_shown` tells whether it was shown that frame. */
export interface KeyframeItem {
  kind: "keyframe";
  frame: number;
  isShown: boolean;
}

/** The policy finished the box of an object on its keyframe. */
export interface BoxItem {
  kind: "box";
  object: number;
  xyxy: [number, number, number, number];
}

/** The policy gave an answer. */
export interface AnsweredItem {
  kind: "answered";
  /** it says that the target is not in the video. */
  absent: boolean;
  /** the policy was not trained for the question, and was made to answer. */
  guess: boolean;
  /** it was made earlier, and nothing was computed for it now. */
  recorded: boolean;
  /** what was odd about its form. */
  notes: Array<string>;
  /** seconds until it wrote. */
  firstWord: number | null;
  /** after that. */
  tokensPerSecond: number | null;
  /** how probable the model found its numbers, in words, "" where it is not known. */
  sureness: string;
}

/** The policy gave no usable answer: what it wrote, and the reason. */
export interface UnansweredItem {
  kind: "unanswered";
  text: string;
  reason: string;
}

/** The policy was not asked, since it would only guess, and the `reasons`; what was there before stays. */
export interface WithheldItem {
  kind: "withheld";
  reasons: Array<string>;
}

/** So many of `count` answers are `done`. */
export interface SamplingItem {
  kind: "sampling";
  done: number;
  count: number;
}

/** The reasoning as it was shown while it streamed. */
export interface RecalledItem {
  kind: "recalled";
  /** of the reasoning. */
  text: string;
  /** the frames that it names. */
  mentions: Array<MentionItem>;
  /** what the policy wrote where it gave no usable answer. */
  failure: string;
  /** why that is none, "" where it gave one or was not asked. */
  reason: string;
  /** null where there is no answer. */
  answered: AnsweredItem | null;
}

/** One of several answers. */
export interface AnswerPart {
  /** its place among them. */
  number: number;
  /** its keyframe, null where the target is absent. */
  frame: number | null;
  /** it says that the target is not in the video. */
  absent: boolean;
  /** on the keyframe. */
  boxes: Array<[number, number, number, number]>;
  /** it is the one that counts. */
  current: boolean;
  /** how probable the model found its numbers, in words, "" where it is not known. */
  sureness: string;
}

/** All answers to the question, and how far they agree, in one line. */
export interface ProposalsItem {
  kind: "proposals";
  agreement: string;
  answers: Array<AnswerPart>;
}

/** A contradiction between an answer, its reasoning and its masks, in words; `kind` as in `veason.consistency`. */
export interface FindingPart {
  kind: string;
  text: string;
}

/** What is odd about the answer; `has_masks` tells whether all of its objects had masks to look at. */
export interface FindingsItem {
  kind: "findings";
  hasMasks: boolean;
  findings: Array<FindingPart>;
}

/** The request waits for the models. */
export interface QueuedItem {
  kind: "queued";
  /** how many requests are served before it, those being served included. */
  ahead: number;
  /** how long that is likely to take, null where it is not known. */
  seconds: number | null;
}

/** Masks are about to be computed. */
export interface PropagatingItem {
  kind: "propagating";
  /** first frame of the range. */
  start: number;
  /** frame after the last of the range. */
  stop: number;
  /** how many frames of it. */
  count: number;
  /** as in the request. */
  only: "stale" | "rest" | "here" | "forward" | "backward" | null;
}

/** A run that followed a correction ended early, as masks came out as they were. */
export interface SettledItem {
  kind: "settled";
  /** whose masks they are. */
  object: number;
  /** where it was corrected. */
  frame: number;
  /** first frame that was computed. */
  start: number;
  /** frame after the last. */
  stop: number;
  /** how many frames were left as they were. */
  left: number;
}

/** Masks by frame and object; where it is a `reset` the page forgets the ones it had. */
export interface MasksItem {
  kind: "masks";
  reset: boolean;
  frames: Record<number, Record<number, [string, number]>>;
}

/** The doubt in [0, 1] by object and frame. */
export interface DoubtItem {
  kind: "doubt";
  objects: Record<number, Record<number, number>>;
}

/** What one frame of one object costs, in seconds. */
export interface PaceItem {
  kind: "pace";
  secondsPerFrame: number;
}

/** A job that this page did not begin is at work on the question. */
export interface BusyItem {
  kind: "busy";
}

/** Nothing is at work on the question. */
export interface IdleItem {
  kind: "idle";
}

/** A line for the visitor. */
export interface NoticeItem {
  kind: "notice";
  level: "error" | "info";
  text: string;
}

/** A file to download: its `path` on the server and its `name` for the visitor. */
export interface FileItem {
  kind: "file";
  path: string;
  name: string;
}

/** A file was written: its `name`, its size in `bytes`, and what it holds and lost, in `lines`. */
export interface ExportedItem {
  kind: "exported";
  name: string;
  bytes: number;
  lines: Array<string>;
}

/** Clips or labels came into the project of that key. */
export interface AddedItem {
  kind: "added";
  project: string;
}

/** So many of `count` parts of a file are `done`; `unit` is what they are called, as "frames". */
export interface WrittenItem {
  kind: "written";
  done: number;
  count: number;
  unit: string;
}

/** The files are moved, or could not be. */
export interface TransferredItem {
  kind: "transferred";
}

/** Items for the page, in order. */
export interface Message {
  /** the open question they are about, null where they are about none. */
  work: string | null;
  /** what there is to tell. */
  items: Array<OpenedItem | SessionItem | RangeItem | TakenItem | RefusedItem | UnsavedItem | ThinkingItem | ShownItem | ThoughtItem | MentionItem | KeyframeItem | BoxItem | AnsweredItem | UnansweredItem | WithheldItem | SamplingItem | RecalledItem | ProposalsItem | FindingsItem | QueuedItem | PropagatingItem | SettledItem | MasksItem | DoubtItem | PaceItem | BusyItem | IdleItem | NoticeItem | FileItem | ExportedItem | AddedItem | WrittenItem | TransferredItem>;
  /** tells this run of the server from the ones before. */
  epoch: string;
  /** no two messages are equal. */
  serial: number;
  /** counts the messages about the question to the tab; a gap means that one was lost. */
  revision: number;
}

/** The sender of a request. */
export interface Client {
  /** tells the tabs of browsers apart. */
  tab?: string | null;
  /** the annotator's name, "" where none was given. */
  by?: string | null;
  /** the revision of the question that the tab shows. */
  seen?: number | null;
}

/** What every request carries beside who sends it. */
export interface Signed extends Client {
  /** the open question. */
  work?: string | null;
  /** the key of the project. */
  project?: string | null;
}

/** Open one of the examples by its `example` place on the welcome page. */
export interface OpenExampleRequest extends Signed {
  example: number;
}

/** Open a video that was uploaded; `path` and `name` as for `Upload`. */
export interface OpenUploadRequest extends Signed {
  path: string;
  name: string;
}

/** A request about the open question `work`. */
export interface WorkRequest extends Signed {
  work: string;
}

/** A change of the labels. */
export interface EditRequest extends WorkRequest {
  /** counts the edits of the tab; the answer that names it has taken it. */
  number?: number;
  /** rises with every edit that masks follow; a request for masks names the one it waits for. */
  stamp?: number | null;
}

/** Draw or move the box of an object on a frame; `xyxy` in either order of corners. */
export interface BoxEdit extends EditRequest {
  edit: "box";
  object: number;
  frame: number;
  xyxy: [number, number, number, number];
}

/** Add a click on an object, or beside it where it is not `positive`. */
export interface ClickEdit extends EditRequest {
  edit: "click";
  object: number;
  frame: number;
  xy: [number, number];
  positive?: boolean;
}

/** Paint the mask of an object: `counts` is compressed COCO run-length code of the whole frame. */
export interface MaskEdit extends EditRequest {
  edit: "mask";
  object: number;
  frame: number;
  counts: string;
}

/** Use a tool on the mask of an object on a frame. */
export interface ToolEdit extends EditRequest {
  edit: "fill" | "despeck" | "largest" | "grow" | "shrink" | "smooth" | "subtract" | "intersect";
  object: number;
  frame: number;
  /** by how much it grows, shrinks or is smoothed; the least size of a part for "despeck". */
  pixels?: number;
  /** the object that "subtract" and "intersect" take. */
  other?: number | null;
}

/** Copy the mask of an object on a frame to the frames from `start` up to `stop`, which is left out. */
export interface CopyEdit extends EditRequest {
  edit: "copy";
  object: number;
  frame: number;
  start: number;
  stop: number;
}

/** Draw an object between the two frames around this one on which it was drawn. */
export interface InterpolateEdit extends EditRequest {
  edit: "interpolate";
  object: number;
  frame: number;
}

/** Delete what was drawn of an object on a frame. */
export interface DropEdit extends EditRequest {
  edit: "drop";
  object: number;
  frame: number;
}

/** Make a frame the keyframe. */
export interface KeyframeEdit extends EditRequest {
  edit: "keyframe";
  frame: number;
}

/** Copy an object with its prompts and masks to a new one. */
export interface DuplicateEdit extends EditRequest {
  edit: "duplicate";
  object: number;
}

/** Merge an object into another. */
export interface MergeEdit extends EditRequest {
  edit: "merge";
  object: number;
  into: number;
}

/** Say of an object on some frames that it is absent, occluded or right (verified); `on` false takes it back. */
export interface MarkEdit extends EditRequest {
  edit: "absent" | "occluded" | "verified";
  object: number;
  start: number;
  stop: number;
  on?: boolean;
}

/** Name an object; "" takes its name away. */
export interface NameEdit extends EditRequest {
  edit: "name";
  object: number;
  name: string;
}

/** The value of an object's attribute; "" is none. */
export interface AttributeValue {
  name: string;
  value: string;
}

/** Say of which class of the project an object is, with its attributes; "" is of none. */
export interface ClassEdit extends EditRequest {
  edit: "class";
  object: number;
  name: string;
  attributes?: Array<AttributeValue>;
}

/** Mark every empty frame of every object absent. */
export interface EmptyEdit extends EditRequest {
  edit: "empty";
}

/** Lock an object, so that no run changes it, or unlock it. */
export interface LockEdit extends EditRequest {
  edit: "lock";
  object: number;
  on?: boolean;
}

/** Rewrite the reasoning, or confirm it as it is where `text` is null. */
export interface ReasonEdit extends EditRequest {
  edit: "reason";
  text?: string | null;
}

/** Keep the words of a question that was never asked as they are typed; "" takes them away. */
export interface WordsEdit extends EditRequest {
  edit: "words";
  text: string;
}

/** Take another one of several answers: `answer` is its place among them. */
export interface TakeEdit extends EditRequest {
  edit: "take";
  answer: number;
}

/** Undo or redo `count` steps. */
export interface StepEdit extends EditRequest {
  edit: "undo" | "redo";
  count?: number;
}

/** Write the masks, the overlay video or the result of the open question. */
export interface ExportWorkRequest extends WorkRequest {
  what: "masks" | "overlay" | "json";
}

/** Pack the whole project; of a visitor who has none yet, `project` is null. */
export interface ExportProjectRequest extends Signed {
  format: "project";
}

/** Write labels in a format; of a visitor who has no project yet, `project` is null. */
export interface ExportLabelsRequest extends Signed {
  /** its name. */
  format: string;
  /** the open clip, or the whole project. */
  scope?: "clip" | "project";
  /** labels that nobody accepted too. */
  everything?: boolean;
  /** accepted labels that a reviewer disagrees with too. */
  disputed?: boolean;
  /** leave overlapping masks as they are, where the project allows it; else each pixel goes to one object of a question. */
  overlaps?: boolean;
  /** the frames beside the labels. */
  pictures?: boolean;
  /** only these, where they are named. */
  questions?: Array<number> | null;
}

/** An uploaded file: the `path` where gradio put it, and the `name` it had on the visitor's machine. */
export interface Upload {
  path: string;
  name: string;
}

/** Add clips to the queue. */
export interface EnqueueRequest extends Signed {
  /** clips and lists of instructions that were uploaded. */
  files?: Array<Upload>;
  /** a folder of this machine, "" for none. */
  folder?: string;
  /** one a line, about every clip. */
  instructions: string;
}

/** Import labels that were uploaded (`path`, `name` as for `Upload`), or a packed project (`format` "project"). */
export interface ImportRequest extends Signed {
  path: string;
  name: string;
  format: string;
}

/** Ask the policy. */
export interface ThinkRequest extends WorkRequest {
  /** what to segment, in words. */
  instruction: string;
  /** send the visitor's correction of the last answer along. */
  again?: boolean;
  /** how many answers are wanted. */
  samples?: 1 | 4 | 8;
  /** answer also where the policy was not trained for the question. */
  guess?: boolean;
  /** the stamp of an edit that may still be on its way. */
  after?: number | null;
}

/** Compute masks on the frames from `start` up to `stop`, which is left out. */
export interface PropagateRequest extends WorkRequest {
  /** first frame of the range. */
  start: number;
  /** frame after the last of the range. */
  stop: number;
  /** null is every object on all of them; "stale" what does not follow from its prompts; "here" the object in hand on its frame alone; "forward" and "backward" the object in hand from its frame to where a person settled the matter; "rest" what is stale and what runs that ended early left as it was. */
  only?: "stale" | "rest" | "here" | "forward" | "backward" | null;
  /** the object in hand. */
  object?: number | null;
  /** the frame that is shown: its masks come first. */
  frame?: number | null;
  /** the stamp of an edit that may still be on its way. */
  after?: number | null;
  /** end where masks come out as they were, frame after frame; for "stale". */
  settles?: boolean;
  /** an edit brought it about, nobody asked for it: it stops nothing that a person asked for. */
  follows?: boolean;
}

/** Ask for one exact frame as a JPEG; `longest` bounds its longer side in pixels. */
export interface FrameLookUp extends WorkRequest {
  frame: number;
  longest?: number | null;
}

/** Ask for everything that shows a question, after a refresh or a lost update. */
export interface SnapshotLookUp extends WorkRequest {
}

/** Stop what runs for the question `work`; without one, the opening of a video by this tab. */
export interface StopLookUp extends Signed {
}

/** Ask which words of an instruction the policy has never been trained on. */
export interface UnknownLookUp extends Signed {
  instruction: string;
}

/** Ask whether labels were changed elsewhere since the tab last looked. */
export interface PulseLookUp extends WorkRequest {
}

/** A request about the project of the key `project`. */
export interface ProjectRequest extends Signed {
  project: string;
}

/** Ask for the queue; where nothing changed since `revision`, only for how pre-labelling goes. */
export interface QueueLookUp extends ProjectRequest {
  revision?: number | null;
}

/** Ask for a small picture of a video. */
export interface ThumbLookUp extends ProjectRequest {
  video: number;
}

/** Ask for the comments on a question, and what reviewers say of it. */
export interface RemarksLookUp extends ProjectRequest {
  question: number;
}

/** Ask what people have put into each object of a question. */
export interface EffortsLookUp extends ProjectRequest {
  question: number;
}

/** Start pre-labelling, or stop it ("pause"). */
export interface PrelabelAction extends ProjectRequest {
  do: "prelabel" | "pause";
}

/** Accept or reject the labels of a question, say that its target is absent, or open it again. */
export interface DecideAction extends ProjectRequest {
  do: "accept" | "absent" | "reject" | "reopen";
  question: number;
}

/** Agree or disagree with labels that were accepted. */
export interface JudgeAction extends ProjectRequest {
  do: "agree" | "disagree";
  question: number;
}

/** Keep the range that a person chose to propagate. */
export interface FramesAction extends ProjectRequest {
  do: "frames";
  question: number;
  start: number;
  stop: number;
}

/** Give a question to a person, or a second version of it where `is_second`; "" gives it to nobody. */
export interface AssignAction extends ProjectRequest {
  do: "assign";
  question: number;
  name: string;
  isSecond?: boolean;
}

/** Comment on a frame of a question, or on all of it where `frame` is null. */
export interface RemarkAction extends ProjectRequest {
  do: "remark";
  question: number;
  text: string;
  frame?: number | null;
}

/** Close a comment, or open it again where not `on`. */
export interface ResolveAction extends ProjectRequest {
  do: "resolve";
  question: number;
  remark: number;
  on?: boolean;
}

/** Give a question other words; its labels stay. */
export interface RenameAction extends ProjectRequest {
  do: "rename";
  question: number;
  text: string;
}

/** Add a copy of a question with its labels. */
export interface DuplicateAction extends ProjectRequest {
  do: "copy";
  question: number;
}

/** Delete questions, or bring deleted ones back: all of them or none. */
export interface DeleteAction extends ProjectRequest {
  do: "delete" | "restore";
  questions: Array<number>;
}

/** Decide the same about several questions; those about which it cannot be said are told. */
export interface DecideManyAction extends ProjectRequest {
  do: "decide";
  questions: Array<number>;
  decision: "accept" | "absent" | "reject" | "reopen";
}

/** Give several questions to a person; "" gives them to nobody. */
export interface AssignManyAction extends ProjectRequest {
  do: "hand out";
  questions: Array<number>;
  name: string;
}

/** An attribute of a class, and its values; none where any text is one. */
export interface AttributePartSent {
  name: string;
  values?: Array<string>;
}

/** A class: its `name`, `colour` as "#rrggbb", the `key` that gives it ("" for none), and attributes. */
export interface ClassPartSent {
  name: string;
  colour: string;
  key?: string;
  attributes?: Array<AttributePartSent>;
}

/** Keep the project's rules. */
export interface RulesAction extends ProjectRequest {
  do: "rules";
  /** what objects can be. */
  classes: Array<ClassPartSent>;
  /** of which kinds nothing may be left open in labels that are accepted. */
  demanded: Array<"missing" | "assumed" | "empty" | "doubtful" | "unverified">;
  /** no two objects of a question share a pixel in what is exported. */
  neverOverlap: boolean;
}

/** Ask which models are in use; with all others where `do` is "list". */
export interface ListModels extends Signed {
  do: "list" | "now";
}

/** Use a model that is here, or fetch it first ("fetch"). */
export interface ChooseModel extends Signed {
  do: "choose" | "fetch";
  kind: "policy" | "segmenter";
  name: string;
}

/** Use a model of a server as the policy, or ask it an example first ("test"). */
export interface ConnectServer extends Signed {
  do: "connect" | "test";
  /** of the server, with `/v1` where it has that. */
  address: string;
  /** its name there, "" where the server has only one. */
  model: string;
  /** what the server wants, "" where it wants none; it is kept in memory alone. */
  key?: string;
}

/** Stop what is being done about a model; what was fetched is kept. */
export interface CancelModelWork extends Signed {
  do: "cancel";
}

/** A picture as a JPEG data URL. */
export interface PictureReply {
  jpeg: string;
  error?: undefined;
}

/** Whether anything ran that was stopped. */
export interface StopReply {
  wasRunning: boolean;
  error?: undefined;
}

/** The words that the policy has never been trained on. */
export interface UnknownReply {
  words: Array<string>;
  error?: undefined;
}

/** Whether labels were changed elsewhere since the tab last looked. */
export interface PulseReply {
  isBehind: boolean;
  error?: undefined;
}

/** How pre-labelling goes. */
export interface PrelabelPart {
  /** it is at work. */
  running: boolean;
  /** why it ended, "" where it did its work. */
  failure: string;
  /** questions that could not be done. */
  failed: number;
  /** questions that the policy was not asked, because it would only guess. */
  withheld: number;
  /** what happens to the question at work, null before the first. */
  stage: "thinking" | "tracking" | "proposed" | "failed" | "skipped" | "withheld" | null;
  /** questions finished. */
  done: number;
  /** questions of this run. */
  total: number | null;
  /** by the pace so far. */
  secondsLeft: number | null;
  /** tracked so far in the question at work, and how many there will be. */
  frames: [number, number];
}

/** What a reviewer says of labels; `by` is "" where no name was given. */
export interface VerdictPart {
  verdict: string;
  by: string;
}

/** One question of the queue. */
export interface QueueRow {
  /** of the question. */
  id: number;
  /** its id. */
  video: number;
  /** the video's name. */
  clip: string;
  /** how many it has. */
  frames: number;
  /** its file is not there any more. */
  isGone: boolean;
  /** the words of the question. */
  instruction: string;
  /** where it stands. */
  status: "new" | "thinking" | "proposed" | "in review" | "accepted" | "rejected" | "absent";
  /** whose it is. */
  assignee: string | null;
  /** what accepting it would say, null where there is nothing to accept. */
  proposed: "labels" | "absent" | null;
  /** how many it has. */
  objects: number;
  /** in [0, 1], null before masks were looked at. */
  doubt: number | null;
  /** why the policy gave no usable answer. */
  failure: string;
  /** its answer is a guess, the policy not being trained for the question. */
  isGuess: boolean;
  /** it is a second annotator's version. */
  isSecond: boolean;
  /** its revision. */
  seen: number;
  /** time at work on it. */
  seconds: number;
  /** how many were made. */
  edits: number;
  /** open comments. */
  remarks: number;
  /** with its other version, null where there is none or it is not worked out yet. */
  iou: number | null;
  /** of reviewers, on the labels as they are. */
  verdicts: Array<VerdictPart>;
  /** a reviewer disagrees with its accepted labels. */
  isDisputed: boolean;
  /** a person deleted it: it can be restored, and nothing else. */
  isDeleted: boolean;
}

/** Work of people: time at it in `seconds`, and how many `edits`. */
export interface EffortPart {
  seconds: number;
  edits: number;
}

/** An attribute of a class, and its values; none where any text is one. */
export interface AttributePart {
  name: string;
  values: Array<string>;
}

/** A class: its `name`, `colour` as "#rrggbb", the `key` that gives it ("" for none), and attributes. */
export interface ClassPart {
  name: string;
  colour: string;
  key: string;
  attributes: Array<AttributePart>;
}

/** Everything that the queue shows. */
export interface QueueReply {
  /** of the project, -1 where something is still to be worked out. */
  revision: number;
  /** null where none was begun. */
  prelabel: PrelabelPart | null;
  /** the questions. */
  rows: Array<QueueRow>;
  /** who has questions. */
  people: Array<string>;
  /** how many there are. */
  videos: number;
  /** how many there are. */
  masks: number;
  /** of everybody. */
  effort: EffortPart;
  /** the effort of each. */
  annotators: Record<string, EffortPart>;
  /** how often each kind of edit was made. */
  kinds: Record<string, number>;
  /** what objects can be. */
  classes: Array<ClassPart>;
  /** of which kinds nothing may be left open in labels that are accepted. */
  demanded: Array<"missing" | "assumed" | "empty" | "doubtful" | "unverified">;
  /** no two objects of a question share a pixel in what is exported. */
  neverOverlap: boolean;
  error?: undefined;
}

/** Nothing changed since that `revision` but, perhaps, how pre-labelling goes. */
export interface QueueNewsReply {
  revision: number;
  prelabel: PrelabelPart | null;
  error?: undefined;
}

/** A comment: on a `frame` or on all of the question, `by` whom, and its `time` in seconds since 1970. */
export interface RemarkPart {
  id: number;
  frame: number | null;
  by: string;
  text: string;
  time: number;
  isDone: boolean;
}

/** The comments on a question, and what reviewers say of it. */
export interface RemarksReply {
  verdicts: Array<VerdictPart>;
  remarks: Array<RemarkPart>;
  error?: undefined;
}

/** What people have put into an object: time in `seconds`, what was drawn, and how much of it corrected it. */
export interface ObjectEffortPart {
  seconds: number;
  clicks: number;
  boxes: number;
  corrections: number;
}

/** The efforts by object. */
export interface EffortsReply {
  objects: Record<number, ObjectEffortPart>;
  error?: undefined;
}

/** How pre-labelling goes. */
export interface PrelabelReply {
  prelabel: PrelabelPart | null;
  error?: undefined;
}

/** Where a question stands after a decision, and its revision. */
export interface DecidedReply {
  status: "new" | "thinking" | "proposed" | "in review" | "accepted" | "rejected" | "absent";
  seen: number;
  error?: undefined;
}

/** Where a question stands. */
export interface StatusReply {
  status: "new" | "thinking" | "proposed" | "in review" | "accepted" | "rejected" | "absent";
  error?: undefined;
}

/** Where a question stands, and the id of the `second` version that was made of it, if one was. */
export interface AssignedReply {
  status: "new" | "thinking" | "proposed" | "in review" | "accepted" | "rejected" | "absent";
  second: number | null;
  error?: undefined;
}

/** The models in use. */
export interface ModelPart {
  /** its name. */
  policy: string;
  /** its name. */
  segmenter: string;
  /** what the models run on. */
  device: "CPU" | "GPU";
  /** the policy's answers are. */
  recorded: boolean;
  /** it makes sense to ask for more than one answer. */
  several: boolean;
  /** what the policy was, "" where nobody needs to be told. */
  trainedOn: string;
  /** width and height that the policy's numbers are in. */
  space: [number, number] | null;
  /** what the steps of its reasoning begin with. */
  marks: Array<string>;
  /** a frame above it is doubtful. */
  doubtThreshold: number;
  /** they cannot be changed here. */
  isLocked: boolean;
}

/** A model of the list, in words; `fit` is "yes", "tight", "no" or "" where it is not known. */
export interface ModelRowPart {
  /** what it is chosen by. */
  name: string;
  /** what it does. */
  kind: "policy" | "segmenter";
  /** what it is good for. */
  about: string;
  /** how much of it is here. */
  here: string;
  /** it can be used at once. */
  isHere: boolean;
  /** a part of it was fetched. */
  isPart: boolean;
  /** it is the one in use. */
  inUse: boolean;
  /** what it takes with a 720p clip. */
  memory: string;
  /** whether it fits this machine. */
  fits: string;
  /** the same, in a word. */
  fit: string;
  /** as measured here, "" where it was not. */
  speed: string;
  /** of the weights. */
  licence: string;
}

/** What is being done about a model. */
export interface ModelWorkPart {
  /** the kind of work. */
  what: "fetching" | "loading" | "testing";
  /** the model, or the server. */
  name: string;
  /** bytes that are here. */
  done: number;
  /** bytes in all, 0 where they are not counted. */
  total: number;
}

/** The list of models. */
export interface ModelsReply {
  /** those in use. */
  now: ModelPart;
  /** what this machine has, in words; "" where the list is not shown. */
  machine: string;
  /** the models; none where they are locked. */
  rows: Array<ModelRowPart>;
  /** what is being done, null where nothing is. */
  work: ModelWorkPart | null;
  /** how the last work ended, "" where it ended well and there is nothing to say. */
  told: string;
  /** it ended with an error. */
  failed: boolean;
  error?: undefined;
}

/** The id of the question that is a copy. */
export interface CopiedReply {
  question: number;
  error?: undefined;
}

/** The ids of the questions of which it was done, and why not of the others, one line a reason. */
export interface ManyReply {
  done: Array<number>;
  refused: Array<string>;
  error?: undefined;
}

/** The project's classes, what it demands before labels are accepted, and whether its objects may overlap. */
export interface RulesReply {
  classes: Array<ClassPart>;
  demanded: Array<"missing" | "assumed" | "empty" | "doubtful" | "unverified">;
  neverOverlap: boolean;
  error?: undefined;
}

/** The look-up could not be answered, in words. */
export interface ErrorReply {
  error: string;
}

/** GPU time that is requested on a ZeroGPU Space, in seconds; it counts against the visitor's daily quota. */
export interface ZeroGpuPart {
  /** by the number of answers. */
  thinking: Record<number, number>;
  /** for propagating, before the first mask. */
  startup: number;
  /** for propagating, on the expected seconds. */
  factor: number;
  /** the most that one call requests. */
  max: number;
}

/** Where labels are kept. */
export interface ProjectPart {
  /** of the one project, null where every visitor has one of their own. */
  key: string | null;
  /** where it lies. */
  folder: string | null;
  /** nothing can be changed. */
  readOnly: boolean;
  /** the page may name folders of the machine. */
  isLocal: boolean;
  /** what a visitor's project may hold, null where there is no limit. */
  megabytes: number | null;
  /** how long a visitor's project is kept, null for ever. */
  hours: number | null;
}

/** A format of labels. */
export interface FormatPart {
  /** what it is called. */
  name: string;
  /** what it is, in a line. */
  about: string;
  /** labels can be imported from it. */
  canRead: boolean;
  /** it holds accepted labels only, whatever is asked for. */
  onlyAccepted: boolean;
}

/** A card of the welcome page. */
export interface ExamplePart {
  /** what opens it. */
  place: number;
  /** of the card. */
  title: string;
  /** the clip's name. */
  file: string;
  /** that could be asked. */
  instructions: Array<string>;
  /** it is one of our own drawings, not a real video. */
  rendered: boolean;
  /** the address of one from the middle. */
  picture: string;
  /** how many it has. */
  frames: number;
  /** how long it is. */
  seconds: number;
}

/** What the page shows before any video. */
export interface About {
  /** those in use when the page was built; a look-up tells of later ones. */
  models: ModelPart;
  /** what a call requests on a ZeroGPU Space, null elsewhere. */
  zeroGpu: ZeroGpuPart | null;
  /** people sign in, and what they do goes by their name. */
  signsIn: boolean;
  /** where labels are kept. */
  project: ProjectPart;
  /** of labels. */
  formats: Array<FormatPart>;
  /** of an upload. */
  maxMb: number;
  /** the cards. */
  examples: Array<ExamplePart>;
  /** names of the applications beside the studio, each at the address of its name. */
  mounts: Array<string>;
}

export type Item =
  | OpenedItem
  | SessionItem
  | RangeItem
  | TakenItem
  | RefusedItem
  | UnsavedItem
  | ThinkingItem
  | ShownItem
  | ThoughtItem
  | MentionItem
  | KeyframeItem
  | BoxItem
  | AnsweredItem
  | UnansweredItem
  | WithheldItem
  | SamplingItem
  | RecalledItem
  | ProposalsItem
  | FindingsItem
  | QueuedItem
  | PropagatingItem
  | SettledItem
  | MasksItem
  | DoubtItem
  | PaceItem
  | BusyItem
  | IdleItem
  | NoticeItem
  | FileItem
  | ExportedItem
  | AddedItem
  | WrittenItem
  | TransferredItem;

/** What each event of the page carries. */
export interface Events {
  open:
    | OpenExampleRequest
    | OpenUploadRequest;
  edit:
    | BoxEdit
    | ClickEdit
    | MaskEdit
    | ToolEdit
    | CopyEdit
    | InterpolateEdit
    | DropEdit
    | KeyframeEdit
    | DuplicateEdit
    | MergeEdit
    | MarkEdit
    | NameEdit
    | ClassEdit
    | EmptyEdit
    | LockEdit
    | ReasonEdit
    | WordsEdit
    | TakeEdit
    | StepEdit;
  export:
    | ExportWorkRequest
    | ExportProjectRequest
    | ExportLabelsRequest;
  enqueue:
    | EnqueueRequest;
  take:
    | ImportRequest;
  think:
    | ThinkRequest;
  propagate:
    | PropagateRequest;
}

/** The look-ups of the page. */
export interface LookUps {
  frame(request: FrameLookUp): Promise<PictureReply | ErrorReply>;
  snapshot(request: SnapshotLookUp): Promise<Message>;
  stop(request: StopLookUp): Promise<StopReply | ErrorReply>;
  unknown(request: UnknownLookUp): Promise<UnknownReply | ErrorReply>;
  pulse(request: PulseLookUp): Promise<PulseReply | ErrorReply>;
  queue(request: QueueLookUp): Promise<QueueReply | QueueNewsReply | ErrorReply>;
  thumb(request: ThumbLookUp): Promise<PictureReply | ErrorReply>;
  remarks(request: RemarksLookUp): Promise<RemarksReply | ErrorReply>;
  efforts(request: EffortsLookUp): Promise<EffortsReply | ErrorReply>;
  act(request: PrelabelAction): Promise<PrelabelReply | ErrorReply>;
  act(request: DecideAction): Promise<DecidedReply | ErrorReply>;
  act(request: JudgeAction): Promise<StatusReply | ErrorReply>;
  act(request: FramesAction): Promise<StatusReply | ErrorReply>;
  act(request: AssignAction): Promise<AssignedReply | ErrorReply>;
  act(request: RemarkAction): Promise<StatusReply | ErrorReply>;
  act(request: ResolveAction): Promise<StatusReply | ErrorReply>;
  act(request: RenameAction): Promise<StatusReply | ErrorReply>;
  act(request: DuplicateAction): Promise<CopiedReply | ErrorReply>;
  act(request: DeleteAction): Promise<ManyReply | ErrorReply>;
  act(request: DecideManyAction): Promise<ManyReply | ErrorReply>;
  act(request: AssignManyAction): Promise<ManyReply | ErrorReply>;
  act(request: RulesAction): Promise<RulesReply | ErrorReply>;
  models(request: ListModels): Promise<ModelsReply | ErrorReply>;
  models(request: ChooseModel): Promise<ModelsReply | ErrorReply>;
  models(request: ConnectServer): Promise<ModelsReply | ErrorReply>;
  models(request: CancelModelWork): Promise<ModelsReply | ErrorReply>;
}
