"""Filling the new columns of a project file from what an older version kept.

Version 3, the frames that wait to be computed: version 2 kept per question the ids of its "stale" objects, in its state
and in its steps, and the app a note "pending N" with the frames, valid only while the question was at the revision of
the note. Version 3 keeps the frames in a column, and what an edit changed of them in its step.

    the state as it is      the note's frames where the note counts; else all frames of every stale object
    a state of the past     all frames of every object that was stale then: nothing better is known of it

Version 5, the order of the prompts: version 4 kept none and read them by object and frame, although a correction
depends on those made before it. The log has every edit, so the order in which prompts were made is taken from there.
It did not keep which edits the masks have not followed yet either: where masks wait, those are all prompts of the
object, so that it is computed again as a whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from veason.annotation.plain import compact, pack_places, plain, to_json
from veason.annotation.state import FrameRuns, Place, runs_of

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


def fill_prompts(db: sqlite3.Connection) -> None:
    """Number the prompts of every question, and say which ones masks have not followed; inside the open transaction."""
    _fill_numbers(db)
    for question_id, text, pending in db.execute("SELECT id, state, pending FROM questions").fetchall():
        waiting = {int(object_id) for object_id in json.loads(pending)}
        places = db.execute("SELECT object_id, frame_index FROM prompts WHERE question_id = ?", (question_id,))
        touched = pack_places((object_id, at) for object_id, at in places if object_id in waiting)
        if touched:
            values = {**json.loads(text), "touched": touched}
            db.execute("UPDATE questions SET state = ? WHERE id = ?", (to_json(values), question_id))


def _fill_numbers(db: sqlite3.Connection) -> None:
    """Number the prompts of every question in the order in which the log made them."""
    places: dict[int, list[Place]] = {}
    for question_id, *place in db.execute(
        "SELECT question_id, object_id, frame_index FROM prompts ORDER BY question_id, object_id, frame_index"
    ):
        places.setdefault(question_id, []).append((place[0], place[1]))
    for question_id, found in places.items():
        if len(found) > 1:
            made = {place: number for number, place in enumerate(_made_prompts(db, question_id))}
            found.sort(key=lambda place: made.get(place, len(made)))
        db.executemany(
            "UPDATE prompts SET number = ? WHERE question_id = ? AND object_id = ? AND frame_index = ?",
            [(number, question_id, *place) for number, place in enumerate(found, start=1)],
        )


def _made_prompts(db: sqlite3.Connection, question_id: int) -> list[Place]:
    """Return all places that a question's edits may have given a prompt, in the order of the edits.

    A place that was dropped and prompted again is late, one whose drop was undone keeps its turn.
    """
    made: dict[Place, None] = {}
    dropped = set[Place]()
    for (text,) in db.execute(
        "SELECT body FROM log WHERE question_id = ? AND operation IN ('record', 'follow') ORDER BY revision",
        (question_id,),
    ):
        body = json.loads(text)
        objects = dict.fromkeys(object_id for object_id, _ in made)
        places: list[Place] = []
        match body.get("type"):
            case "Asked":
                made.clear()
            case "GotAnswer":
                made.clear()
                places = [(prompt["object_id"], prompt["frame_index"]) for prompt in body["prompts"]]
            case "PutPrompt":
                places = [(body["prompt"]["object_id"], body["prompt"]["frame_index"])]
            case "DropPrompt":
                dropped.add((body["object_id"], body["frame_index"]))
            case "MoveKeyframe":
                places = [(object_id, body["frame_index"]) for object_id in objects]
            case "Duplicated":
                places = [(body["object_id"], at) for object_id, at in made if object_id == body["source_id"]]
            case "Merged":
                places = [(body["target_id"], at) for object_id, at in made if object_id == body["source_id"]]
        for place in places:
            if place in dropped:
                dropped.discard(place)
                made.pop(place, None)
            made.setdefault(place)
    return list(made)


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
                (compact(changes), question_id, number),
            )
            here, here_stale = there, there_stale


def _without_stale(changes: list[list[Any]]) -> tuple[list[list[Any]], tuple[list[int], list[int]] | None]:
    """Return what a step changes but for the ids of stale objects, and those before and after, if it changes them."""
    kept = [row for row in changes if row[0] != "stale"]
    pair = next(((row[1], row[2]) for row in changes if row[0] == "stale"), None)
    return kept, pair
