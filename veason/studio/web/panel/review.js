// Beside the stage: where the question stands, the decision, and comments on frames.

import { node } from "../core/dom.js";
import { recallPref } from "../core/prefs.js";
import { chip, verdictTexts } from "../queue/row.js";

const isAccepted = (review) => ["accepted", "absent"].includes(review);
const SETTLED = ["accepted", "rejected", "absent"];

export function makeReview(refs, about, state, queue, player) {
  const isShut = about.project.readOnly; // then there is nothing to decide
  let remarks = [];
  let verdicts = [];
  let asked = null;
  let stood = null;

  function draw({ review, assignee, work }) {
    if (!work) return;
    const isDisputed = isAccepted(review) && verdicts.some(({ verdict }) => verdict === "disagree");
    const person = assignee ? [node("span", { class: "v-dim v-small" }, `for ${assignee}`)] : [];
    refs.standing.replaceChildren(...person, chip(isDisputed ? "disputed" : review));
    refs.accept.textContent = SETTLED.includes(review) ? "Accepted again, next" : "Accept, next";
    if (isAccepted(review) || isShut) refs.accept.textContent = "Next";
    refs.reject.hidden = isShut;
    refs.remarkForm.hidden = isShut;
    refs.judge.hidden = !isAccepted(review) || isShut;
  }

  // What reviewers say of accepted labels; a disagreement is best said with a comment, so its field is next.
  function drawVerdicts() {
    draw(state.get());
    refs.verdicts.textContent = verdictTexts(verdicts).join(", ") || "Is it right?";
    const own = verdicts.find(({ by }) => by === recallPref("annotator", ""))?.verdict;
    for (const kind of ["agree", "disagree"]) refs[kind].setAttribute("aria-pressed", String(own === kind));
  }

  async function judge(kind) {
    const { work, seen } = state.get();
    if (!(await queue.decide(kind, queue.idOf(work), seen))) return;
    if (kind === "disagree") {
      refs.remarkBox.open = true;
      refs.remark.focus();
    }
    load();
  }

  function drawRemarks() {
    const open = remarks.filter(({ isDone }) => !isDone).length;
    refs.remarkCount.textContent = open ? String(open) : "";
    refs.remarks.replaceChildren(
      ...remarks.map((one) =>
        node(
          "li",
          { "data-done": String(one.isDone) },
          one.frame === null
            ? node("span", { class: "v-dim v-small" }, "all of it")
            : node(
                "button",
                {
                  type: "button",
                  class: "v-chip",
                  "aria-label": `Go to frame ${one.frame}`,
                  onclick: () => player.go(one.frame),
                },
                String(one.frame),
              ),
          node("span", {}, one.text, one.by ? node("small", { class: "v-dim" }, ` ${one.by}`) : ""),
          node(
            "button",
            { type: "button", class: "v-link", onclick: () => resolve(one) },
            one.isDone ? "open again" : "done",
          ),
        ),
      ),
    );
  }

  async function load() {
    const { work } = state.get();
    if (!work) return;
    const question = queue.idOf(work);
    const told = await queue.send("remarks", { question });
    if (state.get().work !== work || told.error) return;
    ({ remarks, verdicts } = told);
    drawRemarks();
    drawVerdicts();
  }

  async function resolve(one) {
    await queue.send("act", { do: "resolve", question: queue.idOf(state.get().work), remark: one.id, on: !one.isDone });
    load();
  }

  refs.remarkForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = refs.remark.value.trim();
    if (!text) return;
    const { work, frame } = state.get();
    const told = await queue.send("act", { do: "remark", question: queue.idOf(work), frame, text });
    if (told.error) return;
    refs.remark.value = "";
    refs.remarkBox.open = true;
    load();
  });
  refs.remark.addEventListener("keydown", (event) => {
    if (event.key === "Escape") refs.stage.focus();
  });

  const decide = () => (isShut || isAccepted(state.get().review) ? queue.turn(1) : queue.decideAndNext("accept"));
  refs.accept.addEventListener("click", decide);
  refs.reject.addEventListener("click", () => queue.decideAndNext("reject"));
  for (const kind of ["agree", "disagree"]) refs[kind].addEventListener("click", () => judge(kind));
  refs.prevClip.addEventListener("click", () => queue.turn(-1));
  refs.nextClip.addEventListener("click", () => queue.turn(1));

  state.on(["review", "assignee", "work"], draw);
  state.on(["review"], ({ work, review }) => {
    if (work === asked && review !== stood) load(); // an edit ends what was said of the labels
    stood = review;
  });
  state.on(["frame"], ({ frame }) => {
    refs.remark.placeholder = `Comment on frame ${frame}`;
  });
  state.on(["work"], ({ work }) => {
    if (work === asked) return;
    asked = work;
    remarks = [];
    verdicts = [];
    drawRemarks();
    drawVerdicts();
    load();
  });
  return {
    accept: decide,
    remark: () => {
      refs.remarkBox.open = true;
      refs.remark.focus();
    },
  };
}
