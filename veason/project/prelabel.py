"""Let the models work through the queue. It may be killed at any time: what is done is kept and not done again.

    think -> answer on the disk -> propagate -> all masks on the disk at once -> doubt -> "proposed"

Where a question stands is read from what is on the disk, so the next run goes on at the arrow where this one ended.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

from veason.annotation import Asked, Edit, GotAnswer, GotMasks, RecomputePlan, RecomputeRequest
from veason.errors import DeviceError, ProjectError, PromptError, VideoError
from veason.locks import take_lock
from veason.pipeline import FramesShown, Pipeline
from veason.project.project import Project
from veason.project.records import ChangedElsewhere, Question
from veason.project.statistics import rank
from veason.tracks import MAX_STARTING_FRAMES, prompts_from_answer, starting_range
from veason.types import Answered, Sampling, Unanswered, Withheld
from veason.video import Video

SOURCE = "prelabel"
"""How the log names this work; statuses of other origin are left alone."""

_NOTICE_S = 0.5
"""Progress within a question is told at most this often."""

Stage = Literal["thinking", "tracking", "proposed", "failed", "skipped", "withheld"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of prelabelling.

    Attributes:
        question_id: the question at work.
        stage: what happens to it, or how it ended: "failed" where it could not be done (`message` says why; it stays
            new), "skipped" where a person took it over meanwhile, "withheld" where the policy would only guess (it
            stays new, and is not asked).
        done: questions finished in this run, this one included once it ended.
        total: questions of this run.
        seconds_left: by the pace so far, None before the first one ended.
        frames: frames tracked so far, and how many there will be.
    """

    question_id: int
    stage: Stage
    done: int
    total: int
    seconds_left: float | None = None
    message: str = ""
    frames: tuple[int, int] = (0, 0)


def prelabel(
    project: Project,
    pipeline: Pipeline,
    *,
    sampling: Sampling = Sampling(),
    assignee: str | None = None,
    longest: int = MAX_STARTING_FRAMES,
) -> Generator[Progress, None, None]:
    """Ask the policy and propagate for every new question, one after the other; yield progress.

    Closing the generator stops the work within a frame or token. Afterwards `questions(most_doubtful_first=True)` gives
    the order to look at them.

    Args:
        project: its questions that are "new" are done, and those that an earlier run left in the middle.
        pipeline: with a policy.
        sampling: how to decode.
        assignee: only this person's questions.
        longest: longer clips are tracked around the keyframe for so many frames only.

    Raises:
        ProjectError: another run is at work on this project, or the disk is full.
        MissingBackend: the pipeline has no policy.
    """
    with _only_run(project):
        for question in _left_over(project):
            project.queue.set_status(question.id, "new", source=SOURCE)
        found = project.library.questions(status="new", assignee=assignee)
        queue = [question for question in found if question.instruction]  # a draft asks for nothing yet
        pace = _Pace(len(queue))
        for question in queue:
            try:
                with closing(_label(project, pipeline, question, sampling, longest, pace)) as events:
                    yield from events
            except ChangedElsewhere:
                yield pace.ended(question.id, "skipped", "a person took it over")
            except _WithheldError as error:
                project.queue.fail(question.id, str(error), source=SOURCE)
                yield pace.ended(question.id, "withheld", str(error))
            except (VideoError, PromptError, DeviceError) as error:
                project.queue.fail(question.id, str(error), source=SOURCE)
                yield pace.ended(question.id, "failed", str(error))


class _WithheldError(Exception):
    """The policy would only guess; the message says why."""


