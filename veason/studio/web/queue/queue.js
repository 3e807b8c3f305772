// The queue: clips and instructions, where each stands, and the way from one to the next.

import { node } from "../core/dom.js";
import { keepPref, recallPref } from "../core/prefs.js";
import { makeAssign } from "./assign.js";
import { makeNumbers } from "./numbers.js";
import { makeRowList } from "./row-list.js";
import { STATUSES, isOpen, makeRow, standing, time } from "./row.js";

const EVERY_MS = 2500;
const inOrder = new Intl.Collator();

export function makeQueue(refs, scope, state, messages, notify) {
  const { about } = scope.props;
  const queue = {
    rows: [],
    revision: null,
    prelabel: null,
    people: [],
    status: null,
    person: "",
    text: "",
    order: recallPref("order", "added"),
    current: null,
    listed: [],
    decisions: 0,
  };
  const pictures = new Map();
  const watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) fetchThumb(target);
  });

  const project = () => state.get().project ?? about.project.key ?? recallPref("project", null);
  const send = async (name, data) => {
    const told = await scope.server[name](messages.signed({ project: project(), ...data }));
    if (told.error) notify(told.error);
    return told;
  };

  async function fetchThumb(place) {
    watcher.unobserve(place);
    const video = Number(place.dataset.video);
    if (!pictures.has(video)) pictures.set(video, scope.server.thumb({ project: project(), video }));
    const { jpeg } = await pictures.get(video);
    if (jpeg) place.style.backgroundImage = `url(${jpeg})`;
  }

  function thumb(video, place) {
    place.dataset.video = video;
    if (pictures.has(video)) fetchThumb(place);
    else watcher.observe(place);
  }

  const matches = (row) =>
    (!queue.person || (queue.person === "-" ? !row.assignee : row.assignee === queue.person)) &&
    (!queue.text || `${row.clip} ${row.instruction}`.toLowerCase().includes(queue.text));

  function listed() {
    const rows = queue.rows.filter((row) => matches(row) && (!queue.status || standing(row) === queue.status));
    if (queue.order === "doubt") rows.sort((a, b) => (b.doubt ?? -1) - (a.doubt ?? -1));
    if (queue.order === "iou") rows.sort((a, b) => (a.iou ?? 2) - (b.iou ?? 2));
    if (queue.order === "clip") rows.sort((a, b) => inOrder.compare(a.clip, b.clip) || a.id - b.id);
    return rows;
  }

  // One look at a time: what is asked meanwhile is answered by one more look after it.
  let looking = null;
  let wanted = null;
  function load(force = false) {
    wanted = force || wanted === "all" ? "all" : "news";
    looking ??= (async () => {
      try {
        while (wanted) {
          const isForced = wanted === "all";
          wanted = null;
          await look(isForced);
        }
      } finally {
        looking = null;
      }
    })();
    return looking;
  }

  async function look(force) {
    if (!project()) return draw();
    const { decisions } = queue;
    const told = await scope.server.queue(
      messages.signed({ project: project(), revision: force ? null : queue.revision }),
    );
    if (told.error) return draw();
    if (queue.decisions !== decisions) {
      // it may tell how things stood before
      wanted = "all";
      return undefined;
    }
    const isNew = Boolean(told.rows);
    Object.assign(queue, told);
    state.set({ queueSize: queue.rows.filter(isOpen).length, queueCount: queue.rows.length });
    if (isNew || force) draw();
    drawPrelabel();
    return undefined;
  }

  function drawChips() {
    const among = queue.rows.filter(matches);
    const counts = {};
    for (const row of among) counts[standing(row)] = (counts[standing(row)] ?? 0) + 1;
    const make = (status, text, number) =>
      node(
        "button",
        {
          type: "button",
          class: "v-filter",
          "aria-pressed": String(queue.status === status),
          "data-status": status ?? "all",
          onclick: () => {
            queue.status = status;
            draw();
          },
        },
        `${text} `,
        node("b", {}, String(number)),
      );
    const shown = STATUSES.filter((status) => counts[status] || queue.status === status);
    refs.statusChips.replaceChildren(
      make(null, "all", among.length),
      ...shown.map((status) => make(status, status, counts[status] ?? 0)),
    );
    const people = [
      node("option", { value: "" }, "everybody"),
      node("option", { value: "-" }, "nobody yet"),
      ...queue.people.map((name) => node("option", { value: name }, name)),
    ];
    refs.assigned.replaceChildren(...people);
    refs.assigned.value = queue.person;
    refs.assigned.hidden = queue.people.length === 0;
    refs.order.value = queue.order;
  }

  function nothing() {
    if (!queue.rows.length) {
      return node(
        "div",
        { class: "v-empty" },
        node("h2", {}, "Nothing to label yet"),
        node("p", { class: "v-dim" }, "Add clips and say what to segment in them. Veason proposes, you decide."),
        node("button", { type: "button", class: "v-btn", onclick: () => refs.openAdd.click() }, "Add clips"),
      );
    }
    return node(
      "div",
      { class: "v-empty" },
      node("h2", {}, "Nothing matches"),
      node(
        "button",
        {
          type: "button",
          class: "v-btn v-ghost",
          onclick: () => {
            Object.assign(queue, { status: null, person: "", text: "" });
            refs.search.value = "";
            draw();
          },
        },
        "Show everything",
      ),
    );
  }

  function draw() {
    if (refs.queue.hidden) return;
    const place = Math.max(
      0,
      queue.listed.findIndex(({ id }) => id === queue.current),
    );
    queue.listed = listed();
    if (!queue.listed.some(({ id }) => id === queue.current))
      queue.current = (queue.listed[place] ?? queue.listed.at(-1))?.id ?? null;
    drawChips();
    const done = queue.rows.filter((row) => !isOpen(row)).length;
    const work =
      queue.effort?.seconds >= 1 ? ` · ${time(queue.effort.seconds)} of work, ${queue.effort.edits} edits` : "";
    refs.queueLine.textContent = queue.rows.length
      ? `${done} of ${queue.rows.length} done · ${queue.videos} clip${queue.videos === 1 ? "" : "s"}${work}`
      : "";
    refs.openNumbers.hidden = !queue.rows.length;
    refs.queueLine.title = about.project.folder ? `kept in ${about.project.folder}` : "";
    refs.queueHead.hidden = !queue.listed.length;
    list.show(queue.listed, queue.current);
    pointAtCurrent();
  }

  const list = makeRowList(refs.rows, { make: (row) => makeRow(row, { thumb, pick, open }), nothing });

  function pointAtCurrent() {
    if (queue.current === null) refs.rows.removeAttribute("aria-activedescendant");
    else refs.rows.setAttribute("aria-activedescendant", `v-row-${queue.current}`);
  }

  function drawPrelabel() {
    const { prelabel } = queue;
    refs.prelabel.textContent = prelabel?.running ? "Stop pre-labelling" : "Pre-label all";
    refs.prelabelLine.hidden = !prelabel || (!prelabel.running && !prelabel.failure && !prelabel.failed);
    if (refs.prelabelLine.hidden) return;
    const left = prelabel.secondsLeft ? ` · ${time(prelabel.secondsLeft)} left` : "";
    const within =
      prelabel.stage === "tracking"
        ? ` · frame ${prelabel.frames[0]} of ${prelabel.frames[1]}`
        : prelabel.stage
          ? ` · ${prelabel.stage}`
          : "";
    const failed = prelabel.failed ? ` · ${prelabel.failed} failed` : "";
    const ended = prelabel.failure || `Pre-labelling ended${failed}`;
    refs.prelabelText.textContent = prelabel.running
      ? `Pre-labelling ${prelabel.done ?? 0} of ${prelabel.total ?? "…"}${within}${failed}${left}`
      : ended;
    refs.prelabelMeter.style.width = `${100 * ((prelabel.done ?? 0) / (prelabel.total || 1))}%`;
  }

  function choose(id) {
    queue.current = id;
    list.choose(id);
    pointAtCurrent();
  }

  const pick = (id) => (id === queue.current ? open(id) : choose(id));

  async function open(id) {
    queue.current = id;
    const isThere = await messages.recall(`${project()}.${id}`);
    if (isThere) {
      show(false);
      requestAnimationFrame(() => refs.stage.focus({ preventScroll: true })); // it is visible by then
    } else await load(true);
  }

  // The next question after this one that still waits for a person, in the order of the list; round to the top once.
  function neighbour(id, way, onlyOpen) {
    const rows = listed(); // the list itself may be out of sight, and not drawn
    const place = rows.findIndex((row) => row.id === id);
    const after = [...rows.slice(place + 1), ...rows.slice(0, Math.max(place, 0))];
    const order = way > 0 ? after : after.reverse();
    return order.find((row) => row.id !== id && !row.isGone && (!onlyOpen || isOpen(row)));
  }

  const idOf = (work) => Number(work?.split(".").at(-1));

  async function decide(kind, id, seen) {
    const told = await send("act", { do: kind, question: id, seen });
    if (told.error) return null;
    queue.decisions += 1;
    if (!told.seen)
      await load(true); // an opinion: only the server knows what it comes to
    else {
      const isOver = !["accepted", "absent"].includes(told.status);
      queue.rows = queue.rows.map((row) =>
        row.id === id ? { ...row, status: told.status, seen: told.seen, isDisputed: row.isDisputed && !isOver } : row,
      );
      draw();
      queue.refreshed = load(true);
    }
    return told;
  }

  async function decideAndNext(kind) {
    const { work, seen, busy } = state.get();
    if (busy === "think") return notify("The policy is still thinking: wait for its answer, or stop it.", "info");
    const id = idOf(work);
    const told = await decide(kind, id, seen);
    if (!told) return messages.recall(work);
    notify(
      told.status === "absent"
        ? "Accepted: the target is absent."
        : told.status === "accepted"
          ? "Accepted."
          : "Rejected.",
      "info",
    );
    await queue.refreshed; // others may have decided meanwhile
    const next = neighbour(id, 1, true);
    if (next) return open(next.id);
    notify("That was the last one: nothing is left to review.", "info");
    return show(true);
  }

  async function turn(way) {
    if (queue.revision === null) await load(true);
    const next = neighbour(idOf(state.get().work), way, false);
    if (next) await open(next.id);
  }

  function show(isShown) {
    state.set({ screen: isShown ? "queue" : "stage" });
  }

  function move(by) {
    const rows = queue.listed;
    const place = rows.findIndex(({ id }) => id === queue.current);
    const next = rows[Math.min(Math.max(place + by, 0), rows.length - 1)];
    if (next) choose(next.id);
  }

  makeNumbers(refs, queue);
  // Where the row leaves the list by the decision, the next one stands in its place already.
  async function decideHere(kind, { id, seen }) {
    if ((await decide(kind, id, seen)) && queue.current === id) move(1);
  }

  const assign = makeAssign(refs, { send, load });

  const keys = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    PageDown: () => move(10),
    PageUp: () => move(-10),
    Home: () => move(-1e9),
    End: () => move(1e9),
    Enter: (row) => row && open(row.id),
    a: (row) => row && decideHere("accept", row),
    x: (row) => row && decideHere("reject", row),
    r: (row) => row && decide("reopen", row.id, row.seen),
    g: (row) => row && decide("agree", row.id, row.seen),
    d: (row) => row && decide("disagree", row.id, row.seen),
    p: (row) => row && assign.open(row, queue.people),
    "/": () => refs.search.focus(),
    i: () => state.get().work && show(false),
    n: () => refs.openAdd.click(),
  };

  document.addEventListener(
    "keydown",
    (event) => {
      if (refs.queue.hidden || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
        return;
      const isTyping = event.target.closest("input, textarea, select");
      if (isTyping && event.key === "Escape") refs.rows.focus();
      if (isTyping || (event.key === "Enter" && event.target.closest("button"))) return;
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (event.key === "Escape" && state.get().work) show(false);
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act(queue.rows.find(({ id }) => id === queue.current));
    },
    true,
  );

  refs.shut.hidden = !about.project.readOnly;
  refs.visit.hidden = Boolean(about.project.key);
  refs.visitText.textContent = `This is yours alone, by this page's link. The server keeps it for ${about.project.hours} hours after the last change, up to ${about.project.megabytes} MB.`;
  refs.takeHome.addEventListener("click", () => {
    refs.openTransfer.click();
    refs.packAll.click();
  });
  for (const button of [refs.openAdd, refs.prelabel]) button.disabled = about.project.readOnly;
  refs.search.addEventListener("input", () => {
    queue.text = refs.search.value.trim().toLowerCase();
    draw();
  });
  refs.search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") refs.rows.focus();
  });
  refs.assigned.addEventListener("change", () => {
    queue.person = refs.assigned.value;
    draw();
  });
  refs.order.addEventListener("change", () => {
    queue.order = refs.order.value;
    keepPref("order", queue.order);
    draw();
  });
  refs.annotator.value = recallPref("annotator", "");
  refs.annotator.addEventListener("input", () => keepPref("annotator", refs.annotator.value.trim()));
  refs.prelabel.addEventListener("click", async () => {
    const told = await send("act", { do: queue.prelabel?.running ? "pause" : "prelabel" });
    if (!told.error) {
      queue.prelabel = told.prelabel;
      drawPrelabel();
    }
  });

  async function watch() {
    try {
      if (!refs.queue.hidden && !document.hidden) await load();
    } catch {
      // the server cannot be reached: the connection says so
    }
    setTimeout(watch, EVERY_MS);
  }
  setTimeout(watch, EVERY_MS);

  state.on(["screen"], ({ screen }) => {
    refs.queue.hidden = screen !== "queue";
    const link = new URL(window.location.href);
    const { work } = state.get();
    if (screen === "queue" && project()) {
      link.searchParams.set("queue", project());
      link.searchParams.delete("work");
    } else if (screen !== "queue") {
      link.searchParams.delete("queue");
      if (work) link.searchParams.set("work", work);
    }
    window.history.replaceState(null, "", link);
    if (screen !== "queue") return;
    queue.current = idOf(state.get().work) || queue.current;
    load(true).then(() => {
      if (queue.current !== null) choose(queue.current);
      refs.rows.focus({ preventScroll: true });
    });
  });
  const numDisputed = () => queue.rows.filter(({ isDisputed }) => isDisputed).length;

  return { numDisputed, show, load, send, project, decide, decideAndNext, turn, idOf };
}
