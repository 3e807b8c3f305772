// The studio: makes the parts, and turns messages of the server into state.

import { makeFrames } from "./canvas/frames.js";
import { makeStage } from "./canvas/stage.js";
import { makeTools } from "./canvas/tools.js";
import { FIT } from "./canvas/view.js";
import { makeConnection } from "./core/connection.js";
import { node } from "./core/dom.js";
import { makeMessages } from "./core/messages.js";
import { keepPref, recallPref } from "./core/prefs.js";
import { makeState } from "./core/state.js";
import { makeSync } from "./core/sync.js";
import { duration, farness } from "./core/words.js";
import { makeActions } from "./edits/actions.js";
import { bindHeader } from "./header/header.js";
import { makeSteps } from "./header/steps.js";
import { makeCommands } from "./keyboard/commands.js";
import { makeHelp } from "./keyboard/help.js";
import { makeKeymap } from "./keyboard/keymap.js";
import { bindKeys } from "./keyboard/keys.js";
import { makeAnswers } from "./panel/answers.js";
import { makePrimary } from "./panel/primary.js";
import { makePropagate } from "./panel/propagate.js";
import { makeQuestion } from "./panel/question.js";
import { makeReasoning } from "./panel/reasoning.js";
import { makeReview } from "./panel/review.js";
import { makeQueue } from "./queue/queue.js";
import { makeTransfer } from "./queue/transfer.js";
import { makeFilm } from "./timeline/film.js";
import { makeLanes } from "./timeline/lanes.js";
import { makePlayer } from "./timeline/player.js";
import { makeTour } from "./welcome/tour.js";
import { makeWelcome } from "./welcome/welcome.js";

const BLANK = {
  work: null,
  seen: null,
  saved: null,
  review: "new",
  assignee: null,
  info: null,
  opening: null,
  frame: 0,
  picture: null,
  pictureFrame: -1,
  playing: false,
  lit: null,
  shown: [],
  keyframe: null,
  boxes: [],
  clicks: [],
  objects: [],
  stale: [],
  selected: null,
  drawing: false,
  eye: true,
  masks: new Map(),
  maskCount: 0,
  doubt: {},
  done: new Set(),
  range: [0, 1],
  home: [0, 1],
  secondsPerFrame: 0,
  tool: null,
  corner: null,
  paintings: [],
  pending: {},
  undoSteps: [],
  redoSteps: [],
  proposals: [],
  agreement: "",
  goal: 1,
  view: FIT,
  hidden: new Set(),
  solo: null,
  renaming: null,
  merging: null,
  byHand: [],
  marks: [],
  names: {},
  locked: [],
  occluded: [],
  reasoning: null,
  rewritten: null,
  rewriting: false,
  thought: "",
  mentions: [],
  answered: null,
  failure: "",
  findings: [],
  busy: null,
  status: "",
  speed: "",
};

