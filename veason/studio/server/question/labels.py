"""The labels of an open question: on the disk before the page is told, and never over what a tab has not seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from veason.annotation import (
    Asked,
    Classed,
    Duplicated,
    Edit,
    GotMasks,
    Locked,
    Marked,
    Named,
    Occluded,
    Reasoned,
    Settled,
    State,
    subject,
)
from veason.errors import SessionError
from veason.project import Change, ChangedElsewhere, Labelled, Project
from veason.studio.server.client import NOBODY, Client
from veason.studio.server.question.job import Job

SAVE_S = 1.0
"""Masks that stream in are gathered for this long before they are put on the disk."""

_MOST_NOTED = 20_000
"""Revisions of which the tab that made them is remembered."""


class QuestionLabels:
    """Reads and changes the labels of one question, from any thread.

    Masks that stream in are put on the disk together about once a second, and before anything else is put there or
    looked at.

    Args:
        project: where they are kept.
        question_id: whose they are.
        job: what the masks stream from: an edit that makes them useless stops it.
    """

    def __init__(self, project: Project, question_id: int, job: Job) -> None:
        self._project, self._question_id, self._job = project, question_id, job
        self._lock = threading.RLock()
        self._made: dict[int, str | None] = {}
        """The tab that made a revision."""
        self._arrived: list[GotMasks | Settled] = []
        """What a job reported that is not on the disk yet, all from one segmenter."""
        self._source = ""
        self._saved_at = 0.0

    # --- reading

    def state(self) -> State:
        """Put what has streamed in on the disk and return the state of the question."""
        self.flush()
        return self._project.labels.state(self._question_id)

    def saved_state(self) -> State:
        """Return the state without the masks that are not on the disk yet: cheap, for every frame."""
        return self._project.labels.state(self._question_id)

    def now(self) -> Labelled:
        """Put what has streamed in on the disk and return everything the page is told of the labels."""
        self.flush()
        return self._project.labels.look(self._question_id)

    def unseen(self, client: Client) -> list[Change]:
        """Return the changes of labels that the tab has neither made nor seen; none where it does not say."""
        if client.seen is None:
            return []
        changes = self._project.library.changes_since(client.seen, self._question_id)
        return [one for one in changes if self._made.get(one.revision) != client.tab and changed_subject(one)]

    # --- changing

    def edit(self, make: Callable[[State], Sequence[Edit]], client: Client = NOBODY) -> Labelled:
        """Put an edit of a person on the disk, and return the labels with it.

        Args:
            make: gives the edit for the state that it will change, and after it those that belong to it.
            client: who makes it.

        Raises:
            ChangedElsewhere: another tab or program changed the same thing since the tab last looked.
            SessionError: the edit does not fit. Whatever else `make` raises.
        """

        def checked(state: State) -> Sequence[Edit]:
            edits = make(state)
            self._check_seen(client, edits[0])
            if _changes_masks(edits[0]):
                self._job.stop()
            return edits

        labels, question_id = self._project.labels, self._question_id
        with self._changing(client):
            labels.edit(question_id, checked, annotator=client.by)
            now = labels.look(question_id)
            if now.question.status != "in review":
                self._project.queue.set_status(question_id, "in review", annotator=client.by)
                now = labels.look(question_id)
        return now

    def record(self, edit: Edit, client: Client = NOBODY) -> Labelled:
        """Put an edit on the disk that needs no state to be made; else as `edit`."""
        return self.edit(lambda _: [edit], client)

    def step(self, forward: bool, client: Client = NOBODY, count: int = 1) -> None:
        """Undo so many steps, or redo them if `forward`: all of them or none.

        Raises:
            SessionError: there are fewer. ChangedElsewhere: as for `edit`.
        """
        self._job.stop()
        with self._changing(client):
            self._check_seen(client, None)
            walk = self._project.labels.redo if forward else self._project.labels.undo
            for _ in range(count):
                walk(self._question_id, annotator=client.by)

    def take_back(self, last: Labelled, client: Client = NOBODY) -> bool:
        """Undo a step with the model's results after it, and tell whether that was done: not where it is not the last.

        Args:
            last: the labels as they were when the step was made.
            client: who made it.
        """
        with self._changing(client):
            is_last = self._project.labels.look(self._question_id).done == last.done
            if is_last:
                self._project.labels.undo(self._question_id, annotator=client.by)
        return is_last

    def follow(self, edits: Sequence[Edit], client: Client = NOBODY, **options: Any) -> None:
        """Put on the disk what a model reports; options as for `LabelStore.follow`."""
        with self._changing(client):
            self._project.labels.follow(self._question_id, edits, **options)

    def keep_words(self, words: str, client: Client = NOBODY) -> None:
        """Keep the words of the question as a person types them. Raises SessionError where others were asked."""
        with self._changing(client):
            now = self.now()
            if not now.takes_words:
                if words.strip() == now.state.instruction:
                    return  # they arrive after the question that was asked with them
                raise SessionError("this question has its words: Think asks the new ones as a question of their own")
            self._project.queue.keep_words(self._question_id, words, annotator=client.by)

    @contextmanager
    def _changing(self, client: Client) -> Iterator[None]:
        """Put the masks that have come on the disk; then make the changes of the block one, made by the tab."""
        with self._lock:
            self.flush(client)
            with self._made_by(client):
                yield

    @contextmanager
    def _made_by(self, client: Client) -> Iterator[None]:
        """Make the changes of the block one, and note that the tab makes them: they do not surprise it later."""
        with self._project.labels.atomic() as made:
            yield
        self._made |= dict.fromkeys(made, client.tab)
        for old in list(self._made)[: max(0, len(self._made) - _MOST_NOTED)]:
            del self._made[old]

    def _check_seen(self, client: Client, edit: Edit | None) -> None:
        """Raise ChangedElsewhere where a change of what an edit is about is unseen; None is about everything."""
        for change in self.unseen(client):
            theirs, ours = changed_subject(change), "all" if edit is None else _subject(edit)
            if theirs == ours or "all" in (theirs, ours):
                who = change.annotator or ("the model" if change.source else "another tab")
                what = f"object {theirs}" if isinstance(theirs, int) else "this question"
                raise ChangedElsewhere(
                    f"{what} was changed meanwhile by {who}. Nothing was overwritten: here is how it is now"
                )

    # --- masks

    def arrive(self, reports: Sequence[GotMasks | Settled], source: str, client: Client = NOBODY) -> bool:
        """Take what a segmenter's job reports as it streams in, or nothing and False where the job was stopped.

        An edit that makes them useless stops the job before it is on the disk: none of them is laid over it.
        """
        with self._lock:
            if self._job.is_stopping:
                return False
            if source != self._source:
                self.flush(client)
                self._source = source
            self._arrived += reports
            if time.monotonic() - self._saved_at > SAVE_S:
                self.flush(client)
            return True

    def flush(self, client: Client = NOBODY) -> None:
        """Put the masks that have streamed in on the disk. Raises ProjectError, and keeps them, where it refuses."""
        with self._lock:
            if self._arrived:
                with self._made_by(client):
                    self._project.labels.follow(self._question_id, self._arrived, source=self._source)
                self._arrived, self._saved_at = [], time.monotonic()


def changed_subject(change: Change) -> int | str | None:
    """Return what a change of labels is about: an object's id, "reasoning" or "all"; None if it changes no label."""
    if change.operation in ("undo", "redo"):
        return "all"
    if change.operation not in ("record", "follow"):
        return None
    body, kind = change.body, change.body["type"]
    if kind in ("GotMasks", "Settled", "Tracked"):
        return None
    found: int | str = body["prompt"]["object_id"] if kind == "PutPrompt" else body.get("object_id", _whole(kind))
    return found


def _subject(edit: Edit) -> int | str:
    return subject(edit) or _whole(type(edit).__name__)


def _whole(kind: str) -> str:
    """Return the subject of an edit, by the name of its type, that is about no object."""
    return "reasoning" if kind == "Reasoned" else "all"


def _changes_masks(edit: Edit) -> bool:
    """Tell whether an edit makes masks that are being computed useless; copies and what is said of masks do not.

    A question is a job itself, which has stopped the one before it.
    """
    return not isinstance(edit, Asked | Named | Classed | Locked | Occluded | Reasoned | Duplicated) and not (
        isinstance(edit, Marked) and edit.kind == "verified"
    )
