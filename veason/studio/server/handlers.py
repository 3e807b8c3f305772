"""Page events -> Work. Generators yield messages `{work, items}`; the page applies items in order.

Each message to a tab gets a number. One with a gap before it, or from a server that was started anew, makes the page
ask for a snapshot, so that nothing is lost when the browser drops an update.
"""

from __future__ import annotations

import functools
import itertools
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from veason.errors import ProjectError, SessionError, VeasonError
from veason.pipeline import FramesShown, Pipeline, prompts_from_answer, starting_range
from veason.profile import GENERIC, Profile, sample_indices
from veason.project import ChangedElsewhere, Project
from veason.project.state import Edit, Locked, Marked, Named, Occluded, Reasoned
from veason.project.statistics import rank
from veason.session import Asked, DropPrompt, Duplicated, GotAnswer, GotMasks, Merged, MoveKeyframe, PutPrompt, Tracked
from veason.studio.server import payload as read
from veason.studio.server import render, spread
from veason.studio.server.background import Prelabelling, Turns
from veason.studio.server.correct import absent_masks, correction_turn, fixed_masks, painted_masks
from veason.studio.server.examples import Example
from veason.studio.server.hand import Hand, read_hand
from veason.studio.server.queue import Queue
from veason.studio.server.render import Item
from veason.studio.server.samples import COUNTS, Gathering, samplings
from veason.studio.server.spread import Stretch
from veason.studio.server.store import Store, Work
from veason.studio.server.transfer import Transfer
from veason.studio.server.wire import Message, message, telling
from veason.types import Answer, Answered, BoxClosed, KeyframeChosen, PolicyEvent, Prompt, Sampling, Turn, Unanswered

BATCH_S = 0.05
"""Updates are gathered for this long: gradio renders no faster, and a browser that is fed faster falls behind."""


def _after_failure(error: VeasonError) -> list[Item]:
    unsaved = [{"kind": "unsaved"}] if isinstance(error, ProjectError) else []
    return [*unsaved, {"kind": "idle"}]


told = telling(_after_failure)


