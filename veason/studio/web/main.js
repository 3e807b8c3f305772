// @ts-check
// The studio: makes the parts and connects them.

/** @import { OpenedItem, QueueRow } from "./contract.js" */
/** @import { Effects } from "./core/receive.js" */
/** @import { Refs } from "./core/refs.js" */
/** @import { Notify, Scope, Store } from "./core/types.js" */

import { Frames } from "./canvas/frames.js";
import { showInHand } from "./canvas/in-hand.js";
import { makeOverlapBar } from "./canvas/overlap-bar.js";
import { makeShapeMenu } from "./canvas/shape-menu.js";
import { makeSecond } from "./canvas/second.js";
import { Stage } from "./canvas/stage.js";
import { makeTools } from "./canvas/tools.js";
import { blank, initial } from "./core/blank.js";
import { makeConnection } from "./core/connection.js";
import { button, node } from "./core/dom.js";
import { answering } from "./core/look-ups.js";
import { bindMenus } from "./core/menus.js";
import { Messages } from "./core/messages.js";
import { keepPref } from "./core/prefs.js";
import { makeReceiver } from "./core/receive.js";
import { makeState } from "./core/state.js";
import { makeSync } from "./core/sync.js";
import { Actions } from "./edits/actions.js";
import { overlapping } from "./edits/overlap.js";
import { bindHeader, tellModels } from "./header/header.js";
import { showPerson } from "./header/person.js";
import { makeSteps } from "./header/steps.js";
import { makeCommands } from "./keyboard/commands.js";
import { Help } from "./keyboard/help.js";
import { Keymap } from "./keyboard/keymap.js";
import { bindKeys } from "./keyboard/keys.js";
import { Models } from "./models/models.js";
import { makeAnswers } from "./panel/answers.js";
import { LeftOpenLine } from "./panel/left-open.js";
import { makePrimary } from "./panel/primary.js";
import { Propagation } from "./panel/propagate.js";
import { Question } from "./panel/question.js";
import { Reasoning } from "./panel/reasoning.js";
import { Review } from "./panel/review.js";
import { Assign } from "./queue/assign.js";
import { bindQueueKeys } from "./queue/keys.js";
import { makeNumbers } from "./queue/numbers.js";
import { Queue } from "./queue/queue.js";
import { Remarks } from "./queue/remarks.js";
import { RowActions } from "./queue/row-actions.js";
import { Rules } from "./queue/rules.js";
import { Transfer } from "./queue/transfer.js";
import { QueueView } from "./queue/view.js";
import { makeFilm } from "./timeline/film.js";
import { makeGlimpse } from "./timeline/glimpse.js";
import { Lanes, bindLaneTools } from "./timeline/lanes.js";
import { Player } from "./timeline/player.js";
import { Tour } from "./welcome/tour.js";
import { makeWelcome } from "./welcome/welcome.js";

const SHOWN_MS = { error: 12000, info: 4000 };
const LOOK_AGAIN_MS = 1500;
const LINK_AFTER_MS = 300;

/** Begin, in the component that gradio made. @param {Scope} given */
export function start(given) {
  /** @type {Scope} */
  const scope = Object.create(given, { server: { value: answering(given.server) } });
  const refs = namedParts(scope.element);
  const state = makeState(initial());
  const notify = makeNotify(refs);
  const frames = new Frames(scope.server, state);
  const player = new Player(refs, state, frames);
  const messages = connectServer(scope, state, {
    frames,
    player,
    notify,
    transfer: () => transfer,
    question: () => question,
  });
  const queue = new Queue(refs, scope, state, messages, notify);
  const transfer = new Transfer(refs, scope.props.about, state, messages, queue, notify);
  const actions = new Actions(refs, state, messages, player, notify);
  const question = makeWorkbench(refs, scope, state, { frames, player, messages, queue, actions, notify });
  makeQueueScreen(refs, scope, state, queue, notify, (rows) => transfer.exportRows(rows));
  const welcome = makeWelcome(refs, scope.props.about, state, messages, notify);
  const models = new Models(refs, scope, notify, (now) => {
    scope.props.about.models = now;
    tellModels(refs, now);
    refs.samples.hidden = !now.several;
  });
  refs.withheldModel.addEventListener("click", () => models.open("policy"));
  void models.begin();
  makeSync(refs, scope.props.about, state, messages, notify);
  showPerson(refs, scope.props.about);
  openAsked(state, queue, messages, player, leaving(refs, state, frames, messages));
  refs.app.dataset.ready = "true";
  welcome();
  question.nameUnknown();
}

