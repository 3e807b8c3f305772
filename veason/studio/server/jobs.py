"""The long jobs of an open question: asking the policy, and computing masks; both stream to the page as they go."""

from __future__ import annotations

import functools
import itertools
import math
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from veason.annotation import Asked, DropPrompt, GotAnswer, GotMasks, PutPrompt, RecomputePlan, RecomputeRequest, State
from veason.annotation.recompute import Extent
from veason.answer import context_for, render_answer
from veason.errors import SessionError
from veason.pipeline import FramesShown, Pipeline
from veason.policy.prompt import correction_text
from veason.profile import GENERIC, Profile, sample_indices
from veason.project import Labelled
from veason.project.statistics import rank
from veason.studio.server.client import Client
from veason.studio.server.messages import Item, Message
from veason.studio.server.messages.files import NoticeItem
from veason.studio.server.messages.masks import IdleItem, PropagatingItem, QueuedItem
from veason.studio.server.messages.thinking import SamplingItem, ThinkingItem, WithheldItem
from veason.studio.server.model_line import ModelLine, Ticket
from veason.studio.server.proposals import Gathering, Proposal, samplings
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.requests.stage import PropagateRequest, ThinkRequest
from veason.studio.server.views import (
    all_masks,
    doubt_item,
    findings_item,
    new_masks,
    pace_item,
    policy_item,
    proposals_item,
    range_item,
    recalled_item,
    session_item,
    settled_item,
)
from veason.tracks import prompts_from_answer, starting_range
from veason.types import (
    Answer,
    Answered,
    BoxClosed,
    KeyframeChosen,
    PolicyEvent,
    Prompt,
    Sampling,
    Turn,
    Unanswered,
    VideoInfo,
    Withheld,
)

BATCH_S = 0.05
"""Items are gathered for this long: gradio renders no faster, and a browser that is fed faster falls behind."""


WAIT_S = 0.5
"""How often a request that waits for the models looks whether it was stopped, and where it stands."""

# --- asking


def profile_of(pipeline: Pipeline) -> Profile:
    """Return how the policy writes; the generic way where there is none."""
    return pipeline.policy.profile if pipeline.policy is not None else GENERIC


def frame_count_of(pipeline: Pipeline) -> int:
    """Return how many frames the policy wants to see."""
    return pipeline.policy.frame_count if pipeline.policy is not None else 8


_NOT_ASKED = "The question was stopped before it was asked."
_NO_ANSWER = "The question ended before there was an answer."
_PUT_BACK = "The labels and the reasoning are as they were before it."
_CHANGED = "What was changed meanwhile stays; undo goes back to the labels from before it."


@dataclass(frozen=True, slots=True)
class _Before:
    """What a question had before it was asked."""

    state: State
    proposals: tuple[Proposal, ...]
    asked: int


