"""What a project demands before labels are accepted: that nothing of some kinds is left open."""

from __future__ import annotations

import json
from collections.abc import Sequence

from veason.annotation.left_open import OPEN_POINTS, LeftOpen, OpenPoint
from veason.errors import ProjectError
from veason.project.database import Database
from veason.project.edits import Origin, next_revision, write_log

NOTE = "accept gate"
"""The key of the note that keeps it."""

_WORDS: dict[OpenPoint, str] = {
    "missing": "frames without an up-to-date mask: propagate",
    "assumed": "frames that a run which ended early left as they were: go on with it",
    "empty": "empty frames: mark them absent, or draw the object",
    "doubtful": "doubtful frames: correct or verify them",
    "unverified": "unverified frames: look at them and verify them",
}


class AcceptGate:
    """The checks that a project requires before a question is accepted. Raises ProjectError as `LabelStore` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def demanded(self) -> tuple[OpenPoint, ...]:
        """Return of which kinds nothing may be left open; none unless a person asked for it."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (NOTE,)).fetchone()
        return read_gate(None if row is None else row[0])

    def demand(self, points: Sequence[OpenPoint], *, annotator: str | None = None) -> None:
        """Demand that nothing of these kinds is left open; none takes the gate away."""
        wanted = [point for point in OPEN_POINTS if point in points]
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (NOTE, json.dumps(wanted)))
            write_log(db, next_revision(db), None, "gate", {"demanded": wanted}, Origin(annotator=annotator))

    def check(self, question_id: int, left: LeftOpen) -> None:
        """Raise ProjectError where something is left open that the project demands to be done."""
        lacking = [f"{left.count(point)} {_WORDS[point]}" for point in self.demanded() if left.count(point)]
        if lacking:
            raise ProjectError(
                f"question {question_id} is not ready to be accepted, as this project wants it: {'; '.join(lacking)}"
            )


def read_gate(text: str | None) -> tuple[OpenPoint, ...]:
    """Return what a note's text demands. Raises ProjectError where it is not such a text."""
    try:
        found = [] if text is None else json.loads(text)
    except ValueError as error:
        raise ProjectError("what this project demands before labels are accepted cannot be read") from error
    if not isinstance(found, list) or not all(point in OPEN_POINTS for point in found):
        raise ProjectError(f"a project demands some of {', '.join(OPEN_POINTS)}, this one {str(found)[:80]}")
    return tuple(point for point in OPEN_POINTS if point in found)
