"""Masks as palette pictures, one a frame, in one ZIP file."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.atomic import atomic_file
from veason.batch.collect import results_of, writing
from veason.batch.jobs import Job
from veason.batch.results import ResultFolder
from veason.draw import palette_image
from veason.masks import rle_from_coco
from veason.types import ObjectMask

MASKS_ZIP = "masks.zip"
"""Name of the file, in the folder of results."""

_COLUMNS = ("folder", "video", "instruction", "frames", "absent", "error")


@dataclass(frozen=True, slots=True)
class ZippedMasks:
    """What was written.

    Attributes:
        pictures: how many.
        lost_pixels: pixels that an object lost to another where they overlap, which a palette cannot hold.
    """

    pictures: int
    lost_pixels: int


def write_masks_zip(folder: ResultFolder, out: Path, jobs: Sequence[Job]) -> ZippedMasks:
    """Write `masks.zip` into `out`: `Annotations/<key>/<frame:05d>.png`, pixel = object, and `index.csv`.

    The index has a row for every question: its folder, which is empty where there are no masks, and why. Equal results
    give equal files.

    Raises:
        ExportError: a result cannot be read, has more than 255 objects, or the disk is full.
    """
    pictures = lost = 0
    index = io.StringIO()
    rows = csv.writer(index, lineterminator="\n")
    rows.writerow(_COLUMNS)
    seen: set[str] = set()
    with writing(out), atomic_file(out / MASKS_ZIP) as file, zipfile.ZipFile(file, "w") as archive:
        for record in results_of(folder, jobs):
            frames = masks_by_frame_of(record)
            place = f"Annotations/{record['key']}" if frames else ""
            absent = "" if record["absent"] is None else str(record["absent"]).lower()
            rows.writerow(
                [place, record["video"], record["instruction"], record["num_frames"], absent, record["error"] or ""]
            )
            if record["key"] in seen:
                continue
            seen.add(record["key"])
            width, height = record["size_wh"]
            for frame, masks in frames.items():
                image, num_lost = palette_image(masks, (width, height))
                picture = io.BytesIO()
                image.save(picture, format="PNG")
                archive.writestr(zipfile.ZipInfo(f"{place}/{frame:05d}.png"), picture.getvalue())
                pictures, lost = pictures + 1, lost + num_lost
        archive.writestr(zipfile.ZipInfo("index.csv"), index.getvalue())
    return ZippedMasks(pictures, lost)


def masks_by_frame_of(record: dict[str, Any]) -> dict[int, dict[int, ObjectMask]]:
    """Return the masks of a result by frame index and object, frames ascending."""
    width, height = record["size_wh"]
    frames: dict[int, dict[int, ObjectMask]] = {}
    for one in record["objects"]:
        for frame, (code, score) in one["masks"].items():
            mask = ObjectMask(rle_from_coco({"size": [height, width], "counts": code}), score)
            frames.setdefault(int(frame), {})[one["id"]] = mask
    return dict(sorted(frames.items()))
