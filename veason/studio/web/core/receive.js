// @ts-check
// What each kind of message does to the state. Keys of JSON are text; ids and frames become numbers here, once.

/** @import { BoxItem, Item, MasksItem, OpenedItem, SessionItem } from "../contract.js" */
/** @import { LabelsPart, Mask, MasksPart, Notify, State, Store } from "./types.js" */

import { blank } from "./blank.js";
import { nameOf, withoutFrame } from "./objects.js";
import { duration, farness, inLine, secondsLeft } from "./words.js";

/** @typedef {{ [Kind in Item["kind"]]: (item: Extract<Item, { kind: Kind }>) => void }} Handlers */

/** @typedef {"opened" | "session" | "taken" | "refused" | "unsaved" | "range"} LabelKind */
/** @typedef {"thinking" | "shown" | "thought" | "mention" | "keyframe" | "box" | "findings"} StreamedKind */
/** @typedef {"answered" | "unanswered" | "withheld"} EndKind */
/** @typedef {StreamedKind | EndKind | "recalled" | "proposals" | "sampling"} ThinkingKind */
/** @typedef {"queued" | "propagating" | "settled" | "busy" | "idle" | "notice"} RunKind */
/** @typedef {"file" | "written" | "added" | "exported" | "transferred"} FileKind */

/**
 * What a message does beside changing the state.
 * @typedef {object} Effects
 * @property {(frame: number) => void} go show a frame
 * @property {Notify} notify
 * @property {() => void} recall ask for everything anew
 * @property {() => void} watch a job of another page is at work: ask again soon
 * @property {(item: OpenedItem, isSame: boolean) => void} opened
 * @property {(instruction: string, isOther: boolean) => void} instruct show the words of a question, of another one now
 * @property {(path: string, name: string) => Promise<void>} download
 * @property {Pick<Handlers, "added" | "exported" | "written" | "transferred">} transfer
 */

/**
 * Return the function that takes one item. A kind without a handler, or a handler without a kind, is a type error.
 * @param {Store} state
 * @param {Effects} effects
 * @returns {(item: Item) => void}
 */
export function makeReceiver(state, effects) {
  /** @type {Handlers} */
  const handlers = { ...labels(state, effects), ...thinking(state, effects), ...masks(state), ...run(state, effects) };
  return (item) => /** @type {(item: Item) => void} */ (handlers[item.kind])(item);
}

/**
 * @template Value
 * @param {Record<number, Value>} record
 * @returns {Map<number, Value>}
 */
export const byNumber = (record) => new Map(Object.entries(record).map(([key, value]) => [Number(key), value]));

/**
 * @param {Store} state
 * @param {Effects} effects
 * @returns {Pick<Handlers, LabelKind>}
 */
function labels(state, { opened, go, instruct, recall }) {
  let isOther = false;
  return {
    opened(item) {
      const now = state.get();
      const isSame = now.work === item.work;
      const { frame, selected, hidden, solo, tool, typed } = now;
      const kept = isSame ? { frame, selected, hidden, solo, tool, typed } : {};
      opened(item, isSame);
      isOther ||= !isSame;
      const { work, project, range, home } = item;
      state.set({ ...blank(), ...kept, work, project, info: item, range, home });
    },
    session(item) {
      const { keyframe } = state.get();
      state.set(sessionPatch(state.get(), item));
      instruct(item.instruction, isOther);
      isOther = false;
      if (item.keyframe !== null && item.keyframe !== keyframe) go(item.keyframe);
    },
    taken: () => {},
    refused: () => recall(),
    unsaved: () => state.set({ saved: "unsaved" }),
    range(item) {
      const { range, home } = state.get();
      const isChosen = String(range) !== String(home); // typed or marked while the answer was on its way
      state.set({ home: item.home, ...(isChosen && !item.insists ? {} : { range: item.range }) });
    },
  };
}

