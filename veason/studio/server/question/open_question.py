"""One question with its video, shared by all tabs that show it, and the parts it is made of: each owns one thing.

Everything done lies in the project before it is told to the page; what is here can be made again at any time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from veason.errors import ProjectError, PromptError
from veason.project import Project, Question
from veason.studio.server.proposals import Proposal
from veason.studio.server.question.job import Job
from veason.studio.server.question.labels import QuestionLabels
from veason.tracks import starting_range
from veason.types import FrameRange
from veason.video import Video

LATEST_EDIT_S = 3.0
"""For how long a request for masks waits for the edit before it."""


class OpenQuestion:
    """The parts of an open question.

    Attributes:
        id: what pages call it: the project's key, a dot, the question's id.
        key: of the project.
        project: it belongs to.
        question_id: in the project.
        title: of the clip.
        video: the clip; hold the lease while it is read.
        info: what is known of it.
        lease: keeps it open.
        job: what runs.
        labels: what is labelled.
        edit_order: which edit came last.
        range: the frames to propagate.
        proposals: all answers, where several were asked for.
        asked: how many were.
    """

    def __init__(
        self, key: str, project: Project, question: Question, is_cancelled: Callable[[], bool] | None = None
    ) -> None:
        stored = project.library.video(question.video_id)
        self.id = f"{key}.{question.id}"
        self.key, self.project, self.question_id, self.title = key, project, question.id, stored.title
        self.video = project.library.open_video(stored.id, is_cancelled)
        self.lease = VideoLease(self.video)
        self.info = self.video.info
        self.job = Job()
        self.labels = QuestionLabels(project, question.id, self.job)
        self.edit_order = EditOrder()
        home = starting_range(self.info, project.labels.state(question.id).keyframe or 0)
        self.range = ChosenRange(project, question.id, self.info.num_frames, home)
        self.proposals: tuple[Proposal, ...] = ()
        self.asked = 1

    @property
    def is_idle(self) -> bool:
        """True where nobody uses it and nothing runs."""
        return not self.lease.is_held and not self.job.is_running

    def end(self) -> None:
        """Wait for the job that was stopped, put on the disk what it left, and give the video up."""
        with self.job.ended(), suppress(ProjectError):  # nobody is left to be told
            self.labels.flush()
        self.lease.give_up()


class VideoLease:
    """Holds a video open for as long as anybody uses it, and until it is given up."""

    def __init__(self, video: Video) -> None:
        self._video = video
        self._lock = threading.Lock()
        self._users = 0
        self._is_given_up = False

    @property
    def is_held(self) -> bool:
        """True while anybody uses the video."""
        return self._users > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the video open for the block."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                is_last = self._is_given_up and self._users == 0
            if is_last:
                self._video.close()

    def give_up(self) -> None:
        """Close the video, now or when the last user is done."""
        with self._lock:
            is_free = self._users == 0 and not self._is_given_up
            self._is_given_up = True
        if is_free:
            self._video.close()


class EditOrder:
    """The stamp of the last edit that was taken or refused; stamps rise."""

    def __init__(self) -> None:
        self._edited = threading.Condition()
        self._last = 0

    @contextmanager
    def passing(self, stamp: int | None) -> Iterator[None]:
        """Note, when the block is left, that the edit of that stamp was taken or refused."""
        try:
            yield
        finally:
            with self._edited:
                self._last = max(self._last, stamp or 0)
                self._edited.notify_all()

    def wait_for(self, stamp: int | None) -> None:
        """Wait until the edit of that stamp has passed, for `LATEST_EDIT_S` at most; None waits for none."""
        if stamp is not None:
            with self._edited:
                self._edited.wait_for(lambda: self._last >= stamp, LATEST_EDIT_S)


class ChosenRange:
    """The range of a question: `frames` is the one that counts, `home` the one that was proposed last.

    Args:
        project: keeps the range for a restart.
        question_id: of the question.
        num_frames: of its video.
        home: the range to begin with, where none was kept.
    """

    def __init__(self, project: Project, question_id: int, num_frames: int, home: FrameRange) -> None:
        self._project, self._key, self._num_frames = project, f"range {question_id}", num_frames
        self.home = home
        self.frames = _kept(project.library.note(self._key), num_frames) or home

    def checked(self, start: int, stop: int) -> FrameRange:
        """Return a half-open range of the video's frames. Raises PromptError where it is none."""
        return within(start, stop, self._num_frames)

    def choose(self, frames: FrameRange) -> None:
        """Take a range, and keep it for a restart."""
        if frames == self.frames:
            return
        self.frames = frames
        if not self._project.is_read_only:
            with suppress(ProjectError):  # without it only the proposed range comes back
                self._project.library.keep_note(self._key, json.dumps(frames))

    def propose(self, frames: FrameRange) -> None:
        """Propose a range, which is taken unless a person has chosen another one."""
        has_chosen, self.home = self.frames != self.home, frames
        if not has_chosen:
            self.choose(frames)

    def insist(self, frames: FrameRange) -> None:
        """Propose a range and take it, whatever was chosen."""
        self.home = frames
        self.choose(frames)


def _kept(note: str | None, num_frames: int) -> FrameRange | None:
    """Return the range that a note tells of, None where there is none that fits the video."""
    kept = json.loads(note or "null")
    if kept is not None and 0 <= kept[0] < kept[1] <= num_frames:
        return (kept[0], kept[1])
    return None


def within(start: int, stop: int, num_frames: int) -> FrameRange:
    """Return a half-open range of frames. Raises PromptError where it is none of a video of so many frames."""
    if not 0 <= start < stop <= num_frames:
        raise PromptError(f"frames {start} to {stop - 1} are not a range of this video, which has {num_frames} frames")
    return (start, stop)
