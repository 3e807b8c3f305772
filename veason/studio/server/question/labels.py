"""The labels of an open question: on the disk before the page is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from veason.annotation import Edit, GotMasks, State, subject
from veason.errors import SessionError
from veason.project import Project, Question
from veason.project.edits import read_edit
from veason.studio.server.client import NOBODY, Client
from veason.studio.server.question.mask_buffer import MaskBuffer
from veason.studio.server.question.tab_revisions import TabRevisions, whole
from veason.types import FrameMasks


@dataclass(frozen=True, slots=True, eq=False)
class LabelsNow:
    """The labels at one moment.

    Attributes:
        question: the row of the question.
        state: what is labelled.
        done: the edits that undo would take back, oldest first.
        undone: the edits that redo would bring, the next first.
        takes_words: whether the words of the question are still being typed.
    """

    question: Question
    state: State
    done: Sequence[Edit]
    undone: Sequence[Edit]
    takes_words: bool


class Labels:
    """Reads and changes the labels of one question, from any thread.

    Masks that stream in are put on the disk together about once a second, and before anything else is put there or
    looked at.
    """

    def __init__(self, project: Project, question_id: int) -> None:
        self._project, self._question_id = project, question_id
        self.revisions = TabRevisions(project, question_id)
        self._lock = threading.RLock()
        self._buffer = MaskBuffer(self._write_masks)
        self._edits: dict[int, Edit] = {}

    # --- reading

    def state(self) -> State:
        """Put what has streamed in on the disk and return the state of the question."""
        self.flush()
        return self._project.labels.state(self._question_id)

    def saved_state(self) -> State:
        """Return the state without the masks that are not on the disk yet: cheap, for every frame."""
        return self._project.labels.state(self._question_id)

    def now(self) -> LabelsNow:
        """Return everything the page is told of the labels."""
        state = self.state()
        done, undone = self._steps()
        question = self._project.library.question(self._question_id)
        return LabelsNow(question, state, done, undone, self.takes_words())

    def _steps(self) -> tuple[list[Edit], list[Edit]]:
        past, future = self._project.labels.step_revisions(self._question_id)
        unread = [one for one in (*past, *future) if one not in self._edits]
        self._edits |= {revision: read_edit(one) for revision, one in self._project.library.changes_at(unread).items()}
        return [self._edits[one] for one in reversed(past)], [self._edits[one] for one in future]

    # --- changing

    def record(self, edit: Edit, client: Client = NOBODY, alongside: Sequence[Edit] = ()) -> None:
        """Put an edit of a person on the disk; `alongside` are edits that belong to it.

        Raises:
            ChangedElsewhere: another tab or program changed the same thing since the tab last looked.
            SessionError: the edit does not fit.
        """
        with self._changing(client):
            question = self._project.library.question(self._question_id)
            self.revisions.check(client, subject(edit) or whole(type(edit).__name__))
            with self._project.atomic():
                self._project.labels.record(
                    self._question_id,
                    edit,
                    annotator=client.name,
                    alongside=alongside,
                    expected_revision=question.revision,
                )
                if question.status != "in review":
                    self._project.queue.set_status(self._question_id, "in review", annotator=client.name)

    def follow(self, edits: Sequence[Edit], client: Client = NOBODY, **options: Any) -> None:
        """Put on the disk what a model reports; options as for `Project.follow`."""
        with self._changing(client):
            self._project.labels.follow(self._question_id, edits, **options)

    def takes_words(self) -> bool:
        """Tell whether the question was added without words and was never asked: its words are a person's to type."""
        return not self.saved_state().instruction and self._project.queue.takes_words(self._question_id)

    def keep_words(self, words: str, client: Client = NOBODY) -> None:
        """Keep the words of the question as a person types them. Raises SessionError where it was asked already."""
        with self._changing(client):
            if not self.takes_words():
                raise SessionError("this question has its words: Think asks the new ones as a question of their own")
            self._project.queue.keep_words(self._question_id, words, annotator=client.name)

    def step(self, forward: bool, client: Client = NOBODY, count: int = 1) -> None:
        """Undo so many steps, or redo them if `forward`. Raises SessionError where there are fewer, or as `record`."""
        with self._changing(client):
            self.revisions.check(client, "all")
            walk = self._project.labels.redo if forward else self._project.labels.undo
            for _ in range(count):
                walk(self._question_id, annotator=client.name)

    @contextmanager
    def _changing(self, client: Client) -> Iterator[None]:
        with self._lock:
            self.flush(client)
            with self.revisions.made_by(client):
                yield

    # --- masks

    def arrive(self, masks: FrameMasks, source: str, client: Client = NOBODY) -> None:
        """Take masks that stream in from a segmenter."""
        with self._lock:
            self._buffer.add(masks, source)
            if self._buffer.is_due:
                self.flush(client)

    def flush(self, client: Client = NOBODY) -> None:
        """Put the masks that have streamed in on the disk. Raises ProjectError, and keeps them, where it refuses."""
        with self._lock:
            if self._buffer.is_empty:
                return
            with self.revisions.made_by(client):
                self._buffer.flush()

    def _write_masks(self, arrived: Sequence[GotMasks], source: str) -> None:
        self._project.labels.follow(self._question_id, arrived, source=source)