/**
 * The labels as the server has them; what is new is in hand.
 * @param {State} now
 * @param {SessionItem} item
 * @returns {Partial<State>}
 */
function sessionPatch(now, item) {
  const { kind, instruction, names, classes, attributes, pending, assumed, shown, ...values } = item;
  const newest = item.objects.filter((one) => !now.objects.includes(one)).at(-1);
  const stays = now.selected !== null && item.objects.includes(now.selected) ? now.selected : null;
  return {
    ...values,
    ...(shown.length ? { shown } : {}), // nothing was asked yet: the strip keeps its frames
    names: byNumber(names),
    classes: byNumber(classes),
    attributes: byNumber(attributes),
    pending: byNumber(pending),
    assumed: byNumber(assumed),
    saved: "saved",
    selected: newest ?? stays ?? item.objects[0] ?? null,
  };
}

/** What an answer brings, before it does. What was thought before stays until then: there may never be another. */
const UNTHOUGHT = {
  thought: "",
  mentions: [],
  failure: "",
  failureReason: "",
  answered: null,
  findings: [],
  proposals: [],
  rewritten: null,
};

/**
 * @param {Store} state
 * @param {Effects} effects
 * @returns {Pick<Handlers, ThinkingKind>}
 */
function thinking(state, { go, notify }) {
  return {
    thinking: () => state.set({ ...UNTHOUGHT, busy: "think", status: "thinking …" }),
    shown: (item) => state.set({ shown: item.frames }),
    thought: (item) => state.set({ thought: state.get().thought + item.text }),
    mention: (item) => state.set({ mentions: [...state.get().mentions, item] }),
    keyframe(item) {
      state.set({ keyframe: item.frame });
      go(item.frame);
    },
    box: (item) => state.set(boxPatch(state.get(), item)),
    answered(item) {
      const { firstWord, tokensPerSecond } = item;
      const isKnown = firstWord !== null && tokensPerSecond !== null;
      const speed = isKnown ? `first word ${firstWord.toFixed(1)} s · ${Math.round(tokensPerSecond)} tok/s` : "";
      state.set({ answered: item, speed });
    },
    withheld: ({ reasons }) => state.set({ withheld: reasons }),
    unanswered(item) {
      state.set({ failure: item.text, failureReason: item.reason });
      notify(`No usable answer: ${item.reason}. Ask again in other words, or draw a box by hand.`);
    },
    recalled({ text, mentions, failure, reason, answered }) {
      state.set({ thought: text, mentions, failure, failureReason: reason, answered });
    },
    proposals: ({ answers, agreement }) => state.set({ proposals: answers, agreement }),
    sampling({ done, count }) {
      if (done < count) state.set({ status: `thinking: answer ${done + 1} of ${count} …` });
    },
    findings: ({ findings, hasMasks }) => state.set({ findings, hasCheckedMasks: hasMasks }),
  };
}

/**
 * A box of the policy, on its keyframe; its first one begins the list anew.
 * @param {Pick<LabelsPart, "boxes" | "objects" | "keyframe">} now
 * @param {BoxItem} item
 */
function boxPatch(now, { object, xyxy }) {
  const isAnew = object === 1;
  const boxes = isAnew ? [] : now.boxes.filter((box) => box.object !== object);
  const objects = isAnew ? [] : now.objects;
  const frame = now.keyframe ?? 0; // the keyframe is told before its boxes
  return {
    boxes: [...boxes, { object, frame, xyxy }],
    objects: [...new Set([...objects, object])],
    selected: object,
  };
}

/**
 * @param {Store} state
 * @returns {Pick<Handlers, "masks" | "doubt" | "pace">}
 */
