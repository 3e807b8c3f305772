"""The steps of undo and redo: for each one the difference that an edit made, stored and read back.

A step has its own changes and any number of parts: what a model reported afterwards belongs to the step before it.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from veason.annotation import EDITS, Edit
from veason.annotation.difference import Difference, compose_all, inverse
from veason.annotation.plain import compact, rebuild
from veason.errors import ProjectError


def store_step(
    db: sqlite3.Connection, question_id: int, position: int, revision: int, step: Difference, *, is_step: bool
) -> None:
    """Store a difference for undo: as the step after a position, or as parts of the steps around it.

    A step of a person's edit drops the undone steps. What a model reports belongs to the step before it, as its last
    part, and the way back from it to the undone step after it, as its first part. Parts are added without reading the
    others, so that many batches of masks take time in proportion to their number.
    """
    if is_step:
        for table in ("steps", "step_parts"):
            db.execute(f"DELETE FROM {table} WHERE question_id = ? AND step > ?", (question_id, position))
        db.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", (question_id, position + 1, revision, _step_text(step)))
        return
    if not step:
        return
    _add_part(db, question_id, position, "ifnull(max(max(part), 0), 0) + 1", step)
    _add_part(db, question_id, position + 1, "ifnull(min(min(part), 0), 0) - 1", inverse(step))


def _add_part(db: sqlite3.Connection, question_id: int, number: int, part: str, change: Difference) -> None:
    """Add a part to a step, if there is such a step; `part` is the SQL of its number."""
    db.execute(
        f"INSERT INTO step_parts SELECT question_id, step, (SELECT {part} FROM step_parts p "
        "WHERE p.question_id = s.question_id AND p.step = s.step), ? FROM steps s WHERE question_id = ? AND step = ?",
        (_step_text(change), question_id, number),
    )


def load_step(db: sqlite3.Connection, question_id: int, number: int) -> Difference | None:
    """Return the whole difference of a step, composed of its parts; None if there is no such step."""
    rows = db.execute(
        "SELECT 0 AS part, changes FROM steps WHERE question_id = ?1 AND step = ?2 "
        "UNION ALL SELECT part, changes FROM step_parts WHERE question_id = ?1 AND step = ?2 ORDER BY part",
        (question_id, number),
    ).fetchall()
    parts = [_read_step(text) for _, text in rows]
    return compose_all(parts) if parts else None


def read_steps(db: sqlite3.Connection, question_id: int) -> tuple[Edit, ...]:
    """Return the edits of all steps of a question, in order, those that were undone too.

    Raises ProjectError for masks, which are no person's step.
    """
    rows = db.execute(
        "SELECT l.revision, l.body FROM steps s JOIN log l ON l.revision = s.revision WHERE s.question_id = ? "
        "ORDER BY s.step",
        (question_id,),
    )
    return tuple(_read_edit(revision, json.loads(text)) for revision, text in rows)


def _read_edit(revision: int, body: dict[str, Any]) -> Edit:
    kind = body.pop("type")
    if kind == "GotMasks":
        raise ProjectError(f"revision {revision} brought masks and is no edit of a person")
    edit: Edit = rebuild(EDITS[kind], body)
    return edit


def _step_text(step: Difference) -> str:
    return compact([[*key, *pair] for key, pair in step.items()])


def _read_step(text: str) -> Difference:
    return {tuple(row[:-2]): (row[-2], row[-1]) for row in json.loads(text)}
