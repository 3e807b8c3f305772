"""From edits to rows and back: every function works inside a transaction that the caller has opened.

record  apply an edit of a person, write it into the log, change the rows, keep the way back
follow  the same for results of a model, which belong to the edit before them
walk    undo or redo one step, by the changes kept for it
load    a question's state from its rows, without any replay
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from veason.annotation import Duplicated, Edit, GotAnswer, GotMasks, Merged, Place, Provenance, State, apply
from veason.annotation.apply import apply_masks
from veason.annotation.difference import (
    Difference,
    MaskIds,
    PromptNumbers,
    applied,
    changed_masks,
    difference,
    from_scalars,
    inverse,
    number_prompts,
    rebuild_runs,
    renumbered,
    scalars,
    scalars_after,
)
from veason.annotation.plain import compact, plain, rebuild, to_json
from veason.annotation.state import FrameRuns
from veason.errors import ProjectError, SessionError
from veason.project.database import next_revision
from veason.project.maskrows import load_masks, masks_body, pack_mask, provenance_of, unpack_mask
from veason.project.steps import load_step, store_step
from veason.types import Answer, MaskTrack, ObjectMask, Prompt, Sampling


@dataclass(frozen=True, slots=True)
class Loaded:
    """A question as read from its rows.

    Attributes:
        question_id: the question.
        revision: the revision of its last change.
        position: how many steps can be undone.
        size_hw: height and width of the video in pixels.
        state: its annotation.
        mask_ids: the ids of the current masks, by (object id, frame index).
        prompt_numbers: the numbers of the prompts, ascending in their order.
        scalars: the small parts of the state in plain values, as its row holds them.
        steps: the edits of all steps, undone ones last; None until they are needed.
    """

    question_id: int
    revision: int
    position: int
    size_hw: tuple[int, int]
    state: State
    mask_ids: MaskIds
    prompt_numbers: PromptNumbers
    scalars: Mapping[str, Any]
    steps: tuple[Edit, ...] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who or what makes a change: a person by name, or a model by id with its sampling settings.

    `provenance` overrules what masks are taken for by the prompts on their frame (for imported ones).
    """

    annotator: str | None = None
    source: str | None = None
    sampling: Sampling | None = None
    provenance: Mapping[Place, Provenance] = field(default_factory=dict)


def load(db: sqlite3.Connection, question_id: int) -> Loaded:
    """Read a question's state from its rows. Raises ProjectError where there is no such question."""
    row = db.execute(
        "SELECT q.revision, q.position, q.state, q.pending, v.num_frames, v.height, v.width FROM questions q "
        "JOIN videos v ON v.id = q.video_id WHERE q.id = ?",
        (question_id,),
    ).fetchone()
    if row is None:
        raise ProjectError(f"there is no question {question_id} in this project")
    revision, position, text, pending, num_frames, *size_hw = row
    values = json.loads(text)
    answered = values.get("answered")
    prompts, by_hand, numbers = {}, set(), {}
    for object_id, frame_index, is_by_hand, prompt, number in db.execute(
        "SELECT object_id, frame_index, is_by_hand, prompt, number FROM prompts WHERE question_id = ? "
        "ORDER BY number, object_id, frame_index",
        (question_id,),
    ):
        prompts[object_id, frame_index] = rebuild(Prompt, json.loads(prompt))
        numbers[object_id, frame_index] = number
        by_hand |= {(object_id, frame_index)} if is_by_hand else set()
    marks = {
        (object_id, frame_index): kind
        for object_id, frame_index, kind in db.execute(
            "SELECT object_id, frame_index, kind FROM marks WHERE question_id = ?", (question_id,)
        )
    }
    names = dict(db.execute("SELECT object_id, name FROM objects WHERE question_id = ?", (question_id,)).fetchall())
    frames: dict[int, dict[int, ObjectMask]] = {}
    ids = {}
    size = (size_hw[0], size_hw[1])
    for mask_id, object_id, frame_index, score, counts in db.execute(
        "SELECT id, object_id, frame_index, score, counts FROM masks WHERE question_id = ? AND is_current = 1",
        (question_id,),
    ):
        frames.setdefault(object_id, {})[frame_index] = ObjectMask(unpack_mask(counts, size), score)
        ids[object_id, frame_index] = mask_id
    tracks = {object_id: MaskTrack(object_id, masks) for object_id, masks in frames.items()}
    answer = None if answered is None else _load_answer(db, answered)
    state = from_scalars(
        values,
        num_frames,
        answer=answer,
        prompts=prompts,
        tracks=tracks,
        pending=_read_pending(pending),
        by_hand=frozenset(by_hand),
        marks=marks,
        names=names,
    )
    return Loaded(question_id, revision, position, size, state, ids, numbers, scalars(state))


def record(db: sqlite3.Connection, loaded: Loaded, edit: Edit, results: Sequence[Edit], origin: Origin) -> Loaded:
    """Apply an edit of a person as a step of undo, then what follows from it, and write both down; else as `follow`."""
    return follow(db, _enter(db, loaded, [edit], origin, is_step=True), results, origin)


