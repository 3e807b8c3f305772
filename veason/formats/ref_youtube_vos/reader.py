"""Ref-YouTube-VOS read: samples of one object each, whose masks lie in palette pictures."""

from __future__ import annotations

from collections.abc import Iterator

from veason.formats.benchmarks.rows import Complaints, check_row, get, read_videos, video_frames
from veason.formats.benchmarks.truth import PaletteTruth
from veason.formats.labels.made_with import model_pairs
from veason.formats.labels.numbers import is_number
from veason.formats.record import Split
from veason.types import Sample


def read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order, without test videos listed in the valid file. Raises DataError."""
    left_out: set[str] = set()
    test = split.meta.parents[1] / "test" / split.meta.name
    if split.name == "valid" and test.is_file():
        left_out = {video for video, _ in read_videos(test, complaints)}
    for sample in read_split(split, complaints):
        if sample.video not in left_out:
            yield sample


def read_split(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield all samples of a file in the form of Ref-YouTube-VOS; Ref-DAVIS17 has the same. Raises DataError."""
    file = split.meta
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            where = f"videos.{video}"
            frames = video_frames(entry, file, where, complaints)
            folder = split.root / split.name / "Annotations" / video
            pictures = split.root / split.name / "JPEGImages" / video
            for expression_id, row in get(entry, "expressions", dict, file, where).items():
                with complaints.row():
                    here = f"{where}.expressions.{expression_id}"
                    object_id = str(row.get("obj_id", "")) if isinstance(row, dict) else ""
                    is_good = is_number(object_id) and 1 <= int(object_id) <= 255
                    wanted = "the number of a palette colour, 1 to 255"
                    check_row(is_good or not split.has_truth, file, f"{here}.obj_id", wanted, row)
                    yield Sample(
                        dataset=split.kind,
                        video=video,
                        expression_id=expression_id,
                        instruction=get(row, "exp", str, file, here),
                        models=model_pairs(row),
                        type=None,
                        frame_names=frames,
                        frames_dir=pictures,
                        object_ids=(object_id,) if object_id else (),
                        key=f"{video}/{expression_id}",
                        source=PaletteTruth(folder, frames, object_id) if split.has_truth else None,
                    )
