"""ReasonVOS read: samples whose masks lie in grey pictures, one folder an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veason.formats.benchmarks.rows import Complaints, check_row, get, read_videos, video_frames
from veason.formats.benchmarks.truth import GreyTruth
from veason.formats.labels.made_with import model_pairs
from veason.formats.record import Split
from veason.types import Sample


def read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples in file order. Raises DataError."""
    for video, entry in read_videos(split.meta, complaints):
        with complaints.row():
            yield from _read_video(split.root, split.meta, video, entry, complaints)


def _read_video(root: Path, file: Path, video: str, entry: dict[str, Any], complaints: Complaints) -> Iterator[Sample]:
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    source = get(entry, "source", str, file, where)
    check_row(_is_part(source), file, f"{where}.source", "a name without slashes", source)
    rows = get(entry, "expressions", list, file, where)
    all_ids = tuple(dict.fromkeys(str(row.get("obj_id")) for row in rows if isinstance(row, dict)))
    all_ids = tuple(object_id for object_id in all_ids if _is_part(object_id))
    folders = {object_id: root / "Annotations" / f"{source}_{video}_{object_id}" for object_id in all_ids}
    all_folders, pictures = tuple(folders.values()), root / "JPEGImages" / video
    for place, row in enumerate(rows):
        with complaints.row():
            here = f"{where}.expressions[{place}]"
            instruction = get(row, "exp_text", str, file, here)
            for key in ("obj_id", "exp_id"):
                check_row(isinstance(row.get(key), (str, int)), file, f"{here}.{key}", "a text or number", row.get(key))
            object_id, expression_id = str(row["obj_id"]), str(row["exp_id"])
            check_row(_is_part(object_id), file, f"{here}.obj_id", "an id without slashes", object_id)
            yield Sample(
                dataset="reasonvos",
                video=video,
                expression_id=expression_id,
                instruction=instruction,
                type=None,
                frame_names=frames,
                frames_dir=pictures,
                object_ids=(object_id,),
                key=f"{source}_{video}_{object_id}/{expression_id}",
                source=GreyTruth(folders[object_id], all_folders, frames, object_id),
                models=model_pairs(row),
            )


def _is_part(name: str) -> bool:
    """Tell whether a name can be put into that of a folder without leading elsewhere."""
    return "/" not in name and "\\" not in name
