"""Open works: one question of a project with its video, shared by all tabs that show it.

Everything done lies in the project before it is told to the page; what is here can be made again at any time.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from veason.errors import ProjectError, SessionError
from veason.pipeline import starting_range
from veason.project import Change, ChangedElsewhere, Project, Question, State
from veason.project.edits import read_edit
from veason.project.state import Edit, touched
from veason.session import Asked, GotAnswer, GotMasks, Session
from veason.studio.server.hand import NOBODY, Hand
from veason.studio.server.samples import Proposal
from veason.studio.server.shelf import GONE, Shelf
from veason.studio.server.spread import Pending, note_done, note_edit
from veason.types import FrameMasks, FrameRange
from veason.video import Video

LATEST_EDIT_S = 3.0
"""For how long a request for masks waits for the edit before it: two events of a page may change places."""

SAVE_S = 1.0
"""Masks that stream in are gathered for this long before they are put on the disk."""

_MOST_NOTED = 20_000
_KEPT_OUT = 20


ENDING_S = 3.0
"""For how long a stopped job is waited for when the server ends."""


@dataclass(eq=False)
class Work:
    """One question with everything done on it.

    `frames` is the range to propagate, `home` the one that was proposed last: `frames` follows it until a person
    chooses another. `keyframe_said` is the keyframe of the answer that the policy is writing, `proposals` all answers
    where several were `asked` for; `pending` says which masks do not follow from their prompts yet, `sent` counts the
    messages to each tab. Masks that stream in are put on the disk together about once a second, and before anything
    else is put there or looked at.
    """

    id: str
    project: Project
    question_id: int
    title: str
    video: Video
    frames: FrameRange
    home: FrameRange
    keyframe_said: int | None = None
    proposals: tuple[Proposal, ...] = ()
    asked: int = 1
    pending: Pending = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    _arrived: list[GotMasks] = field(default_factory=list, repr=False)
    _source: str = ""
    _kept: str = ""
    _saved: float = 0.0
    _made: dict[int, str] = field(default_factory=dict, repr=False)
    _edits: dict[int, Edit] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _running: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _edited: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _stamp: int = field(default=0, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def key(self) -> str:
        """The key of the project on the shelf."""
        return self.id.rpartition(".")[0]

    @property
    def state(self) -> State:
        """The state of the question, as it is on the disk."""
        self.flush()
        return self.project.state(self.question_id)

    @property
    def saved_state(self) -> State:
        """The state without the masks that have streamed in and are not on the disk yet: cheap, for every frame."""
        return self.project.state(self.question_id)

    @property
    def now(self) -> Session:
        """The annotation state."""
        return self.state.session

    def record(self, edit: Edit, hand: Hand = NOBODY, alongside: Sequence[Edit] = ()) -> None:
        """Put an edit of a person on the disk; `alongside` are edits that belong to it.

        Raises:
            ChangedElsewhere: another tab or program changed the same thing since the tab last looked.
            SessionError: the edit does not fit.
        """
        with self._lock, self._attributed(hand):
            question = self.project.question(self.question_id)
            self._check_unseen(hand, touched(edit) or _whole(type(edit).__name__))
            before = self.state
            with self.project.together():
                self.project.record(
                    self.question_id,
                    edit,
                    annotator=hand.name,
                    alongside=alongside,
                    expected_revision=question.revision,
                )
                if question.status != "in review":
                    self.project.set_status(self.question_id, "in review", annotator=hand.name)
            note_edit(self.pending, before, self.state, edit)

    def follow(self, edits: Sequence[Edit], hand: Hand = NOBODY, **options: Any) -> None:
        """Put on the disk what a model reports; options as for `Project.follow`."""
        with self._lock, self._attributed(hand):
            if any(isinstance(edit, Asked | GotAnswer) for edit in edits):
                self.pending.clear()
            self.project.follow(self.question_id, edits, **options)

    def reword(self, instruction: str, hand: Hand = NOBODY) -> None:
        """Give the question its words."""
        with self._lock, self._attributed(hand):
            self.project.reword(self.question_id, instruction, annotator=hand.name)

    def step(self, forward: bool, hand: Hand = NOBODY, count: int = 1) -> None:
        """Undo so many steps, or redo them if `forward`. Raises SessionError where there are fewer, or as `record`."""
        with self._lock, self._attributed(hand):
            self._check_unseen(hand, "all")
            walk = self.project.redo if forward else self.project.undo
            for _ in range(count):
                walk(self.question_id, annotator=hand.name)
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

    def steps(self) -> tuple[list[Edit], list[Edit]]:
        """Return the edits that undo would take back, oldest first, and those that redo would bring, the next first."""
        past, future = self.project.step_revisions(self.question_id)
        unread = [one for one in (*past, *future) if one not in self._edits]
        self._edits |= {revision: read_edit(one) for revision, one in self.project.changes_at(unread).items()}
        return [self._edits[one] for one in reversed(past)], [self._edits[one] for one in future]

    def choose(self, frames: FrameRange) -> None:
        """Take a range to propagate, and keep it for a restart."""
        if frames == self.frames:
            return
        self.frames = frames
        if not self.project.is_read_only:
            with suppress(ProjectError):  # without it only the proposed range comes back
                self.project.keep_note(f"range {self.question_id}", json.dumps(frames))

    def propose(self, frames: FrameRange) -> None:
        """Propose a range, which is taken unless a person has chosen another one."""
        has_chosen, self.home = self.frames != self.home, frames
        if not has_chosen:
            self.choose(frames)

    def arrive(self, masks: FrameMasks, source: str, hand: Hand = NOBODY) -> None:
        """Take masks that stream in from a segmenter."""
        with self._lock:
            note_done(self.pending, self.saved_state, masks)
            self._source = source
            self._arrived.append(GotMasks(masks))
            if time.monotonic() - self._saved > SAVE_S:
                self.flush(hand)

    def flush(self, hand: Hand = NOBODY) -> None:
        """Put the masks that have streamed in on the disk. Raises ProjectError, and keeps them, where it refuses."""
        with self._lock:
            if not self._arrived:
                return
            before = self.project.revision
            self.project.follow(self.question_id, self._arrived, source=self._source)
            self._note(before, hand)
            self._arrived, self._saved = [], time.monotonic()
            self.keep_pending()

    @contextmanager
    def _attributed(self, hand: Hand) -> Iterator[None]:
        """Note which tab made the changes of the block, so that they do not surprise it later."""
        self.flush(hand)
        before = self.project.revision
        try:
            yield
        finally:
            self._note(before, hand)
            self.keep_pending()

    def keep_pending(self) -> None:
        """Keep which masks wait, for a restart; it counts only while the question is as it is now."""
        revision = self.project.question(self.question_id).revision
        frames = {str(object_id): sorted(waiting) for object_id, waiting in self.pending.items()}
        text = json.dumps({"revision": revision, "frames": frames}, separators=(",", ":"))
        if not self.project.is_read_only and text != self._kept:
            with suppress(ProjectError):  # without it only more is computed than must be
                self.project.keep_note(f"pending {self.question_id}", text)
                self._kept = text

    def _note(self, before: int, hand: Hand) -> None:
        for revision in range(before + 1, self.project.revision + 1):
            self._made[revision] = hand.tab
        for old in list(self._made)[: max(0, len(self._made) - _MOST_NOTED)]:
            del self._made[old]

    def others(self, hand: Hand) -> list[Change]:
        """Return the changes of labels that the tab has neither made nor seen."""
        if hand.seen is None:
            return []
        changes = self.project.changes_since(hand.seen, self.question_id)
        return [one for one in changes if self._made.get(one.revision) != hand.tab and _subject(one) is not None]

    def _check_unseen(self, hand: Hand, subject: int | str) -> None:
        for change in self.others(hand):
            theirs = _subject(change)
            if theirs == subject or "all" in (theirs, subject):
                who = change.annotator or ("the model" if change.source else "another tab")
                what = f"object {theirs}" if isinstance(theirs, int) else "this question"
                raise ChangedElsewhere(
                    f"{what} was changed meanwhile by {who}. Nothing was overwritten: here is how it is now"
                )

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

    def end(self) -> None:
        """Wait for the job that was stopped, put on the disk what it left, and close the video.

        A job whose messages nobody fetches any more, because the server ended first, stands still for ever: it is
        waited for no longer than a frame takes.
        """
        is_over = self._running.acquire(timeout=ENDING_S)
        try:
            with suppress(ProjectError):  # nobody is left to be told
                self.flush()
        finally:
            if is_over:
                self._running.release()
                self.video.close()

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


def _read_pending(project: Project, question: Question) -> Pending:
    """Return which masks wait, as an earlier run of the app kept it; nothing is known where the question went on."""
    kept = json.loads(project.note(f"pending {question.id}") or "{}")
    if kept.get("revision") != question.revision:
        return {}
    return {int(object_id): frozenset(frames) for object_id, frames in kept["frames"].items()}


def _read_range(project: Project, question: Question, video: Video) -> FrameRange | None:
    """Return the range that was taken last, None where there was none."""
    kept = json.loads(project.note(f"range {question.id}") or "null")
    if kept is not None and 0 <= kept[0] < kept[1] <= video.info.num_frames:
        return (kept[0], kept[1])
    return None


def _whole(kind: str) -> str:
    return "reasoning" if kind == "Reasoned" else "all"


def _subject(change: Change) -> int | str | None:
    """Return what a change of labels is about: an object's id, "reasoning" or "all"; None if it changes no label."""
    if change.operation in ("undo", "redo"):
        return "all"
    if change.operation not in ("record", "follow"):
        return None
    body, kind = change.body, change.body["type"]
    if kind in ("GotMasks", "Tracked"):
        return None
    return body["prompt"]["object_id"] if kind == "PutPrompt" else body.get("object_id", _whole(kind))


