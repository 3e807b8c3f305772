"""A question's annotation from nothing but the log: an undo that keeps every state, to hold the project's own to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from veason.annotation import EDITS, GotMasks, State, apply
from veason.annotation.plain import rebuild
from veason.project import Project
from veason.project.maskrows import load_masks
from veason.types import FrameMasks


@dataclass
class Replayed:
    """The states that undo leads back to, the one now, and those that redo leads to."""

    now: State
    past: list[State] = field(default_factory=list)
    future: list[State] = field(default_factory=list)


def replay(project: Project, question_id: int) -> Replayed:
    """Return what the lines of the log about a question come to, one after the other."""
    loaded = project.labels.loaded(question_id)
    found = Replayed(State(loaded.state.num_frames))
    with project.database.read() as db:
        lines = db.execute(
            "SELECT revision, operation, body FROM log WHERE question_id = ? ORDER BY revision", (question_id,)
        ).fetchall()
        for revision, operation, text in lines:
            body = json.loads(text)
            if operation == "undo":
                found.future.insert(0, found.now)
                found.now = found.past.pop()
            elif operation == "redo":
                found.past.append(found.now)
                found.now = found.future.pop(0)
            elif operation == "record":
                found.past.append(found.now)
                found.future = []
                found.now = apply(found.now, rebuild(EDITS[body.pop("type")], body), revision)
            elif operation == "follow":
                kind = body.pop("type")
                edits = read_masks(db, body, loaded.size_hw) if kind == "GotMasks" else [rebuild(EDITS[kind], body)]
                for edit in edits:
                    found.now = apply(found.now, edit, revision, is_by_person=False)
    return found


def read_masks(db: sqlite3.Connection, body: Mapping[str, Any], size_hw: tuple[int, int]) -> list[GotMasks]:
    """Return the masks that a line of the log names by their ids."""
    frames = body.get("frames", {})
    masks = load_masks(db, [mask_id for ids in frames.values() for mask_id in ids.values()], size_hw)
    return [
        GotMasks(FrameMasks(int(index), {int(object_id): masks[mask_id] for object_id, mask_id in ids.items()}))
        for index, ids in frames.items()
    ]