/** @param {HTMLElement} element @returns {Refs} */
function namedParts(element) {
  const parts = [...element.querySelectorAll("[data-ref]")].map((part) => [part.getAttribute("data-ref"), part]);
  return Object.fromEntries(parts);
}

/** @param {Refs} refs @returns {Notify} */
function makeNotify({ notices }) {
  return (text, level = "error", action) => {
    for (const old of [...notices.children]) if (old.getAttribute("data-text") === text) old.remove(); // said once
    const dismiss = button({ "aria-label": "Dismiss", onclick: () => note.remove() }, "✕");
    const onclick = () => {
      note.remove();
      action?.act();
    };
    const offered = action ? [button({ class: "v-link", onclick }, action.text)] : [];
    const note = node("div", { class: "v-notice", "data-level": level, "data-text": text }, text, ...offered, dismiss);
    notices.append(note);
    setTimeout(() => note.remove(), SHOWN_MS[action ? "error" : level]); // what can be taken back stays longer
  };
}

/**
 * @typedef {object} Receivers
 * @property {Frames} frames
 * @property {Player} player
 * @property {Notify} notify
 * @property {() => Transfer} transfer
 * @property {() => Question} question
 */

/**
 * What messages do beside changing the state.
 * @param {Scope} scope
 * @param {Store} state
 * @param {Receivers} parts
 */
function connectServer(scope, state, { frames, player, notify, transfer, question }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let watching;
  const recall = () => {
    const { work } = state.get();
    if (work) messages.recall(work);
  };
  /** @type {Effects} */
  const effects = {
    go: player.go,
    notify,
    recall,
    watch() {
      clearTimeout(watching);
      watching = setTimeout(recall, LOOK_AGAIN_MS);
    },
    opened(item, isSame) {
      if (!isSame) frames.forget();
      linkTo(item);
    },
    instruct: (text, isOther) => question().show(text, isOther),
    download,
    transfer: {
      added: (item) => transfer().added(item),
      exported: (item) => transfer().exported(item),
      written: (item) => transfer().written(item),
      transferred: () => transfer().transferred(),
    },
  };
  const messages = new Messages(scope, state, makeReceiver(state, effects));
  return messages;
}

/** The link says which question is open, so that a refresh brings it back. @param {OpenedItem} item */
function linkTo({ work, project }) {
  const link = new URL(window.location.href);
  if (link.searchParams.get("work") !== work) link.searchParams.delete("frame");
  link.searchParams.set("work", work);
  keepPref("project", project);
  window.history.replaceState(null, "", link);
}

/** And which frame of it is shown. Browsers refuse links that change too often. @param {Store} state */
function linkToFrame(state) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;
  const tell = () => {
    const link = new URL(window.location.href);
    const { work, frame } = state.get();
    if (!work || link.searchParams.get("work") !== work) return;
    link.searchParams.set("frame", String(frame));
    window.history.replaceState(null, "", link);
  };
  state.on(["frame"], () => {
    clearTimeout(resting);
    resting = setTimeout(tell, LINK_AFTER_MS);
  });
}

/**
 * Fetch a file that the server made and hand it to the visitor; it is there when this ends.
 * @param {string} path @param {string} name
 */
