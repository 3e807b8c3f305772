"""The visitors' open works: bounded, found by an unguessable id, forgotten oldest first."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from veason.errors import SessionError
from veason.session import Asked, GotAnswer, GotMasks
from veason.types import FrameRange
from veason.ui.samples import Proposal
from veason.ui.spread import Pending, note_done, note_edit
from veason.ui.trail import Edit, Trail
from veason.video import Video

LATEST_EDIT_S = 3.0
"""For how long a request for masks waits for the edit before it: two events of a page may change places."""


@dataclass(eq=False)
class Work:
    """One visitor's video with everything done on it.

    `failure` is what the policy wrote where it gave no answer, `keyframe_said` the keyframe of the answer that it is
    writing, `proposals` all answers where several were `asked` for; `pending` says which masks do not follow from
    their prompts yet; `revision` counts the messages sent to the page.
    """

    id: str
    folder: Path
    title: str
    video: Video
    history: Trail
    frames: FrameRange
    failure: str = ""
    keyframe_said: int | None = None
    proposals: tuple[Proposal, ...] = ()
    asked: int = 1
    pending: Pending = field(default_factory=dict)
    revision: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _running: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _edited: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _stamp: int = field(default=0, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def record(self, edit: Edit) -> None:
        """Apply an edit of the visitor."""
        with self._lock:
            before = self.history.scene.state
            self.history = self.history.record(edit)
            note_edit(self.pending, before, self.history.scene.state, edit)

    def follow(self, edit: Edit) -> None:
        """Apply what a model reports."""
        with self._lock:
            if isinstance(edit, GotMasks):
                note_done(self.pending, self.history.scene.state, edit.frame_masks)
            elif isinstance(edit, Asked | GotAnswer):
                self.pending.clear()
            self.history = self.history.follow(edit)

    def step(self, forward: bool, count: int = 1) -> None:
        """Undo so many steps, or redo them where `forward`. Raises SessionError where there are fewer."""
        with self._lock:
            for _ in range(count):
                self.history = self.history.redo() if forward else self.history.undo()
                self.pending.clear()

    @contextmanager
    def edit_at(self, stamp: object) -> Iterator[None]:
        """Note, when the block is left, that the edit of that stamp was taken or refused."""
        try:
            yield
        finally:
            with self._edited:
                self._stamp = max(self._stamp, stamp if isinstance(stamp, int) else 0)
                self._edited.notify_all()

    def await_edit(self, stamp: object) -> None:
        """Wait until an edit that was sent before has come, for `LATEST_EDIT_S` at most."""
        if isinstance(stamp, int):
            with self._edited:
                self._edited.wait_for(lambda: self._stamp >= stamp, LATEST_EDIT_S)

    def next_revision(self) -> int:
        """Return the number of the next message to the page."""
        with self._lock:
            self.revision += 1
            return self.revision

    @property
    def is_stopping(self) -> bool:
        """True after `stop`, until the next job begins."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the running job, if there is one, to end after the current frame or token."""
        self._stop.set()

    @property
    def is_running(self) -> bool:
        """True while a long job is at work."""
        return self._running.locked()

    @contextmanager
    def job(self) -> Iterator[None]:
        """Run one long job at a time: the one before it is stopped first."""
        self._stop.set()
        with self._running:
            self._stop.clear()
            try:
                yield
            finally:
                self._stop.set()


class Store:
    """At most `capacity` works; opening one more forgets the one that was not used for the longest time."""

    def __init__(self, capacity: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="veason-"))
        self._capacity = capacity
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """Return an empty folder whose name is the id of the work to come."""
        folder = self.root / secrets.token_urlsafe(12)
        folder.mkdir()
        return folder

    def add(self, work: Work) -> None:
        """Keep a work."""
        with self._lock:
            self._works[work.id] = work
            forgotten = [self._works.popitem(last=False)[1] for _ in range(len(self._works) - self._capacity)]
        for old in forgotten:
            old.stop()
            old.video.close()
            shutil.rmtree(old.folder, ignore_errors=True)

    def get(self, work_id: object) -> Work:
        """Return the work of that id.

        Raises:
            SessionError: it is unknown or was forgotten.
        """
        with self._lock:
            work = self._works.get(work_id) if isinstance(work_id, str) else None
            if work is None:
                raise SessionError("this work is no longer on the server: please open the video again")
            self._works.move_to_end(work.id)
            return work

    def close(self) -> None:
        """Forget everything."""
        self._capacity = 0
        with self._lock:
            works, self._works = list(self._works.values()), OrderedDict()
        for work in works:
            work.stop()
            work.video.close()
        shutil.rmtree(self.root, ignore_errors=True)
