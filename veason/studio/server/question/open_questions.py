"""Which questions are open."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from veason.errors import ProjectError, SessionError, VideoError
from veason.studio.server.project_registry import GONE, ProjectRegistry
from veason.studio.server.question.open_question import OpenQuestion
from veason.types import Holding

VIDEO_BYTES = 512 << 20
"""What decoders and pictures of all open videos may take: some five videos of 720p with all their caches full."""

_QUESTION_ID = re.compile("[1-9][0-9]{0,8}")
"""One way to write each: else a question could be open twice."""


_SLOW = "the video of this question takes long to open: this change was not kept; try it again in a moment"


class _Opening:
    """A question that somebody opens: others wait for it, anybody may give it up."""

    def __init__(self) -> None:
        self.is_over, self.is_cancelled = threading.Event(), threading.Event()


class OpenQuestions:
    """Opens questions on demand, and closes the ones that were not used for the longest time.

    Args:
        registry: the projects they lie in.
        capacity: how many stay open while nobody uses them.
        video_bytes: what the decoders and pictures of their videos may take together; beyond it, those that were not
            used for the longest time are given up, and made again when a frame is asked for.
    """

    def __init__(self, registry: ProjectRegistry, capacity: int, video_bytes: int = VIDEO_BYTES) -> None:
        self._registry, self._capacity, self._video_bytes = registry, capacity, video_bytes
        self._open: OrderedDict[str, OpenQuestion] = OrderedDict()
        self._opening: dict[str, _Opening] = {}
        self._lock = threading.RLock()
        registry.before_closing(self.flush, self._leave_project)

    @contextmanager
    def using(self, work_id: str, max_s: float | None = None) -> Iterator[OpenQuestion]:
        """Open the question of that id where it is not open, and keep it open for the block.

        Args:
            work_id: the question.
            max_s: for so many seconds it is opened at most; None for as long as it takes.

        Raises:
            SessionError: the project or the question is not there (any more), or takes longer to open.
            ProjectError: the question's video is gone.
        """
        until = math.inf if max_s is None else time.monotonic() + max_s
        with ExitStack() as stack:
            stack.callback(self._give_memory_back)
            yield self._held(work_id, stack, until)

    def cancel_opening(self, work_id: str) -> bool:
        """Give up opening the question of that id, for everybody who waits for it; tell whether it was being opened."""
        with self._lock:
            opening = self._opening.get(work_id)
        if opening is not None:
            opening.is_cancelled.set()
        return opening is not None

    @contextmanager
    def using_if_open(self, work_id: str) -> Iterator[OpenQuestion | None]:
        """Keep the question of that id open for the block, if it is open."""
        if not self.is_open(work_id):
            yield None
            return
        with self.using(work_id) as question:
            yield question

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def is_open(self, work_id: str) -> bool:
        """Tell whether the question of that id is open."""
        return work_id in self._open

    def is_running(self, work_id: str) -> bool:
        """Tell whether a job runs for the question of that id."""
        question = self._open.get(work_id)
        return question is not None and question.job.is_running

    @property
    def holding(self) -> Holding:
        """What decoders and pictures of open videos take now."""
        with self._lock:
            held = sum(one.video.num_bytes for one in self._open.values())
        return Holding("opened videos", held, self._video_bytes)

    def flush(self, key: str) -> None:
        """Put the masks that stream in for the questions of a project on the disk. Raises ProjectError."""
        with self._lock:
            found = [one for one in self._open.values() if one.key == key]
        for question in found:
            question.labels.flush()

    def close(self) -> None:
        """Close everything; what was done lies in the projects."""
        with self._lock:
            ending, self._open = list(self._open.values()), OrderedDict()
        _end(ending)

    def _held(self, work_id: str, stack: ExitStack, until: float) -> OpenQuestion:
        """Return the question of that id, held open until the stack is left; who comes first opens it, till `until`.

        A video takes its time to be opened: that happens outside the lock, so that only those wait who want it.
        """
        while True:
            with self._lock:
                question = self._open.get(work_id)
                if question is not None:
                    return self._hold(question, stack)
                other = self._opening.get(work_id)
                mine = _Opening()
                if other is None:
                    self._opening[work_id] = mine
            if other is not None:
                if not other.is_over.wait(None if until == math.inf else max(0.0, until - time.monotonic())):
                    raise SessionError(_SLOW)
                continue
            try:
                question = self._opened(work_id, mine, until)
                with self._lock:
                    self._open[work_id] = question
                    return self._hold(question, stack)
            finally:
                with self._lock:
                    del self._opening[work_id]
                mine.is_over.set()

    def _hold(self, question: OpenQuestion, stack: ExitStack) -> OpenQuestion:
        self._open.move_to_end(question.id)
        stack.enter_context(question.lease.held())
        if len(self._open) > self._capacity:
            self._close_idle()
        return question

    def _opened(self, work_id: str, opening: _Opening, until: float) -> OpenQuestion:
        key, _, number = work_id.rpartition(".")
        if not _QUESTION_ID.fullmatch(number):
            raise SessionError(GONE)
        project = self._registry.get(key)
        try:
            question = project.library.question(int(number))
        except ProjectError as error:
            raise SessionError(GONE) from error
        if question.is_deleted:
            raise SessionError("this question was deleted: restore it in the queue, under deleted, to open it")

        def is_over() -> bool:
            return opening.is_cancelled.is_set() or time.monotonic() > until

        try:
            return OpenQuestion(key, project, question, is_over)
        except VideoError as error:
            if time.monotonic() > until:
                raise SessionError(_SLOW) from error
            raise

    def _give_memory_back(self) -> None:
        """Give up decoders and pictures beyond the budget: of what nobody uses first, then of what is used.

        The video that was used last keeps them, however large it is: else each of its frames would open it again.
        """
        with self._lock:
            found = list(self._open.values())
        held = sum(one.video.num_bytes for one in found)
        for question in sorted(found[:-1], key=lambda one: not one.is_idle):  # each group in the order of use
            if held <= self._video_bytes:
                return
            held -= question.video.num_bytes
            question.video.release()

    def _close_idle(self) -> None:
        """Close the longest unused beyond the capacity; one whose masks the disk refuses stays open, and keeps them."""
        for question in list(self._open.values()):
            if len(self._open) <= self._capacity:
                return
            if question.is_idle and _is_on_disk(question):
                self._open.pop(question.id).lease.give_up()

    def _is_busy(self, key: str) -> bool:
        with self._lock:
            is_opening = any(work_id.startswith(f"{key}.") for work_id in self._opening)
            return is_opening or any(one.key == key and not one.is_idle for one in self._open.values())

    def _leave_project(self, key: str) -> bool:
        """Close the questions of a project and give True; or none, and False, where one is in use or keeps masks."""
        with self._lock:
            ending = [one for one in self._open.values() if one.key == key]
            if self._is_busy(key) or not all(map(_is_on_disk, ending)):
                return False
            for question in ending:
                del self._open[question.id]
        for question in ending:
            question.lease.give_up()
        return True


def _is_on_disk(question: OpenQuestion) -> bool:
    """Put the masks of an idle question on the disk; tell whether that was done, or its project is gone for ever."""
    try:
        question.labels.flush()
    except ProjectError:
        return not question.project.folder.exists()
    return True


def _end(questions: list[OpenQuestion]) -> None:
    for question in questions:
        question.job.stop()
    for question in questions:
        question.end()