class Asking:
    """One question to the policy, as the job of an open question."""

    def __init__(
        self, question: OpenQuestion, request: ThinkRequest, pipeline: Pipeline, line: ModelLine, who: str
    ) -> None:
        self._question, self._pipeline, self._line, self._who = question, pipeline, line, who
        self._instruction, self._count = request.instruction.strip(), request.samples
        self._client: Client = request
        before = question.labels.state().answer
        self._guess = request.guess or (request.again and before is not None and before.is_guess)
        self._keyframe: int | None = None
        """The keyframe of the answer that is being written."""
        self._has_ended = False
        """Whether there is an answer, or the reason why there is none."""
        self._shown = sample_indices(question.info.num_frames, frame_count_of(pipeline))
        self._turns: tuple[Turn, ...] = ()
        if request.again and pipeline.policy is not None:
            state = question.labels.state()
            turn, self._shown = correction_turn(state, question.info, pipeline.policy.profile)
            self._turns = (turn,)

    def messages(self) -> Iterator[Message]:
        """Ask, and yield what the page is told."""
        question, labels = self._question, self._question.labels
        job = question.job.run(self._client.tab)
        with job as stop, self._line.ticket(self._who, f"think {self._count}") as ticket:
            yield from waiting(question.id, ticket, stop)
            reasons = () if self._guess or stop.is_set() else self._outside_training()
            if stop.is_set() or reasons:  # before anything is recorded, so that what was there stays
                why = WithheldItem(reasons=reasons) if reasons else NoticeItem(level="info", text=_NOT_ASKED)
                yield Message(work=question.id, items=(why, *_idle(question, stop, self._client)))
                return
            before = _Before(labels.state(), question.proposals, question.asked)
            now = labels.record(Asked(self._instruction, self._shown), self._client)
            question.proposals, question.asked = (), self._count
            try:
                begun = ThinkingItem(), session_item(now), self._proposals(), all_masks(now.state)
                yield Message(work=question.id, items=begun)
                yield from _in_batches(question.id, self._thoughts(), stop)
            except GeneratorExit:  # the tab has gone
                self._put_back(before, now)
                raise
            except Exception:  # who called tells what it was
                yield self._end(before, now, stop)
                raise
            yield self._end(before, now, stop)

    def _end(self, before: _Before, asked: Labelled, stop: threading.Event) -> Message:
        """Return what the page is told at the end: the answer, or that there is none and what is there instead."""
        question, was = self._question, before.state
        told: tuple[Item, ...] = ()
        if not self._has_ended:
            what = _PUT_BACK if self._put_back(before, asked) else _CHANGED if was.answer or was.object_ids else ""
            text = f"{_NO_ANSWER} {what}".rstrip()
            state = question.labels.state()
            masks = all_masks(state), doubt_item(state, question.project.doubt.curve())
            told = NoticeItem(level="info", text=text), *masks
        now = question.labels.now()
        recalled = recalled_item(question, now.state, profile_of(self._pipeline))
        labels = session_item(now), recalled, self._proposals(), findings_item(now.state)
        return Message(work=question.id, items=(*told, *labels, *_idle(question, stop, self._client)))

    def _put_back(self, before: _Before, asked: Labelled) -> bool:
        """Take the question back where it ended without an answer and labels went for it; tell whether it was.

        What a person has changed since is not taken back with it: then undo brings the labels.
        """
        question, was = self._question, before.state
        if self._has_ended or not (was.answer or was.object_ids):
            return False
        is_put_back = question.labels.take_back(asked, self._client)
        if is_put_back:
            question.proposals, question.asked = before.proposals, before.asked
        return is_put_back

    def _outside_training(self) -> tuple[str, ...]:
        """Return why the policy would only guess."""
        found = self._pipeline.outside_training(self._question.video, self._instruction, shown=self._shown)
        return tuple(note.message for note in found)

    def _proposals(self) -> Item:
        question = self._question
        return proposals_item(question.proposals, question.asked, question.labels.state().answer)

    def _thoughts(self) -> Iterator[Item]:
        """Think as often as wanted: the first answer streams, of the others only what they come to is shown."""
        question, gathering = self._question, Gathering()
        policy = self._pipeline.policy
        for sampling in samplings(self._count, policy is not None and policy.is_recorded):
            thinking = self._pipeline.think(
                question.video, self._instruction, shown=self._shown, turns=self._turns, sampling=sampling, guess=True
            )
            for event in thinking:
                if isinstance(event, FramesShown | Withheld):
                    continue
                is_first = gathering.number(event) == 0
                if gathering.take(event):
                    if question.labels.state().answer is None:
                        yield self._answer(gathering.proposals[-1].answer, sampling)
                    question.proposals = tuple(gathering.proposals)
                    if self._count > 1:
                        yield self._proposals()
                if is_first:
                    self._keep(event)
                    yield policy_item(event)
                if self._count > 1 and isinstance(event, Answered | Unanswered):
                    yield SamplingItem(done=gathering.number(event) + 1, count=self._count)
            gathering.next_call()

    def _answer(self, answer: Answer, sampling: Sampling) -> Item:
        question = self._question
        answered = GotAnswer(answer, prompts_from_answer(answer))
        question.labels.follow([answered], self._client, source=self._policy_name, sampling=sampling)
        self._has_ended = True
        question.project.queue.set_status(question.question_id, "proposed", source=self._policy_name)
        question.range.propose(starting_range(question.info, answer.keyframe or 0))
        return range_item(question)

    @property
    def _policy_name(self) -> str:
        return self._pipeline.policy.name if self._pipeline.policy is not None else "none"

    def _keep(self, event: PolicyEvent) -> None:
        """Keep of the first answer what must not wait for its end."""
        if isinstance(event, Unanswered):
            question = self._question
            question.project.queue.fail(question.question_id, event.reason, text=event.text, source=self._policy_name)
            self._has_ended = True
        elif isinstance(event, KeyframeChosen):
            self._keyframe = event.frame_index
        elif isinstance(event, BoxClosed) and self._keyframe is not None:
            self._keep_box(event, self._keyframe)

    def _keep_box(self, event: BoxClosed, keyframe: int) -> None:
        """Make a box a prompt as soon as it closes, so that it can be dragged while the text still streams."""
        labels = self._question.labels
        if event.number == 0:  # the policy began its list (anew)
            labels.follow([DropPrompt(*place) for place in labels.state().prompts], self._client)
        labels.follow([PutPrompt(Prompt(event.number + 1, keyframe, box=event.box))], self._client)


