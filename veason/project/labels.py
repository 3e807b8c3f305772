"""The labels of a project: durable edits of its questions, and everything that was made of them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from veason.annotation import Edit, GotMasks, Marked, Named, Occluded, Place, State
from veason.annotation.plain import pack_places, rebuild, unpack_places
from veason.project.database import Database, next_revision
from veason.project.edits import Loaded, Origin, check_there, follow, load, record, walk
from veason.project.library import QUESTION, Library, came_without_words, read_question
from veason.project.maskrows import unpack_mask
from veason.project.records import (
    ChangedElsewhere,
    Labelled,
    StoredAnswer,
    StoredMask,
    StoredObject,
    StoredPrompt,
)
from veason.project.steps import read_steps
from veason.types import Answer, FrameMasks, ObjectMask, Prompt, Sampling

_KEPT_LOADED = 8
"""Questions whose state is kept in memory between edits."""

_MASKS_A_BATCH = 1000


class LabelStore:
    """The labels of all questions of a project. May be used from any thread.

    Every change is on the disk before its call returns. All methods raise ProjectError where the disk is full or
    read-only, the file is locked for long, or an id is unknown; nothing is half done then.
    """

    def __init__(self, database: Database, library: Library) -> None:
        self._database, self._library = database, library
        self._loaded: OrderedDict[int, Loaded] = OrderedDict()
        self._lock = threading.RLock()

    @contextmanager
    def atomic(self) -> Iterator[list[int]]:
        """Make all changes of the block one, whichever part of the project makes them; see `Project.atomic`.

        Once the block has ended the list that it is given holds the revisions that it made, in order.
        """
        made: list[int] = []
        with self._lock:
            before = self._loaded.copy()
            try:
                with self._database.write() as db:
                    first = next_revision(db)
                    yield made
                    made += range(first, next_revision(db))
            except BaseException:
                self._loaded = before  # what was remembered since may be of changes that never were
                raise

    # --- edits

    def record(
        self,
        question_id: int,
        edit: Edit,
        *results: Edit,
        annotator: str | None = None,
        expected_revision: int | None = None,
    ) -> int:
        """Apply an edit of a person. It can be undone, and edits undone before it are dropped.

        An edit that depends on the current labels is made inside `atomic`: nobody else changes them meanwhile.

        Args:
            question_id: the question.
            edit: one of `veason.annotation`.
            results: what follows from the edit and is undone with it, such as the masks that it settles
                (`veason.annotation.marks.with_settled`).
            annotator: the person's name.
            expected_revision: the revision that the question must have, None for any.

        Returns:
            The question's new revision. The edit is on the disk.

        Raises:
            ChangedElsewhere: the question is not at `expected_revision`.
            SessionError: the edit does not fit the state.
        """
        origin = Origin(annotator=annotator)
        return self._change(
            question_id, lambda db, loaded: record(db, loaded, edit, results, origin), expected_revision
        )

    def follow(
        self,
        question_id: int,
        edits: Iterable[Edit],
        *,
        source: str | None = None,
        sampling: Sampling | None = None,
        provenance: Mapping[Place, Any] | None = None,
        expected_revision: int | None = None,
    ) -> int:
        """Apply results of a model, all or none. They belong to the edit before them and are no step of their own.

        Args:
            question_id: the question that it is about.
            edits: in order; masks are best given in batches, as each call reaches the disk once.
            source: the policy's or segmenter's name or checkpoint id.
            sampling: how an answer was decoded.
            provenance: where masks come from, by (object id, frame index), if not from `source`'s work here.
            expected_revision: as for `record`.
        """
        origin = Origin(None, source, sampling, provenance or {})
        edits = tuple(edits)
        return self._change(question_id, lambda db, loaded: follow(db, loaded, edits, origin), expected_revision)

    def undo(self, question_id: int, *, annotator: str | None = None, expected_revision: int | None = None) -> int:
        """Undo the last edit of a person with the model's results after it. Raises SessionError if there is none."""
        return self._walk(question_id, annotator, expected_revision, forward=False)

    def redo(self, question_id: int, *, annotator: str | None = None, expected_revision: int | None = None) -> int:
        """Redo the last undone edit. Raises SessionError if there is none, or if an edit came after the undo."""
        return self._walk(question_id, annotator, expected_revision, forward=True)

    def put_masks(self, question_id: int, masks: Iterable[StoredMask], *, source: str | None = None) -> None:
        """Store masks made elsewhere, with their provenance, in batches: there may be more than fit in memory."""
        rows = iter(masks)
        while batch := list(islice(rows, _MASKS_A_BATCH)):
            edits: list[Edit] = [
                GotMasks(FrameMasks(one.frame_index, {one.object_id: ObjectMask(one.rle, one.score)})) for one in batch
            ]
            for one in batch:
                if one.provenance in ("verified", "absent"):
                    edits.append(Marked(one.object_id, one.frame_index, one.frame_index + 1, one.provenance))
            occluded = pack_places((one.object_id, one.frame_index) for one in batch if one.is_occluded)
            edits += [Occluded(one, start, stop) for one, start, stop in occluded]
            provenance = {(one.object_id, one.frame_index): one.provenance for one in batch}
            self.follow(question_id, edits, source=source, provenance=provenance)

    def _walk(self, question_id: int, annotator: str | None, expected_revision: int | None, *, forward: bool) -> int:
        origin = Origin(annotator=annotator)
        return self._change(
            question_id, lambda db, loaded: walk(db, loaded, origin, forward=forward), expected_revision
        )

    def _change(
        self,
        question_id: int,
        change: Callable[[sqlite3.Connection, Loaded], Loaded],
        expected_revision: int | None = None,
    ) -> int:
        with self._lock:
            with self._database.write() as db:
                loaded = self._load(db, question_id)
                check_there(db, question_id)
                if expected_revision is not None and loaded.revision != expected_revision:
                    raise ChangedElsewhere.of(question_id, loaded.revision, expected_revision)
                loaded = change(db, loaded)
            self._loaded[question_id] = loaded
        return loaded.revision

    def _load(self, db: sqlite3.Connection, question_id: int) -> Loaded:
        """Return the cached question if it is current, else read and cache it."""
        loaded = self._loaded.get(question_id)
        row = db.execute("SELECT revision FROM questions WHERE id = ?", (question_id,)).fetchone()
        if loaded is None or row is None or row[0] != loaded.revision:
            loaded = load(db, question_id)
        self._loaded[question_id] = loaded
        self._loaded.move_to_end(question_id)
        while len(self._loaded) > _KEPT_LOADED:
            self._loaded.popitem(last=False)
        return loaded

    # --- what came of a question

    def loaded(self, question_id: int) -> Loaded:
        """Return everything about a question in memory: its state, revision and number of undoable steps."""
        with self._lock, self._database.read() as db:
            return self._load(db, question_id)

    def look(self, question_id: int) -> Labelled:
        """Return a question with its labels and the steps of undo and redo, from one transaction."""
        with self._lock, self._database.read() as db:
            row = db.execute(f"{QUESTION} WHERE id = ?", (question_id,)).fetchone()
            loaded = self._load(db, question_id)
            if loaded.steps is None:
                loaded = self._loaded[question_id] = replace(loaded, steps=read_steps(db, question_id))
            takes_words = not loaded.state.instruction and came_without_words(db, question_id)
        steps = loaded.steps or ()
        done, undone = steps[: loaded.position], steps[loaded.position :]
        return Labelled(read_question(row), loaded.state, done, undone, takes_words)

    def state(self, question_id: int) -> State:
        """Return the current annotation with all masks."""
        return self.loaded(question_id).state

    def answer(self, question_id: int) -> StoredAnswer | None:
        """Return the current answer, or None."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT a.answer, a.shown, a.policy, a.sampling, q.state FROM questions q "
                "JOIN answers a ON a.id = q.answer_id WHERE q.id = ?",
                (question_id,),
            ).fetchone()
        if row is None:
            return None
        answer = rebuild(Answer, json.loads(row[0]))
        thought = json.loads(row[4]).get("thought")
        sampling = None if row[3] is None else rebuild(Sampling, json.loads(row[3]))
        shown = tuple(json.loads(row[1]))
        return StoredAnswer(answer, answer.thought if thought is None else thought, shown, row[2], sampling)

    def objects(self, question_id: int) -> tuple[StoredObject, ...]:
        """Return the objects that have a prompt or a mask, in the order of their ids."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT o.object_id, ifnull(n.name, '') FROM (SELECT object_id FROM prompts WHERE question_id = :id "
                "UNION SELECT object_id FROM masks WHERE question_id = :id AND is_current = 1) o LEFT JOIN objects n "
                "ON n.question_id = :id AND n.object_id = o.object_id ORDER BY o.object_id",
                {"id": question_id},
            ).fetchall()
        return tuple(StoredObject(*row) for row in rows)

    def name_object(self, question_id: int, object_id: int, name: str, *, annotator: str | None = None) -> None:
        """Give an object a name; "" takes it away."""
        self.record(question_id, Named(object_id, name), annotator=annotator)

    def prompts(self, question_id: int) -> tuple[StoredPrompt, ...]:
        """Return all prompts, by object and frame."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT prompt, is_by_hand FROM prompts WHERE question_id = ? ORDER BY object_id, frame_index",
                (question_id,),
            ).fetchall()
        return tuple(StoredPrompt(rebuild(Prompt, json.loads(text)), bool(by_hand)) for text, by_hand in rows)

    def masks(self, question_id: int, frames: tuple[int, int] | None = None) -> Iterator[StoredMask]:
        """Yield masks by frame index and object id, of all frames or of a half-open range.

        They come from one transaction, unaffected by writers, and are never all in memory.
        """
        width, height = self._library.video(self._library.question(question_id).video_id).size_wh
        start, stop = frames or (0, 2**62)
        with self._database.snapshot() as db:
            text = db.execute("SELECT state FROM questions WHERE id = ?", (question_id,)).fetchone()[0]
            occluded = unpack_places(json.loads(text).get("occluded", ()))
            for frame_index, object_id, counts, score, provenance in db.execute(
                "SELECT m.frame_index, m.object_id, m.counts, m.score, ifnull(k.kind, m.provenance) FROM masks m "
                "LEFT JOIN marks k ON k.question_id = m.question_id AND k.object_id = m.object_id "
                "AND k.frame_index = m.frame_index WHERE m.question_id = ? AND m.is_current = 1 "
                "AND m.frame_index >= ? AND m.frame_index < ? ORDER BY m.frame_index, m.object_id",
                (question_id, start, stop),
            ):
                rle, is_occluded = unpack_mask(counts, (height, width)), (object_id, frame_index) in occluded
                yield StoredMask(frame_index, object_id, rle, score, provenance, is_occluded)