class Store:
    """At most `capacity` works are open; opening one more closes the one that was not used for the longest time."""

    def __init__(self, shelf: Shelf, capacity: int) -> None:
        self.shelf = shelf
        self.outbox = Path(tempfile.mkdtemp(prefix="veason-"))
        """Holds files to download; gone with the server."""
        self._capacity = capacity
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.RLock()

    def open(self, key: str, question_id: int) -> Work:
        """Return the work on a question of the project of that key."""
        return self.get(f"{key}.{question_id}")

    def get(self, work_id: object) -> Work:
        """Return the work of that id, opening it where it is not open.

        Raises:
            SessionError: the project or the question is not there (any more).
            ProjectError: the question's video is gone.
        """
        with self._lock:
            if isinstance(work_id, str) and work_id in self._works:
                self._works.move_to_end(work_id)
                return self._works[work_id]
            work = self._open(work_id)
            self._works[work.id] = work
            idle = [one for one in self._works.values() if not one.is_running and one is not work]
            for old in idle[: max(0, len(self._works) - self._capacity)]:
                self._works.pop(old.id).video.close()
            return work

    def _open(self, work_id: object) -> Work:
        key, _, number = work_id.rpartition(".") if isinstance(work_id, str) else ("", "", "")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise SessionError(GONE)
        project = self.shelf.get(key)
        try:
            question = project.question(int(number))
        except ProjectError as error:
            raise SessionError(GONE) from error
        stored = project.video(question.video_id)
        video = project.open_video(stored.id)
        home = starting_range(video.info, project.session(question.id).keyframe or 0)
        frames = _read_range(project, question, video) or home
        pending = _read_pending(project, question)
        return Work(f"{key}.{question.id}", project, question.id, stored.title, video, frames, home, pending=pending)

    def find(self, work_id: str | None) -> Work | None:
        """Return a work if it is open."""
        return None if work_id is None else self._works.get(work_id)

    def new_out(self) -> Path:
        """Return an empty folder for a file to download; of earlier ones the last few are kept."""
        made = sorted(self.outbox.glob("out-*"), key=lambda folder: folder.stat().st_mtime)
        for old in made[: max(0, len(made) - _KEPT_OUT)]:
            shutil.rmtree(old, ignore_errors=True)
        folder = self.outbox / f"out-{secrets.token_urlsafe(12)}"
        folder.mkdir()
        return folder

    def close(self) -> None:
        """Close everything; the projects stay on the disk."""
        with self._lock:
            works, self._works = list(self._works.values()), OrderedDict()
        for work in works:
            work.stop()
        for work in works:
            work.end()
        self.shelf.close()
        shutil.rmtree(self.outbox, ignore_errors=True)
