"""Masks between rows, the log and edits."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from veason.project.codec import unpack_mask
from veason.project.records import Provenance
from veason.project.state import Place
from veason.session import GotMasks
from veason.types import FrameMasks, ObjectMask

_IDS_A_QUERY = 500


def provenance_of(db: sqlite3.Connection, mask_id: int) -> Provenance:
    """Return where a stored mask comes from."""
    return db.execute("SELECT provenance FROM masks WHERE id = ?", (mask_id,)).fetchone()[0]


def masks_body(ids: Mapping[Place, int], arrived: Mapping[Place, ObjectMask]) -> dict[str, Any]:
    """Return what the log says of masks that arrived: their ids by frame and object."""
    frames: dict[int, dict[int, int]] = {}
    for object_id, frame_index in arrived:
        frames.setdefault(frame_index, {})[object_id] = ids[object_id, frame_index]
    return {"type": "GotMasks", "frames": frames}


def read_masks(db: sqlite3.Connection, body: Mapping[str, Any], size_hw: tuple[int, int]) -> list[GotMasks]:
    """Return the edits that a line of the log made by `masks_body` stands for."""
    frames = body.get("frames", {})
    masks = load_masks(db, [mask_id for ids in frames.values() for mask_id in ids.values()], size_hw)
    return [
        GotMasks(FrameMasks(int(index), {int(object_id): masks[mask_id] for object_id, mask_id in ids.items()}))
        for index, ids in frames.items()
    ]


def load_masks(db: sqlite3.Connection, mask_ids: Sequence[int], size_hw: tuple[int, int]) -> dict[int, ObjectMask]:
    """Return stored masks by their ids."""
    masks = {}
    for start in range(0, len(mask_ids), _IDS_A_QUERY):
        part = mask_ids[start : start + _IDS_A_QUERY]
        marks = ",".join("?" * len(part))
        for mask_id, score, counts in db.execute(f"SELECT id, score, counts FROM masks WHERE id IN ({marks})", part):
            masks[mask_id] = ObjectMask(unpack_mask(counts, size_hw), score)
    return masks