class _Pace:
    """Counts what is done and tells how long the rest will take."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._started = total, 0, time.monotonic()

    def now(self, question_id: int, stage: Stage, frames: tuple[int, int] = (0, 0)) -> Progress:
        return Progress(question_id, stage, self._done, self._total, self._seconds_left(), frames=frames)

    def ended(self, question_id: int, stage: Stage, message: str = "") -> Progress:
        self._done += 1
        return Progress(question_id, stage, self._done, self._total, self._seconds_left(), message)

    def _seconds_left(self) -> float | None:
        if not self._done:
            return None
        return (time.monotonic() - self._started) / self._done * (self._total - self._done)


def _label(
    project: Project, pipeline: Pipeline, question: Question, sampling: Sampling, longest: int, pace: _Pace
) -> Generator[Progress, None, None]:
    """Bring one question from where it stands to "proposed"."""
    with _open(project, question) as video:
        revision = project.queue.set_status(
            question.id, "thinking", source=SOURCE, expected_revision=project.library.question(question.id).revision
        )
        if question.failure:
            revision = project.queue.fail(question.id, "", source=SOURCE)
        is_done = False
        try:
            yield pace.now(question.id, "thinking")
            if project.labels.state(question.id).answer is None:
                revision = _think(project, pipeline, question, video, sampling, revision)
            yield from _track(project, pipeline, question, video, longest, revision, pace)
            rank(project, question.id)
            failure = project.library.question(question.id).failure
            is_done = not failure
        finally:
            if project.library.question(question.id).status == "thinking":
                project.queue.set_status(question.id, "proposed" if is_done else "new", source=SOURCE)
    yield pace.ended(question.id, "proposed" if is_done else "failed", failure)


def _think(
    project: Project, pipeline: Pipeline, question: Question, video: Video, sampling: Sampling, revision: int
) -> int:
    """Ask the policy and put its first answer, or its failure, on the disk; return the new revision."""
    shown: tuple[int, ...] = ()
    answer, failure = None, None
    for event in pipeline.think(video, question.instruction, sampling=sampling):
        match event:
            case FramesShown(frame_indices):
                shown = frame_indices
            case Answered() if answer is None:
                answer = event.answer
            case Unanswered() if failure is None:
                failure = event
            case Withheld():
                raise _WithheldError(f"the policy would only guess: {event.text}")
    assert pipeline.policy is not None
    name = pipeline.policy.name
    if answer is None:
        reason, text = (failure.reason, failure.text) if failure else ("the policy wrote nothing", "")
        return project.queue.fail(question.id, reason, text=text, source=name)
    edits: list[Edit] = [Asked(question.instruction, shown), GotAnswer(answer, prompts_from_answer(answer))]
    return project.labels.follow(question.id, edits, source=name, sampling=sampling, expected_revision=revision)


def _track(
    project: Project,
    pipeline: Pipeline,
    question: Question,
    video: Video,
    longest: int,
    revision: int,
    pace: _Pace,
) -> Iterator[Progress]:
    """Compute the masks that wait and put all of them on the disk in one go."""
    state = project.labels.state(question.id)
    if not state.pending or not state.prompts:
        return
    frames = starting_range(video.info, min(state.prompts)[1], longest)
    plan = RecomputePlan.of(state, RecomputeRequest(frames))
    arrived: list[GotMasks] = []
    noticed = 0.0
    for frame_masks in pipeline.recompute(video, plan, lambda: state, order="stock"):
        arrived.append(GotMasks(frame_masks))
        if time.monotonic() - noticed >= _NOTICE_S:
            noticed = time.monotonic()
            done = len({edit.frame_masks.frame_index for edit in arrived})
            yield pace.now(question.id, "tracking", (done, plan.num_frames))
    if arrived:
        project.labels.follow(question.id, arrived, source=pipeline.segmenter.name, expected_revision=revision)


@contextmanager
def _open(project: Project, question: Question) -> Iterator[Video]:
    try:
        video = project.library.open_video(question.video_id)
    except ProjectError as error:  # its file is gone: this one fails, the others go on
        raise VideoError(str(error)) from error
    with closing(video):
        yield video


def _left_over(project: Project) -> list[Question]:
    """Return the questions that a killed run left as "thinking"."""
    found = []
    for question in project.library.questions(status="thinking"):
        last = [one for one in project.library.changes_since(0, question.id) if one.operation == "status"][-1]
        if last.source == SOURCE:
            found.append(question)
    return found


@contextmanager
def _only_run(project: Project) -> Iterator[None]:
    """Refuse a second run on the same project; the lock goes with the process, however it ends."""
    path = project.folder / "prelabel.lock"
    try:
        stream = path.open("ab")
    except OSError as error:
        raise ProjectError(f"cannot write into {project.folder}: {error.strerror}; choose a copy of it") from error
    with stream:
        if not take_lock(stream):
            raise ProjectError(f"{project.folder}: the queue is being pre-labelled already: wait for it")
        yield
