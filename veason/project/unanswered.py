"""What is known of labels whose answer did not come along: who gave it, and that it was a guess.

Labels that are imported often name the policy that they are of and nothing of what it said. No answer is made up for
them; what is known is kept in notes, and counts for as long as a question has no answer of its own.
"""

from __future__ import annotations

import sqlite3

POLICY = "answered by"
"""Kind of the note that names the policy."""

GUESS = "guessed because"
"""Kind of the note that says why the policy was not trained for the instruction."""


def policy_note(question_id: int) -> str:
    """Return the key of the note that keeps which policy answered a question."""
    return f"{POLICY} {question_id}"


def guess_note(question_id: int) -> str:
    """Return the key of the note that keeps why the answer to a question was a guess."""
    return f"{GUESS} {question_id}"


def copy_notes(db: sqlite3.Connection, question_id: int, copy_id: int) -> None:
    """Keep the same of the copy of a question, inside the open transaction."""
    for key, copied in ((make(question_id), make(copy_id)) for make in (policy_note, guess_note)):
        db.execute("INSERT OR REPLACE INTO about SELECT ?, value FROM about WHERE key = ?", (copied, key))