async function download(path, name) {
  const place = path.split("/").map(encodeURIComponent).join("/");
  const answer = await fetch(new URL(`gradio_api/file=${place}`, document.baseURI));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const href = URL.createObjectURL(await answer.blob());
  const link = node("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/**
 * @typedef {object} Workbench
 * @property {Frames} frames
 * @property {Player} player
 * @property {Messages} messages
 * @property {Queue} queue
 * @property {Actions} actions
 * @property {Notify} notify
 */

/**
 * The stage with everything around it.
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Store} state
 * @param {Workbench} parts
 */
function makeWorkbench(refs, scope, state, { frames, player, messages, queue, actions, notify }) {
  const { about } = scope.props;
  const { doubtThreshold } = about.models;
  const keymap = new Keymap();
  const help = new Help(refs, keymap);
  const tour = new Tour(refs, state);
  const { suspect } = makeConnection(refs, scope, messages, notify);
  const { putBox, putClick, putMask } = actions.prompts;
  const stage = new Stage(refs, state, frames, {
    putBox,
    putClick,
    putMask,
    refuses: actions.refuses,
    notify,
    suspect,
  });
  const propagation = new Propagation(refs, scope, state, messages);
  const question = new Question(refs, scope, state, messages);
  actions.connect({
    closePolygon: () => stage.painter.close(),
    cancelDrag: () => stage.cancel(),
    thinkAgain: question.again,
    follow: propagation.follow,
  });
  bindMenus(refs, state);
  showInHand(refs, state);
  makeOverlapBar(refs, state, actions.overlap, overlapping);
  makeFilm(refs, scope, state, player);
  makeTools(refs, state, actions, keymap);
  makeShapeMenu(refs, state, actions.shapes, keymap);
  makeSecond(refs, state, frames, player);
  makeGlimpse(refs, scope, state);
  makeSteps(refs, state, actions);
  makeAnswers(refs, about, state, player, actions);
  new Lanes(refs, state, player, actions, doubtThreshold);
  bindLaneTools(refs, state, actions);
  makePrimary(refs, state);
  new Reasoning(refs, about, state, player, actions);
  new LeftOpenLine(refs, state, player, actions, doubtThreshold);
  const review = new Review(refs, state, queue, new Remarks(scope, queue), player, about.project.readOnly);
  const parts = { refs, state, actions, player, propagation, help, stage, queue, review, doubtThreshold };
  bindKeys({ refs, state, keymap, commands: makeCommands(parts), gestures: stage.gestures, actions });
  const leave = leaving(refs, state, frames, messages);
  bindHeader(refs, about, state, messages, { actions, help, queue, showTour: tour.show, leave });
  return question;
}

/**
 * @param {Refs} refs
 * @param {Scope} scope
 * @param {Store} state
 * @param {Queue} queue
 * @param {Notify} notify
 * @param {(rows: QueueRow[]) => void} exportRows
 */
function makeQueueScreen(refs, scope, state, queue, notify, exportRows) {
  const actions = new RowActions(refs, queue, new Assign(refs, queue), notify, exportRows);
  queue.connect(new QueueView(refs, queue, () => actions.draw()));
  makeNumbers(refs, scope, state, queue);
  new Rules(refs, state, queue);
  bindQueueKeys(refs, state, queue, actions);
}

/**
 * Back to the welcome page; what runs is stopped.
 * @param {Refs} refs
 * @param {Store} state
 * @param {Frames} frames
 * @param {Messages} messages
 */
const leaving = (refs, state, frames, messages) => () => {
  if (state.get().busy) messages.stop();
  const link = new URL(window.location.href);
  link.searchParams.delete("work");
  link.searchParams.delete("frame");
  window.history.replaceState(null, "", link);
  frames.forget();
  state.set({ ...blank(), screen: "stage" });
  refs.instruction.value = "";
};

/**
 * Open what the link asks for.
 * @param {Store} state
 * @param {Queue} queue
 * @param {Messages} messages
 * @param {Player} player
 * @param {() => void} leave
 */
async function openAsked(state, queue, messages, player, leave) {
  const asked = new URL(window.location.href).searchParams;
  const work = asked.get("work");
  if (asked.get("queue")) {
    state.set({ project: queue.about.project.key ?? asked.get("queue") });
    queue.show(true);
  } else queue.load();
  const frame = Number(asked.get("frame") ?? NaN);
  linkToFrame(state);
  if (work && (await messages.recall(work)) === false) leave();
  else if (work) player.go(frame);
}
