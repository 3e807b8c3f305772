"""MeViS read: samples whose masks lie as run-length code in one file a split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from veason.formats.benchmarks.rows import Complaints, check_row, get, id_list, read_videos, video_frames
from veason.formats.benchmarks.truth import RleTruth
from veason.formats.labels.made_with import model_pairs
from veason.formats.record import Split
from veason.formats.revos.reader import MASKS_FILE
from veason.types import Sample


def read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    for video, entry in read_videos(split.meta, complaints):
        with complaints.row():
            yield from _read_video(split, video, entry, complaints)


def _read_video(split: Split, video: str, entry: dict[str, Any], complaints: Complaints) -> Iterator[Sample]:
    file, folder = split.meta, split.root / split.name
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    expressions = get(entry, "expressions", dict, file, where)
    pictures = folder / "JPEGImages" / video
    masks, first_frame = folder / MASKS_FILE, pictures / f"{frames[0]}.jpg"
    all_ids = tuple(dict.fromkeys(str(number) for row in expressions.values() for number in id_list(row, "anno_id")))
    for expression_id, row in expressions.items():
        with complaints.row():
            place = f"{where}.expressions.{expression_id}"
            instruction = get(row, "exp", str, file, place)
            has_truth = "anno_id" in row
            check_row(has_truth or not split.has_truth, file, place, "the key 'anno_id'", sorted(row))
            object_ids = tuple(str(number) for number in id_list(row, "obj_id"))
            anno_ids = tuple(str(number) for number in id_list(row, "anno_id"))
            check_row(len(object_ids) == len(anno_ids), file, place, "as many obj_id as anno_id", row)
            yield Sample(
                dataset="mevis",
                video=video,
                expression_id=expression_id,
                instruction=instruction,
                models=model_pairs(row),
                type="absent" if has_truth and not anno_ids else None,
                frame_names=frames,
                frames_dir=pictures,
                object_ids=object_ids,
                key=f"{video}/{expression_id}",
                source=RleTruth(
                    file=masks,
                    foreground_file=None,
                    video=video,
                    object_ids=object_ids,
                    anno_ids=anno_ids,
                    all_anno_ids=all_ids,
                    num_frames=len(frames),
                    size_wh=None,
                    first_frame=first_frame,
                )
                if has_truth
                else None,
            )
