"""A copy of a question: its rows once more, under another id, as they are now."""

from __future__ import annotations

import json
import sqlite3

from veason.annotation.plain import compact
from veason.errors import ProjectError
from veason.project.database import next_revision
from veason.project.edits import Origin, write_log
from veason.project.unanswered import copy_notes

_PLACES = "object_id, frame_index"
_COPIED = {
    "objects": "object_id, name",
    "prompts": f"{_PLACES}, is_by_hand, prompt, number",
    "marks": f"{_PLACES}, kind",
}


def copy_question(db: sqlite3.Connection, question_id: int, origin: Origin) -> int:
    """Copy a question inside the open transaction, and return the id of the copy.

    The copy has the words, the answer that counts, objects, prompts, masks and marks. It has no history: comments,
    opinions and steps stay with the first one, and what was decided about that is not decided about the copy.

    Raises:
        ProjectError: there is no such question, or it was deleted.
    """
    row = db.execute(
        "SELECT video_id, instruction, status, state, answer_id FROM questions WHERE id = ? AND deleted_at IS NULL",
        (question_id,),
    ).fetchone()
    if row is None:
        raise ProjectError(f"there is no question {question_id} in this project to copy")
    video_id, instruction, status, text, answer_id = row
    revision = next_revision(db)
    begun = status if status in ("new", "proposed") else "in review"
    (copy_id,) = db.execute(
        "INSERT INTO questions (video_id, instruction, status, assignee, revision, state, pending, reasoning, "
        "segmenter, doubt, failure) SELECT video_id, instruction, ?, assignee, ?, state, pending, reasoning, "
        "segmenter, doubt, failure FROM questions WHERE id = ? RETURNING id",
        ("new" if status == "thinking" else begun, revision, question_id),
    ).fetchone()
    body = {"video_id": video_id, "instruction": instruction, "copy_of": question_id}
    write_log(db, revision, copy_id, "question", body, origin)
    copy_notes(db, question_id, copy_id)
    if answer_id is not None:
        _copy_answer(db, answer_id, copy_id, revision, text)
    for table, columns in _COPIED.items():
        db.execute(
            f"INSERT INTO {table} (question_id, {columns}) SELECT ?, {columns} FROM {table} WHERE question_id = ?",
            (copy_id, question_id),
        )
    columns = f"{_PLACES}, is_current, provenance, score, counts"
    db.execute(
        f"INSERT INTO masks (question_id, {columns}) SELECT ?, {columns} FROM masks "
        "WHERE question_id = ? AND is_current = 1",
        (copy_id, question_id),
    )
    return int(copy_id)


def _copy_answer(db: sqlite3.Connection, answer_id: int, copy_id: int, revision: int, state: str) -> None:
    """Copy the answer that counts; it is known by the revision that brought it, here that of the copy."""
    db.execute(
        "INSERT INTO answers SELECT ?, ?, answer, shown, policy, sampling FROM answers WHERE id = ?",
        (revision, copy_id, answer_id),
    )
    values = {**json.loads(state), "answered": revision}
    text = compact(values)
    db.execute("UPDATE questions SET state = ?, answer_id = ? WHERE id = ?", (text, revision, copy_id))