def correction_turn(state: State, info: VideoInfo, profile: Profile) -> tuple[Turn, tuple[int, ...]]:
    """Return the earlier answer with the visitor's correction of it, and the frames to show.

    Raises:
        SessionError: there is no answer to correct. PromptError: nothing was corrected.
    """
    answer = state.answer
    if answer is None:
        raise SessionError("there is no answer yet to correct: ask first")
    keyframe = state.keyframe
    boxes = [prompt.box for (_, at), prompt in state.prompts.items() if at == keyframe and prompt.box is not None]
    shown = tuple(sorted({*state.shown, *([] if keyframe is None else [keyframe])}))
    context = context_for(profile, shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
    said = render_answer(answer.thought, answer.keyframe, answer.boxes, context)
    moved = keyframe if keyframe != answer.keyframe else None
    redrawn = boxes if tuple(boxes) != answer.boxes else None
    return Turn(said, correction_text(moved, redrawn, context)), shown


# --- masks


def propagate(
    question: OpenQuestion, request: PropagateRequest, pipeline: Pipeline, line: ModelLine, who: str
) -> Iterator[Message]:
    """Compute the masks that a request asks for as the question's job, in the turn of `who`, and tell of each.

    Raises:
        PromptError: the range is none of the video.
    """
    question.edit_order.wait_for(request.after)
    frames = question.range.checked(request.start, request.stop)
    extent: Extent = "all" if request.only is None else "pending" if request.only == "stale" else request.only
    if extent != "here":
        question.range.choose(frames)
    may_settle = request.settles and pipeline.can_settle
    wanted = RecomputeRequest(frames, extent, request.object, request.frame, may_settle)
    state = question.labels.state()
    num_objects = len(state.object_ids) if request.object is None else 1
    expected_s = pipeline.segmenter.estimate_seconds(RecomputePlan.of(state, wanted).num_frames, max(1, num_objects))
    job = question.job.run(request.tab, gives_way=request.follows)
    with job as stop, line.ticket(who, "propagate", expected_s) as ticket:
        yield from waiting(question.id, ticket, stop)
        if stop.is_set():
            yield Message(work=question.id, items=_idle(question, stop, request))
            return
        plan = RecomputePlan.of(question.labels.state(), wanted)
        begun = PropagatingItem(start=request.start, stop=request.stop, count=plan.num_frames, only=request.only)
        yield Message(work=question.id, items=(begun,))
        yield from _in_batches(question.id, _masks(question, plan, request, pipeline), stop)
        rank(question.project, question.question_id)
        now = question.labels.now()
        doubts = doubt_item(now.state, question.project.doubt.curve())
        told = session_item(now), doubts, findings_item(now.state), pace_item(pipeline)
        yield Message(work=question.id, items=(*told, *_idle(question, stop, request)))


def _masks(
    question: OpenQuestion, plan: RecomputePlan, request: PropagateRequest, pipeline: Pipeline
) -> Iterator[Item]:
    labels, cursor = question.labels, None if request.frame is None else functools.partial(int, request.frame)
    # what is verified or locked meanwhile is saved at once, and stays
    arriving = pipeline.recompute(question.video, plan, labels.saved_state, cursor=cursor)
    num_settled = 0
    try:
        with closing(arriving):  # type: ignore[type-var]  # a generator
            for masks in itertools.chain(arriving, [None]):
                settled, num_settled = plan.settled[num_settled:], len(plan.settled)
                arrived = [] if masks is None else [GotMasks(masks)]
                if not labels.arrive([*settled, *arrived], pipeline.segmenter.name, request):
                    return
                yield from (settled_item(one) for one in settled if one.left)
                if masks is not None:
                    yield new_masks(masks)
    finally:
        labels.flush(request)


# --- both


def _idle(question: OpenQuestion, stop: threading.Event, client: Client) -> tuple[Item, ...]:
    """Return that nothing runs any more for a tab; nothing where another job of it does, which tells its own end."""
    return () if question.job.is_followed(stop, client.tab) else (IdleItem(),)


def waiting(work_id: str, ticket: Ticket, stop: threading.Event) -> Iterator[Message]:
    """Wait for the models, or until it is stopped; meanwhile the page is told where the request stands."""
    told: QueuedItem | None = None
    while not stop.is_set() and not ticket.wait(WAIT_S):
        place = ticket.place
        item = QueuedItem(ahead=place.ahead, seconds=None if place.seconds is None else math.ceil(place.seconds))
        if item != told:
            told = item
            yield Message(work=work_id, items=(item,))


def _in_batches(work_id: str, items: Iterator[Item], stop: threading.Event) -> Iterator[Message]:
    """Gather items for BATCH_S before they are sent; end early when the visitor stops."""
    batch: list[Item] = []
    sent = 0.0
    try:
        for item in items:
            batch.append(item)
            if stop.is_set():
                break
            if time.monotonic() - sent > BATCH_S:
                yield Message(work=work_id, items=tuple(batch))
                batch, sent = [], time.monotonic()
    finally:
        items.close()  # type: ignore[attr-defined]  # every caller passes a generator
    if batch:
        yield Message(work=work_id, items=tuple(batch))
