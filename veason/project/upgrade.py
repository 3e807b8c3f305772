"""What waits to be computed, brought from a project of version 2 into one of version 3.

Version 2 kept per question the ids of its "stale" objects, in its state and in its steps, and the app a note
"pending N" with the frames, which counted only while the question was at the revision of the note. Version 3 keeps the
frames in a column, and what an edit changed of them in its step.

    the state as it is      the note's frames where the note counts; else all frames of every stale object
    a state of the past     all frames of every object that was stale then: nothing better is known of it
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from veason.annotation.difference import plain, to_json
from veason.annotation.state import FrameRuns, runs_of

_Pending = Mapping[int, FrameRuns]


def fill_pending(db: sqlite3.Connection) -> None:
    """Fill the column `pending` of every question and bring its steps along; inside the open transaction."""
    notes = dict(db.execute("SELECT key, value FROM about WHERE key LIKE 'pending %'").fetchall())
    questions = db.execute(
        "SELECT q.id, q.revision, q.position, q.state, v.num_frames FROM questions q JOIN videos v ON v.id = q.video_id"
    ).fetchall()
    for question_id, revision, position, text, num_frames in questions:
        values = json.loads(text)
        stale = frozenset[int](values.pop("stale", ()))
        known = _note_frames(notes.get(f"pending {question_id}"), revision)
        now: _Pending = {**_all_frames(stale, num_frames), **known}
        now = {object_id: runs for object_id, runs in now.items() if runs}
        db.execute(
            "UPDATE questions SET state = ?, pending = ? WHERE id = ?", (to_json(values), to_json(now), question_id)
        )
        _fill_steps(db, question_id, position, stale, now, num_frames)
    db.execute("DELETE FROM about WHERE key LIKE 'pending %'")


def _note_frames(note: str | None, revision: int) -> dict[int, FrameRuns]:
    """Return the frames of a note; none where there is no note, or the question went on after it."""
    kept = {} if note is None else json.loads(note)
    if kept.get("revision") != revision:
        return {}
    return {int(object_id): runs_of(frames) for object_id, frames in kept["frames"].items()}


def _all_frames(stale: frozenset[int], num_frames: int) -> _Pending:
    return {object_id: ((0, num_frames),) for object_id in stale}


def _fill_steps(
    db: sqlite3.Connection, question_id: int, position: int, stale: frozenset[int], now: _Pending, num_frames: int
) -> None:
    """Walk from the state as it is to the first and to the last one, and say in every step what is pending."""
    rows = db.execute(
        "SELECT step, changes FROM steps WHERE question_id = ? AND (step IN (?, ?) OR changes LIKE '%[\"stale\",%') "
        "ORDER BY step",
        (question_id, position, position + 1),
    ).fetchall()
    steps = {number: json.loads(text) for number, text in rows}
    undone = [number for number in steps if number <= position]
    for numbers, is_undo in ((reversed(undone), True), ([number for number in steps if number > position], False)):
        here, here_stale = now, stale
        for number in numbers:
            changes, pair = _without_stale(steps[number])
            there_stale = here_stale if pair is None else frozenset(pair[0] if is_undo else pair[1])
            there = _all_frames(there_stale, num_frames)
            before, after = (there, here) if is_undo else (here, there)
            changes += [
                ["pending", object_id, plain(before.get(object_id)), plain(after.get(object_id))]
                for object_id in sorted(before.keys() | after.keys())
                if before.get(object_id) != after.get(object_id)
            ]
            db.execute(
                "UPDATE steps SET changes = ? WHERE question_id = ? AND step = ?",
                (json.dumps(changes, ensure_ascii=False, separators=(",", ":")), question_id, number),
            )
            here, here_stale = there, there_stale


def _without_stale(changes: list[list[Any]]) -> tuple[list[list[Any]], tuple[list[int], list[int]] | None]:
    """Return what a step changes but for the ids of stale objects, and those before and after, if it changes them."""
    kept = [row for row in changes if row[0] != "stale"]
    pair = next(((row[1], row[2]) for row in changes if row[0] == "stale"), None)
    return kept, pair
