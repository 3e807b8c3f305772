"""A digest of everything that a person would miss in a project, read from its tables alone, whatever their version."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

_ROWS = (
    "SELECT id, instruction, status, position, reasoning, answer_id, segmenter FROM questions ORDER BY id",
    "SELECT question_id, object_id, frame_index, is_by_hand, prompt FROM prompts "
    "ORDER BY question_id, object_id, frame_index",
    "SELECT question_id, object_id, frame_index, provenance, score, hex(counts) FROM masks WHERE is_current = 1 "
    "ORDER BY question_id, object_id, frame_index",
    "SELECT * FROM marks ORDER BY question_id, object_id, frame_index",
    "SELECT * FROM objects ORDER BY question_id, object_id",
)
_LATER = ("kept", "classes", "attributes", "passes", "assumed")
"""Parts of the state that came with later programs: empty is the same as not there."""

_WAITING = ("stale", "touched")
"""Parts of the state that say what is to be computed: an upgrade may say that it is more."""

_KEPT = ("videos", "answers", "log")


def digest_labels(path: Path) -> str:
    """Return a digest of the labels as they are: questions, prompts, masks, marks, names and the parts of the state."""
    with sqlite3.connect(path) as db:
        found = [db.execute(rows).fetchall() for rows in _ROWS]
        for (text,) in db.execute("SELECT state FROM questions ORDER BY id").fetchall():
            found.append(
                sorted(
                    (key, value)
                    for key, value in json.loads(text).items()
                    if key not in _WAITING and (value or key not in _LATER)
                )
            )
    db.close()
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def digest_history(path: Path) -> str:
    """Return a digest of what was: every mask that ever came, answers, the log, and the steps of undo."""
    with sqlite3.connect(path) as db:
        found = [db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in _KEPT]
        found.append(db.execute("SELECT id, question_id, hex(counts) FROM masks ORDER BY id").fetchall())
        for *place, text in db.execute(
            "SELECT question_id, step, revision, changes FROM steps ORDER BY 1, 2"
        ).fetchall():
            found.append([*place, sorted(repr(row) for row in json.loads(text) if row[0] not in ("stale", "pending"))])
    db.close()
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]