function masks(state) {
  return {
    masks(item) {
      const now = state.get();
      layMasks(now.masks, item, now.done);
      const pending = item.reset ? now.pending : framesWithout(now.pending, item);
      const assumed = item.reset ? now.assumed : framesWithout(now.assumed, item);
      const isPropagating = now.busy === "propagate" && now.done.size > 0;
      const status = isPropagating ? progress(now.done.size, now.goal, now.began) : now.status;
      const isNews = pending !== now.pending || assumed !== now.assumed;
      state.set({ maskCount: now.maskCount + 1, status, ...(isNews ? { pending, assumed } : {}) });
    },
    doubt(item) {
      const doubt = new Map([...byNumber(item.objects)].map(([objectId, frames]) => [objectId, byNumber(frames)]));
      state.set({ doubt });
    },
    pace: ({ secondsPerFrame }) => state.set({ secondsPerFrame }),
  };
}

/**
 * Lay masks over those that are there, or in their place; a frame that changed holds another map than before.
 * @param {MasksPart["masks"]} all
 * @param {MasksItem} item
 * @param {Set<number>} done the frames that have arrived
 */
function layMasks(all, item, done) {
  if (item.reset) all.clear();
  for (const [frame, objects] of byNumber(item.frames)) {
    /** @type {Map<number, Mask>} */
    const here = byNumber(objects);
    all.set(frame, new Map([...(all.get(frame) ?? []), ...here]));
    done.add(frame);
  }
}

/**
 * Frames by object without those of the masks that have come; the very same map where that changes nothing.
 * @param {MasksPart["pending"]} frames
 * @param {MasksItem} item
 */
function framesWithout(frames, item) {
  let left = frames;
  for (const [frame, objects] of byNumber(item.frames)) {
    for (const objectId of byNumber(objects).keys()) {
      const spans = left.get(objectId);
      if (!spans?.some(([start, stop]) => frame >= start && frame < stop)) continue;
      const rest = withoutFrame(spans, frame);
      if (left === frames) left = new Map(frames);
      if (rest.length) left.set(objectId, rest);
      else left.delete(objectId);
    }
  }
  return left;
}

/** @param {number} done @param {number} goal @param {number} began */
function progress(done, goal, began) {
  const left = secondsLeft(done, goal, began);
  return `${done} of ${goal} frames${left >= 1 ? ` · ${duration(left)} left` : ""}`;
}

/**
 * @param {Store} state
 * @param {Effects} effects
 * @returns {Pick<Handlers, RunKind | FileKind>}
 */
function run(state, { notify, download, watch, transfer }) {
  return {
    queued: ({ ahead, seconds }) => state.set({ status: inLine(ahead, seconds) }),
    propagating({ only, start, stop, count }) {
      /** @type {Partial<State>} */
      const range = only === "here" ? {} : { range: [start, stop] };
      const began = performance.now();
      state.set({ ...range, busy: "propagate", goal: count, done: new Set(), began, status: "propagating …" });
    },
    settled(item) {
      const name = nameOf(state.get(), item.object);
      const where = `frames ${item.start} to ${item.stop - 1}`;
      notify(`${name} settled: ${where} were done, ${item.left} frames left as they were (Shift P does them).`, "info");
    },
    busy() {
      state.set({ busy: "recall", status: "still working …" });
      watch();
    },
    idle: () => state.set({ busy: null, opening: null, status: "" }),
    notice: ({ text, level }) => notify(text, level),
    file({ path, name }) {
      const fetching = `fetching ${name} …`;
      state.set({ status: fetching });
      download(path, name).then(
        () => state.set({ status: `saved ${name}` }),
        (/** @type {unknown} */ error) => {
          if (state.get().status === fetching) state.set({ status: "" });
          notify(
            `${name} did not arrive: ${error instanceof Error ? error.message : error}. Please try again.`,
            "error",
          );
        },
      );
    },
    written(item) {
      transfer.written(item);
      const { status, began } = state.get();
      const far = farness(item.done, item.count, began);
      if (status.startsWith("writing"))
        state.set({ status: `writing ${item.done} of ${item.count} ${item.unit} · ${far}` });
    },
    added: transfer.added,
    exported: transfer.exported,
    transferred: transfer.transferred,
  };
}
