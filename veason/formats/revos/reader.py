"""ReVOS read: samples whose masks lie as run-length code in one file for all splits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veason.formats.benchmarks.rows import Complaints, check_row, get, id_list, read_videos, video_frames, video_size
from veason.formats.benchmarks.truth import RleTruth
from veason.formats.labels.made_with import model_pairs
from veason.formats.record import Split
from veason.types import Sample, SampleType

TYPES_BY_ID: tuple[SampleType, ...] = ("referring", "reasoning", "absent")
"""The types in the order of `type_id`, which counts from 0."""

MASKS_FILE, FOREGROUND_FILE = "mask_dict.json", "mask_dict_foreground.json"


def read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    root, file = split.root, split.meta
    pictures = root / "JPEGImages" if (root / "JPEGImages").is_dir() else root  # some copies have no such folder
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            yield from _read_video(root, file, pictures, video, entry, complaints)


def _read_video(
    root: Path, file: Path, pictures: Path, video: str, entry: dict[str, Any], complaints: Complaints
) -> Iterator[Sample]:
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    size_wh = video_size(entry, file, where)
    expressions = get(entry, "expressions", dict, file, where)
    folder = pictures / video
    masks, foreground, first_frame = root / MASKS_FILE, root / FOREGROUND_FILE, folder / f"{frames[0]}.jpg"
    all_ids = tuple(dict.fromkeys(str(number) for row in expressions.values() for number in id_list(row, "anno_id")))
    for expression_id, row in expressions.items():
        with complaints.row():
            place = f"{where}.expressions.{expression_id}"
            object_ids = tuple(str(number) for number in id_list(row, "obj_id"))
            anno_ids = tuple(str(number) for number in id_list(row, "anno_id"))
            type_id = get(row, "type_id", int, file, place)
            check_row(type_id in (0, 1, 2), file, f"{place}.type_id", "0, 1 or 2", type_id)
            check_row(len(object_ids) == len(anno_ids), file, place, "as many obj_id as anno_id", row)
            if (TYPES_BY_ID[type_id] == "absent") == bool(anno_ids):
                complaints.note(f"{file}: {place}: want annotations for types 0 and 1 and none for 2, got {row}")
            yield Sample(
                dataset="revos",
                video=video,
                expression_id=expression_id,
                instruction=get(row, "exp", str, file, place),
                models=model_pairs(row),
                type=TYPES_BY_ID[type_id],
                frame_names=frames,
                frames_dir=folder,
                object_ids=object_ids,
                key=f"{video}/{expression_id}",
                size_wh=size_wh,
                source=RleTruth(
                    file=masks,
                    foreground_file=foreground,
                    video=video,
                    object_ids=object_ids,
                    anno_ids=anno_ids,
                    all_anno_ids=all_ids,
                    num_frames=len(frames),
                    size_wh=size_wh,
                    first_frame=first_frame,
                ),
            )