export function start(scope) {
  const refs = Object.fromEntries(
    [...scope.element.querySelectorAll("[data-ref]")].map((part) => [part.dataset.ref, part]),
  );
  const state = makeState({
    ...BLANK,
    screen: "stage",
    project: null,
    queueSize: 0,
    queueCount: 0,
    ...recallPref("look", { opacity: 0.45, outline: false }),
    brush: recallPref("brush", 24),
  });
  const frames = makeFrames(scope.server, state);
  let watching = null;

  function notify(text, level = "error") {
    for (const old of refs.notices.children) if (old.dataset.text === text) old.remove(); // said once
    const note = node(
      "div",
      { class: "v-notice", "data-level": level, "data-text": text },
      text,
      node("button", { type: "button", "aria-label": "Dismiss", onclick: () => note.remove() }, "✕"),
    );
    refs.notices.append(note);
    setTimeout(() => note.remove(), level === "error" ? 12000 : 4000);
  }

  function progress(done, all) {
    const left = ((performance.now() - state.get().began) / 1000 / done) * (all - done);
    return `${done} of ${all} frames${left >= 1 ? ` · ${duration(left)} left` : ""}`;
  }

  const handle = {
    opened(item) {
      const isSame = state.get().work === item.work;
      if (!isSame) frames.forget();
      const { frame, selected, hidden, solo, tool } = state.get();
      const kept = isSame ? { frame, selected, hidden, solo, tool } : {};
      state.set({
        ...BLANK,
        masks: new Map(),
        ...kept,
        work: item.work,
        project: item.project,
        info: item,
        range: item.range,
        home: item.home,
      });
      const link = new URL(window.location.href);
      link.searchParams.set("work", item.work);
      keepPref("project", item.project);
      window.history.replaceState(null, "", link);
    },
    shown: (item) => state.set({ shown: item.frames }),
    session(item) {
      const { kind, ...values } = item;
      if (!values.shown.length) delete values.shown; // nothing was asked yet: the strip keeps its frames
      const { selected, objects, keyframe } = state.get();
      const newest = values.objects.filter((one) => !objects.includes(one)).at(-1);
      const stays = values.objects.includes(selected) ? selected : null;
      state.set({ ...values, saved: "saved", selected: newest ?? stays ?? values.objects[0] ?? null });
      if (values.instruction && document.activeElement !== refs.instruction)
        refs.instruction.value = values.instruction;
      if (values.keyframe !== null && values.keyframe !== keyframe) player.go(values.keyframe);
    },
    thinking: () => state.set({ busy: "think", status: "thinking …" }),
    thought: (item) => state.set({ thought: state.get().thought + item.text }),
    mention: (item) => state.set({ mentions: [...state.get().mentions, item] }),
    keyframe(item) {
      state.set({ keyframe: item.frame });
      player.go(item.frame);
    },
    box(item) {
      const { keyframe } = state.get();
      const isAnew = item.object === 1; // the policy began its list
      const boxes = isAnew ? [] : state.get().boxes;
      const objects = isAnew ? [] : state.get().objects;
      state.set({
        boxes: [
          ...boxes.filter((box) => box.object !== item.object),
          { object: item.object, frame: keyframe, xyxy: item.xyxy },
        ],
        objects: [...new Set([...objects, item.object])],
        selected: item.object,
      });
    },
    answered(item) {
      const speed =
        item.firstWord === null
          ? ""
          : `first word ${item.firstWord.toFixed(1)} s · ${Math.round(item.tokensPerSecond)} tok/s`;
      state.set({ answered: item, speed });
    },
    unanswered(item) {
      state.set({ failure: item.text });
      notify(`No usable answer: ${item.reason}. Ask again in other words, or draw a box by hand.`);
    },
    recalled: (item) =>
      state.set({ thought: item.text, mentions: item.mentions, failure: item.failure, answered: item.answered }),
    pace: (item) => state.set({ secondsPerFrame: item.secondsPerFrame }),
    range(item) {
      const { range, home } = state.get();
      const isChosen = String(range) !== String(home); // typed or marked while the answer was on its way
      state.set({ home: item.home, ...(isChosen && !item.insists ? {} : { range: item.range }) });
    },
    propagating(item) {
      const range = item.only === "here" ? {} : { range: [item.start, item.stop] };
      state.set({
        ...range,
        busy: "propagate",
        goal: item.count,
        done: new Set(),
        began: performance.now(),
        status: "propagating …",
      });
    },
    masks(item) {
      const { masks, done, maskCount, busy, goal } = state.get();
      if (item.reset) masks.clear();
      for (const [index, objects] of Object.entries(item.frames)) {
        masks.set(Number(index), { ...masks.get(Number(index)), ...objects });
        done.add(Number(index));
      }
      const status = busy === "propagate" ? progress(done.size, goal) : state.get().status;
      state.set({ maskCount: maskCount + 1, status });
    },
    proposals: (item) => state.set({ proposals: item.answers, agreement: item.agreement }),
    sampling: (item) => {
      if (item.done < item.count) state.set({ status: `thinking: answer ${item.done + 1} of ${item.count} …` });
    },
    refused: () => messages.recall(state.get().work),
    doubt: (item) => state.set({ doubt: item.objects }),
    findings: (item) => state.set({ findings: item.findings }),
    file(item) {
      const link = node("a", {
        href: new URL(`gradio_api/file=${item.path}`, document.baseURI).href,
        download: item.name,
      });
      document.body.append(link);
      link.click();
      link.remove();
      state.set({ status: `saved ${item.name}` });
    },
    written(item) {
      transfer.written(item);
      const { status, began } = state.get();
      if (status.startsWith("writing"))
        state.set({
          status: `writing ${item.done} of ${item.count} ${item.unit} · ${farness(item.done, item.count, began)}`,
        });
    },
    notice: (item) => notify(item.text, item.level),
    added: (item) => transfer.added(item),
    exported: (item) => transfer.exported(item),
    transferred: () => transfer.transferred(),
    unsaved: () => state.set({ saved: "unsaved" }),
    busy() {
      state.set({ busy: "recall", status: "still working …" });
      clearTimeout(watching);
      watching = setTimeout(() => messages.recall(state.get().work), 1500);
    },
    idle: () => state.set({ busy: null, opening: null, status: "" }),
  };

  const messages = makeMessages(scope, state, (item) => handle[item.kind](item));
  const player = makePlayer(refs, state, frames);

  const actions = makeActions(refs, state, messages, { player, notify });
  const propagate = makePropagate(refs, scope, state, messages);
  const think = makeQuestion(refs, scope, state, messages);
  const keymap = makeKeymap();
  const help = makeHelp(refs, keymap);
  const connection = makeConnection(refs, scope, state, messages);
  const tour = makeTour(refs, state);
  actions.connect({ again: propagate.again, thinkAgain: think.again });
  const hand = makeStage(refs, state, frames, { ...actions, suspect: connection.suspect });
  actions.connect({ painter: hand.painter, cancel: hand.cancel });
  makeFilm(refs, scope, state, player);
  makeTools(refs, state, actions, keymap);
  makeSteps(refs, state, actions);
  makeAnswers(refs, scope.props.about, state, player, actions);
  makeLanes(refs, scope, state, player, actions);
  makePrimary(refs, state);
  makeReasoning(refs, scope.props.about, state, player, actions);
  makeWelcome(refs, scope, state, messages, notify);
  const queue = makeQueue(refs, scope, state, messages, notify);
  const review = makeReview(refs, scope.props.about, state, queue, player);
  const transfer = makeTransfer(refs, scope, state, messages, queue, notify);
  makeSync(refs, scope.props.about, state, messages, notify);
  const commands = makeCommands(refs, state, {
    queue,
    review,
    actions,
    player,
    propagate,
    help,
    painter: hand.painter,
    doubtThreshold: scope.props.about.doubtThreshold,
  });
  bindKeys({ root: scope.element, stage: refs.stage }, state, keymap, { commands, hand, actions });
  bindHeader(refs, scope.props.about, state, messages, { actions, help, tour, leave, queue });

  function leave() {
    if (state.get().busy) messages.stop();
    const link = new URL(window.location.href);
    link.searchParams.delete("work");
    window.history.replaceState(null, "", link);
    frames.forget();
    state.set({ ...BLANK, masks: new Map(), done: new Set(), screen: "stage" });
    refs.instruction.value = "";
  }

  const asked = new URL(window.location.href).searchParams;
  const work = asked.get("work");
  if (asked.get("queue")) {
    state.set({ project: scope.props.about.project.key ?? asked.get("queue") });
    queue.show(true);
  } else queue.load();
  if (work)
    messages.recall(work).then((isThere) => {
      if (!isThere) leave();
    });
  refs.app.dataset.ready = "true";
  think.nameUnknown();
}
