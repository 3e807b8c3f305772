"""Masks between rows, the log and edits. They are kept as the zlib of their run-length code: about half its size."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from veason.annotation import Place, Provenance
from veason.errors import ProjectError
from veason.types import ObjectMask, Rle

_IDS_A_QUERY = 500


def pack_mask(rle: Rle) -> bytes:
    """Return the run-length code as it is stored."""
    return zlib.compress(rle.counts.encode("ascii"), 1)


def unpack_mask(stored: bytes, size_hw: tuple[int, int]) -> Rle:
    """Return the mask of a stored run-length code. Raises ProjectError where it is damaged."""
    try:
        return Rle(size_hw, zlib.decompress(stored).decode("ascii"))
    except (zlib.error, UnicodeDecodeError) as error:
        raise ProjectError(f"a mask of the project is damaged: {error}; restore the project from a backup") from error


def provenance_of(db: sqlite3.Connection, mask_id: int) -> Provenance:
    """Return where a stored mask comes from."""
    provenance: Provenance = db.execute("SELECT provenance FROM masks WHERE id = ?", (mask_id,)).fetchone()[0]
    return provenance


def masks_body(ids: Mapping[Place, int], arrived: Mapping[Place, ObjectMask]) -> dict[str, Any]:
    """Return what the log says of masks that arrived: their ids by frame and object id."""
    frames: dict[int, dict[int, int]] = {}
    for object_id, frame_index in arrived:
        frames.setdefault(frame_index, {})[object_id] = ids[object_id, frame_index]
    return {"type": "GotMasks", "frames": frames}


def load_masks(db: sqlite3.Connection, mask_ids: Sequence[int], size_hw: tuple[int, int]) -> dict[int, ObjectMask]:
    """Return stored masks by their ids."""
    masks = {}
    for start in range(0, len(mask_ids), _IDS_A_QUERY):
        part = mask_ids[start : start + _IDS_A_QUERY]
        marks = ",".join("?" * len(part))
        for mask_id, score, counts in db.execute(f"SELECT id, score, counts FROM masks WHERE id IN ({marks})", part):
            masks[mask_id] = ObjectMask(unpack_mask(counts, size_hw), score)
    return masks
