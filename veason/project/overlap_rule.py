"""Whether objects of a question may share pixels in what is written of a project."""

from __future__ import annotations

import json

from veason.errors import ProjectError
from veason.project.database import Database
from veason.project.edits import Origin, next_revision, write_log

NOTE = "never overlap"
"""The key of the note that keeps it."""


class OverlapRule:
    """The rule of a project that its objects never overlap, or that they may. Raises ProjectError as `LabelStore` does.

    The masks in the project stay as they were made: it is what is exported in which a pixel goes to one object.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_never(self) -> bool:
        """Return whether no two objects of a question may share a pixel; they may unless a person said otherwise."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (NOTE,)).fetchone()
        return read_rule(None if row is None else row[0])

    def keep(self, is_never: bool, *, annotator: str | None = None) -> None:
        """Say whether objects may never overlap."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (NOTE, json.dumps(is_never)))
            write_log(db, next_revision(db), None, "overlaps", {"never": is_never}, Origin(annotator=annotator))


def read_rule(text: str | None) -> bool:
    """Return whether a note's text says that objects never overlap. Raises ProjectError where it is no such text."""
    if text not in (None, "true", "false"):
        raise ProjectError(f"whether objects of this project may overlap is true or false, not {str(text)[:80]}")
    return text == "true"