def follow(db: sqlite3.Connection, loaded: Loaded, edits: Sequence[Edit], origin: Origin) -> Loaded:
    """Apply results one after the other and write them down; consecutive GotMasks become one line of the log.

    Raises:
        SessionError: an edit does not fit the state.
        ProjectError: a mask is not of the video's size.
    """
    for is_masks, run in groupby(edits, lambda edit: isinstance(edit, GotMasks)):
        for part in [list(run)] if is_masks else [[edit] for edit in run]:
            loaded = _enter(db, loaded, part, origin, is_step=False)
    return loaded


def _enter(db: sqlite3.Connection, loaded: Loaded, run: Sequence[Edit], origin: Origin, *, is_step: bool) -> Loaded:
    """Apply one edit, or consecutive GotMasks, and write the line of the log, the rows and the way back."""
    revision = next_revision(db)
    state = loaded.state
    is_masks = isinstance(run[0], GotMasks)
    if is_masks:
        state = apply_masks(state, [edit.frame_masks for edit in run if isinstance(edit, GotMasks)])
    else:
        for edit in run:
            state = apply(state, edit, revision, is_by_person=is_step)
    arrived: dict[Place, ObjectMask] = {}
    for edit in run:
        if isinstance(edit, GotMasks):
            masks = edit.frame_masks
            arrived |= {(object_id, masks.frame_index): mask for object_id, mask in masks.masks.items()}
        elif isinstance(edit, Duplicated | Merged):
            arrived, origin = _handed_over(db, loaded, state, edit.source_id, origin)
    ids = loaded.mask_ids
    if arrived:
        ids = {**ids, **_store_masks(db, loaded, state, arrived, origin)}
    body = masks_body(ids, arrived) if is_masks else {"type": type(run[0]).__name__, **plain(run[0])}
    numbers = loaded.prompt_numbers
    if state.prompts is not loaded.state.prompts:
        numbers = number_prompts(state.prompts, numbers)
    step = difference(loaded.state, state, loaded.mask_ids, ids, loaded.prompt_numbers, numbers)
    values = scalars_after(loaded.scalars, step)
    if state.tracks is not loaded.state.tracks:
        ids = {place: ids[place] for track in state.tracks.values() for place in _places(track)}
    position, steps = loaded.position + (1 if is_step else 0), loaded.steps
    if is_step and steps is not None:
        steps = (*steps[: loaded.position], run[0])
    after = Loaded(loaded.question_id, revision, position, loaded.size_hw, state, ids, numbers, values, steps)
    write_log(db, revision, loaded.question_id, "record" if is_step else "follow", body, origin)
    for edit in run:
        if isinstance(edit, GotAnswer):
            _store_answer(db, revision, loaded.question_id, state, origin)
    _write_rows(db, after, step)
    store_step(db, loaded.question_id, loaded.position, revision, step, is_step=is_step)
    return after


def walk(db: sqlite3.Connection, loaded: Loaded, origin: Origin, *, forward: bool) -> Loaded:
    """Undo one step, or redo one where `forward`. Raises SessionError where there is none."""
    number = loaded.position + 1 if forward else loaded.position
    found = load_step(db, loaded.question_id, number)
    if found is None:
        raise SessionError("nothing to redo" if forward else "nothing to undo")
    step = found if forward else inverse(found)
    numbers = renumbered(loaded.prompt_numbers, step)
    state = applied(
        loaded.state,
        step,
        numbers,
        lambda mask_ids: load_masks(db, mask_ids, loaded.size_hw),
        lambda answer_id: _load_answer(db, answer_id),
    )
    ids = dict(loaded.mask_ids)
    for key, (_, after) in step.items():
        if key[0] == "mask":
            ids.pop((key[1], key[2]), None)
            if after is not None:
                ids[key[1], key[2]] = after
    revision = next_revision(db)
    position = loaded.position + (1 if forward else -1)
    values = scalars_after(loaded.scalars, step)
    after = Loaded(loaded.question_id, revision, position, loaded.size_hw, state, ids, numbers, values, loaded.steps)
    write_log(db, revision, loaded.question_id, "redo" if forward else "undo", {}, origin)
    _write_rows(db, after, step)
    return after


def check_there(db: sqlite3.Connection, question_id: int) -> None:
    """Raise ProjectError unless a question is there, and was not deleted: then nothing of it changes."""
    row = db.execute("SELECT deleted_at FROM questions WHERE id = ?", (question_id,)).fetchone()
    if row is None:
        raise ProjectError(f"there is no question {question_id} in this project")
    if row[0] is not None:
        raise ProjectError(f"question {question_id} was deleted: restore it in the queue, under deleted, to change it")


def write_log(
    db: sqlite3.Connection,
    revision: int,
    question_id: int | None,
    operation: str,
    body: Mapping[str, Any],
    origin: Origin,
) -> None:
    """Add one line to the log; `body` in plain values."""
    db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)",
        (revision, question_id, operation, compact(body), origin.source, origin.annotator, time.time()),
    )


def _places(track: MaskTrack) -> Iterator[Place]:
    return ((track.object_id, frame_index) for frame_index in track.frames)