class Desk:
    """The handlers with what they share: the models, the store and the examples.

    `is_local` says that the page is served to this machine only, whose folders it may name.
    """

    def __init__(self, pipeline: Pipeline, store: Store, examples: list[Example], *, is_local: bool = False) -> None:
        self.pipeline = pipeline
        self.store = store
        self.examples = examples
        self.turns = Turns()
        self.prelabelling = Prelabelling(pipeline, self.turns)
        self.queue = Queue(store, self.prelabelling)
        self.transfer = Transfer(store, pipeline, is_local=is_local)
        self.is_local = is_local
        self._serial = itertools.count()
        self.epoch = secrets.token_hex(4)
        """Tells this run of the server from the ones before."""

    def stamped(self, one: Message, data: Any) -> Message:
        """Return a message with its number among those to the tab that sent `data`."""
        work = self.store.find(one["work"])
        stamps = {"epoch": self.epoch, "serial": next(self._serial)}  # no two messages are equal
        if work is None:
            return {**one, **stamps, "revision": 0}
        tab = read_hand(data).tab
        work.sent[tab] = work.sent.get(tab, 0) + 1
        return {**one, **stamps, "revision": work.sent[tab]}

    def close(self) -> None:
        """Stop everything; what was done is kept."""
        self.prelabelling.close()
        self.store.close()

    @property
    def profile(self) -> Profile:
        """How the policy writes; the generic way where there is none."""
        return getattr(self.pipeline.policy, "profile", GENERIC)

    @property
    def frame_count(self) -> int:
        """How many frames the policy wants to see."""
        return self.pipeline.policy.frame_count if self.pipeline.policy is not None else 8

    @told
    def open(self, data: Any) -> Iterator[Message]:
        """Open an example (`{"example": place}`) or an upload (`{"path": ..., "name": ...}`)."""
        key, project = self.store.shelf.get_or_make(data.get("project") if isinstance(data, dict) else None)
        video_id = self.add_video(project, data)
        yield self.snapshot(self.store.open(key, project.add_draft(video_id)))

    def snapshot(self, work: Work) -> Message:
        """Return everything the page needs to show a work again, after a refresh or a lost update."""
        session = work.now
        shown = session.shown or sample_indices(session.num_frames, self.frame_count)
        return message(
            work,
            render.opened(work, self.frame_count),
            render.pace(self.pipeline.segmenter),
            {"kind": "shown", "frames": list(shown)},
            render.recalled(work, self.profile),
            render.proposals(work),
            render.session_state(work),
            render.all_masks(session),
            render.doubts(session),
            render.findings(session),
            {"kind": "busy" if work.is_running else "idle"},
        )

    def add_video(self, project: Project, data: Any) -> int:
        """Add an example or an upload (as for `open`) to a project and return the video's id; uploads are copied in."""
        if isinstance(data, dict) and "example" in data:
            place = read.whole_number(data, "example")
            if not 0 <= place < len(self.examples):
                raise SessionError(f"there is no example {place}")
            return project.add_video(self.examples[place].path)
        with self.transfer.uploaded(data) as source:
            self.store.shelf.check_space(project, source.stat().st_size)
            return project.add_video(source, copy=True)

    @told
    def think(self, data: Any) -> Iterator[Message]:
        """Stream the reasoning about `{"work", "instruction"}`; `"again"` sends the visitor's correction along."""
        instruction, hand = read.short_text(data, "instruction").strip(), read_hand(data)
        work = self._work_about(self.store.get(data.get("work")), instruction, hand)
        if work.id != data["work"]:
            hand = replace(hand, seen=None)
            yield self.snapshot(work)
            if work.now.answer is not None:
                told = "You asked this before: here is the answer. Think asks again."
                yield message(work, render.notice(told, "info"))
                return
        shown = sample_indices(work.video.info.num_frames, self.frame_count)
        turns: tuple[Turn, ...] = ()
        if data.get("again") is True and self.pipeline.policy is not None:
            turn, shown = correction_turn(work, self.pipeline.policy.profile)
            turns = (turn,)
        count = read.choice(data, "samples", COUNTS) if "samples" in data else 1
        with work.job():
            work.record(Asked(instruction, shown), hand)
            work.proposals, work.asked, work.keyframe_said = (), count, None
            begun = {"kind": "thinking"}, render.session_state(work), render.proposals(work)
            yield message(work, *begun, render.all_masks(work.now))
            thoughts = self._thoughts(work, instruction, shown, turns, count, hand)
            yield from self._in_batches(work, thoughts)
            told = render.session_state(work), render.recalled(work, self.profile), render.proposals(work)
            yield message(work, *told, render.findings(work.now), {"kind": "idle"})

    def _work_about(self, work: Work, instruction: str, hand: Hand) -> Work:
        """Return the work on this instruction: the given one if it has no words yet, else the video's own for it."""
        question = work.project.question(work.question_id)
        if not instruction or instruction in (question.instruction, work.now.instruction):
            return work
        if not question.instruction:
            work.reword(instruction, hand)
            return work
        same = [one for one in work.project.questions(video_id=question.video_id) if one.instruction == instruction]
        work.stop()
        found = same[0].id if same else work.project.add_question(question.video_id, instruction)
        return self.store.open(work.key, found)

    def _thoughts(
        self, work: Work, instruction: str, shown: tuple[int, ...], turns: tuple[Turn, ...], count: int, hand: Hand
    ) -> Iterator[Item]:
        """Think as often as wanted: the first answer streams, of the others only what they come to is shown."""
        gathering = Gathering()
        for sampling in samplings(count, bool(getattr(self.pipeline.policy, "is_recorded", False))):
            for event in self.pipeline.think(work.video, instruction, shown=shown, turns=turns, sampling=sampling):
                if isinstance(event, FramesShown):
                    continue
                is_first = gathering.number(event) == 0
                if gathering.take(event):
                    if work.now.answer is None:
                        yield from self._answer(work, gathering.proposals[-1].answer, sampling, hand)
                    work.proposals = tuple(gathering.proposals)
                    if count > 1:
                        yield render.proposals(work)
                if is_first:
                    yield from self._first_thought(work, event, hand)
                if count > 1 and isinstance(event, Answered | Unanswered):
                    yield {"kind": "sampling", "done": gathering.number(event) + 1, "count": count}
            gathering.next_call()

    def _answer(self, work: Work, answer: Answer, sampling: Sampling, hand: Hand) -> Iterator[Item]:
        answered = GotAnswer(answer, prompts_from_answer(answer))
        work.follow([answered], hand, source=self._policy_name, sampling=sampling)
        work.project.set_status(work.question_id, "proposed", source=self._policy_name)
        work.propose(starting_range(work.video.info, answer.keyframe or 0))
        yield render.span(work)

    @property
    def _policy_name(self) -> str:
        return self.pipeline.policy.name if self.pipeline.policy is not None else "none"

    def _first_thought(self, work: Work, event: PolicyEvent, hand: Hand) -> Iterator[Item]:
        if isinstance(event, Unanswered):
            work.project.fail(work.question_id, event.reason, text=event.text, source=self._policy_name)
        elif isinstance(event, KeyframeChosen):
            work.keyframe_said = event.frame_index
        elif isinstance(event, BoxClosed) and work.keyframe_said is not None:
            _keep_box(work, event, work.keyframe_said, hand)
        yield render.policy_event(event)

    @told
    def edit(self, data: Any) -> Iterator[Message]:
        """Apply one edit: a box, a deletion, a mark, a name, another keyframe, undo or redo."""
        work = self.store.get(data.get("work"))
        try:
            with work.edit_at(data.get("stamp")):
                items = self._edited(work, data, read_hand(data))
        except ChangedElsewhere as error:
            yield message(work, render.notice(str(error)), *self.snapshot(work)["items"])
        except VeasonError as error:
            unsaved = [{"kind": "unsaved"}] if isinstance(error, ProjectError) else []
            yield message(work, render.notice(str(error)), *unsaved, {"kind": "idle"}, {"kind": "refused"})
        else:
            yield message(work, {"kind": "taken", "number": data.get("number")}, *items)

    def _edited(self, work: Work, data: Any, hand: Hand) -> list[Item]:
        """Put one edit on the disk and return what the page has to know."""
        if data.get("edit") in ("undo", "redo"):
            work.stop()
            work.step(forward=data["edit"] == "redo", hand=hand, count=read.steps(data))
            return self._everything(work)
        if data.get("edit") == "take":
            edit: Edit = self._taken(work, read.whole_number(data, "number"))
        elif data.get("edit") == "merge":
            target = read.whole_number(data, "into")
            edit = Merged(read.whole_number(data, "object"), target, work.state.settled(target))
        else:
            edit = read.edit(data, work.now, work.video.info.size_wh)
        if changes_masks(edit):
            work.stop()
        edit, *more = spread.around_absent(work.state, edit) if isinstance(edit, Marked) else [edit]
        work.record(edit, hand, (*more, *self._settled(work, edit)))  # a painted mask is on the page already
        items: list[Item] = []
        if isinstance(edit, GotAnswer):
            items += self._everything(work)
        elif data["edit"] in ("drop", "absent", "duplicate", "merge"):
            items += render.all_masks(work.now), render.doubts(work.now)
        elif isinstance(edit, PutPrompt | MoveKeyframe) and not work.frames[0] <= data["frame"] < work.frames[1]:
            work.home = starting_range(work.video.info, data["frame"])
            work.choose(work.home)
            items.append(render.span(work, insists=True))
        return [render.session_state(work), *items]

    def _settled(self, work: Work, edit: Edit) -> tuple[GotMasks, ...]:
        """Return the masks that a person settles with an edit: painted ones, and empty ones where nothing is there."""
        if isinstance(edit, PutPrompt):
            return tuple(painted_masks(edit.prompt))
        return tuple(absent_masks(work, edit)) if isinstance(edit, Marked) and edit.kind == "absent" else ()

    def _taken(self, work: Work, number: int) -> GotAnswer:
        if not 0 <= number < len(work.proposals):
            raise SessionError(f"there is no answer {number + 1}: there are {len(work.proposals)}")
        answer = work.proposals[number].answer
        return GotAnswer(answer, prompts_from_answer(answer))

    def _everything(self, work: Work) -> list[Item]:
        """Return what a step back or another answer may have changed."""
        now = work.now
        labels = render.session_state(work), render.recalled(work, self.profile), render.proposals(work)
        return [*labels, render.all_masks(now), render.doubts(now), render.findings(now)]

    @told
    def propagate(self, data: Any) -> Iterator[Message]:
        """Stream masks of `{"work", "start", "stop", "only", "object", "frame"}`; see `veason.studio.server.spread.plan`.

        `"after"` is the stamp of an edit that may still be on its way.
        """
        work = self.store.get(data.get("work"))
        frames = read.frame_range(data, work.video.info.num_frames)
        work.await_edit(data.get("after"))
        with work.job():
            hand, state = read_hand(data), work.state
            stretches = spread.plan(state, state.locked, work.pending, data, frames)
            if data.get("only") != "here":
                work.choose(frames)
            yield message(work, render.propagating(stretches, frames, data.get("only")))
            for stretch in stretches:
                yield from self._in_batches(work, self._masks(work, stretch, data, hand))
                if work.is_stopping:
                    break
            ended = Tracked(spread.finished(work.state, work.pending, stretches))
            work.follow([ended], hand, source=self.pipeline.segmenter.name)
            rank(work.project, work.question_id)
            now = work.now
            told = (
                render.session_state(work),
                render.doubts(now),
                render.findings(now),
                render.pace(self.pipeline.segmenter),
            )
            yield message(work, *told, {"kind": "idle"})

    def _masks(self, work: Work, stretch: Stretch, data: Any, hand: Hand) -> Iterator[Item]:
        state = work.state
        frame_index = data.get("frame")
        cursor = functools.partial(int, frame_index) if isinstance(frame_index, int) else None
        arriving = self.pipeline.propagate(
            work.video,
            spread.prompts_of(state, stretch),
            fixed=fixed_masks(state),
            frames=stretch.range,
            order="nearest",
            cursor=cursor,
        )
        try:
            for arrived in arriving:
                if work.is_stopping:
                    return
                now = work.saved_state  # as it is by now: what is verified or locked meanwhile stays
                frame_masks = spread.kept(now, now.locked, stretch, arrived)
                if frame_masks is not None:
                    work.arrive(frame_masks, self.pipeline.segmenter.name, hand)
                    yield render.new_masks([frame_masks])
        finally:
            work.flush(hand)

    def _in_batches(self, work: Work, items: Iterator[Item]) -> Iterator[Message]:
        """Gather items for BATCH_S before they are sent; end early when the visitor stops."""
        batch: list[Item] = []
        sent = 0.0
        try:
            for item in items:
                batch.append(item)
                if work.is_stopping:
                    break
                if time.monotonic() - sent > BATCH_S:
                    yield message(work, *batch)
                    batch, sent = [], time.monotonic()
        finally:
            items.close()  # type: ignore[attr-defined]  # every caller passes a generator
        if batch:
            yield message(work, *batch)


def changes_masks(edit: Edit) -> bool:
    """Tell whether an edit makes masks that are being computed useless; copies and what is said of masks do not."""
    return not isinstance(edit, Named | Locked | Occluded | Reasoned | Duplicated) and not (
        isinstance(edit, Marked) and edit.kind == "verified"
    )


def _keep_box(work: Work, event: BoxClosed, keyframe: int, hand: Hand) -> None:
    """Make a box a prompt as soon as it closes, so that it can be dragged while the text still streams."""
    if event.number == 0:  # the policy began its list (anew)
        work.follow([DropPrompt(*place) for place in work.now.prompts], hand)
    work.follow([PutPrompt(Prompt(event.number + 1, keyframe, box=event.box))], hand)