def _store_masks(
    db: sqlite3.Connection, loaded: Loaded, state: State, arrived: Mapping[Place, ObjectMask], origin: Origin
) -> dict[Place, int]:
    """Insert the masks that are new and return the ids of all that arrived; equal ones are not stored twice."""
    if not arrived:
        return {}
    tracks = loaded.state.tracks
    free = (db.execute("SELECT max(id) FROM masks").fetchone()[0] or 0) + 1
    ids, rows = {}, []
    for place, mask in arrived.items():
        if mask.rle.size_hw != loaded.size_hw:
            raise ProjectError(
                f"object {place[0]} on frame {place[1]}: the mask is {mask.rle.size_hw} (height, width), the video "
                f"{loaded.size_hw}"
            )
        old = tracks[place[0]].frames.get(place[1]) if place[0] in tracks else None
        provenance = origin.provenance.get(place) or state.provenance(place)
        if old == mask and provenance_of(db, loaded.mask_ids[place]) == provenance:
            ids[place] = loaded.mask_ids[place]
            continue
        ids[place] = free
        rows.append((free, loaded.question_id, *place, provenance, mask.score, pack_mask(mask.rle)))
        free += 1
    db.executemany("INSERT INTO masks VALUES (?, ?, ?, ?, 0, ?, ?, ?)", rows)
    if origin.source is not None:
        db.execute("UPDATE questions SET segmenter = ? WHERE id = ?", (origin.source, loaded.question_id))
    return ids


def _handed_over(
    db: sqlite3.Connection, loaded: Loaded, state: State, source_id: int, origin: Origin
) -> tuple[dict[Place, ObjectMask], Origin]:
    """Return the masks that an edit gave to another object, and an origin that keeps where they come from."""
    before = loaded.state
    places = sorted(changed_masks(before, state))
    arrived = {place: mask for place in places if (mask := state.mask_at(place)) is not None}
    provenance = {
        (object_id, frame_index): provenance_of(db, loaded.mask_ids[source_id, frame_index])
        for (object_id, frame_index), mask in arrived.items()
        if mask is before.mask_at((source_id, frame_index))
    }
    return arrived, replace(origin, provenance=provenance)


def _load_answer(db: sqlite3.Connection, answer_id: int) -> Answer:
    text = db.execute("SELECT answer FROM answers WHERE id = ?", (answer_id,)).fetchone()[0]
    answer: Answer = rebuild(Answer, json.loads(text))
    return answer


def _store_answer(db: sqlite3.Connection, revision: int, question_id: int, state: State, origin: Origin) -> None:
    assert state.answer is not None
    sampling = None if origin.sampling is None else to_json(origin.sampling)
    db.execute(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
        (
            revision,
            question_id,
            to_json(state.answer),
            to_json(state.shown),
            origin.source,
            sampling,
        ),
    )
    db.execute("UPDATE questions SET failure = NULL WHERE id = ?", (question_id,))


def _write_rows(db: sqlite3.Connection, after: Loaded, step: Difference) -> None:
    """Bring the question's row, its prompts, marks, names and masks to the state after the step."""
    question_id = after.question_id
    gone = [(before,) for key, (before, _) in step.items() if key[0] == "mask" and before is not None]
    come = [(new,) for key, (_, new) in step.items() if key[0] == "mask" and new is not None]
    db.executemany("UPDATE masks SET is_current = 0 WHERE id = ?", gone)
    db.executemany("UPDATE masks SET is_current = 1 WHERE id = ?", come)
    words = step.get(("instruction",), (None, None))[1]
    if words:
        db.execute("UPDATE questions SET instruction = ? WHERE id = ?", (words, question_id))
    for key, (_, new) in step.items():
        if key[0] == "prompt" and new is not None:
            row = (question_id, *key[1:], int(new[0]), compact(new[1]), after.prompt_numbers[key[1], key[2]])
            db.execute("INSERT OR REPLACE INTO prompts VALUES (?, ?, ?, ?, ?, ?)", row)
        elif key[0] == "mark" and new is not None:
            db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (question_id, *key[1:], new))
        elif key[0] == "name" and new is not None:
            db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (question_id, key[1], new))
        elif key[0] == "name":
            db.execute("DELETE FROM objects WHERE question_id = ? AND object_id = ?", (question_id, key[1]))
        elif key[0] in ("prompt", "mark"):
            db.execute(
                f"DELETE FROM {key[0]}s WHERE question_id = ? AND object_id = ? AND frame_index = ?",
                (question_id, *key[1:]),
            )
    _write_question(db, after)


def _write_question(db: sqlite3.Connection, loaded: Loaded) -> None:
    state = loaded.state
    db.execute(
        "UPDATE questions SET revision = ?, position = ?, state = ?, pending = ?, reasoning = ?, answer_id = ? "
        "WHERE id = ?",
        (
            loaded.revision,
            loaded.position,
            compact(loaded.scalars),
            compact(state.pending),
            state.reasoning,
            state.answered,
            loaded.question_id,
        ),
    )


def _read_pending(text: str) -> dict[int, FrameRuns]:
    return {int(object_id): rebuild_runs(runs) or () for object_id, runs in json.loads(text).items()}
