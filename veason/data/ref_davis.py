"""Ref-DAVIS17 as ReferFormer's convert_davis_to_ytvos.py leaves it: the files of Ref-YouTube-VOS, all with truth.

Expressions go object by object, four an object: two annotators, each with a text for the first frame and one for the
whole video. Expression i is about object i // 4, counted from 0; its annotator is i % 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from veason.data.read import Complaints, RowError
from veason.data.ref_youtube_vos import meta_file, read_split, write_split
from veason.data.write import WriteVideo
from veason.errors import DataError
from veason.types import Sample

SPLITS = ("valid", "train")
ANNOTATORS = 4


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    for sample in read_split(root, split, complaints, "ref-davis17", SPLITS):
        with complaints.row():
            check_order(sample, meta_file(root, split))
        yield sample


def annotator(sample: Sample) -> int:
    """Return which of the four sets of texts (0 to 3) an expression belongs to."""
    return int(sample.expression_id) % ANNOTATORS


def check_order(sample: Sample, file: Path) -> None:
    """Raise RowError unless expression i is about the object with id i // 4 + 1, as the official score assumes."""
    name = sample.expression_id
    wanted = str(int(name) // ANNOTATORS + 1) if name.isdecimal() else "a number as expression id"
    if (wanted,) != sample.object_ids:
        raise RowError(
            f"{file}: videos.{sample.video}.expressions.{name}.obj_id: want {wanted} (four texts an object, in order), "
            f"got {sample.object_ids}"
        )


def write_ref_davis(root: str | Path, videos: Iterable[WriteVideo], split: str = "valid") -> None:
    """Write videos as one split, one at a time.

    Raises:
        DataError: a video does not fit the format: objects are 1, 2, ... and each has four expressions, in order.
    """
    write_split(Path(root), (_checked(video) for video in videos), split, has_truth=True)


def _checked(video: WriteVideo) -> WriteVideo:
    named = [item.object_ids for item in video.expressions]
    wanted = [(object_id,) for object_id in sorted(video.objects) for _ in range(ANNOTATORS)]
    if named != wanted or sorted(video.objects) != list(range(1, len(video.objects) + 1)):
        raise DataError(
            f"video {video.name!r}: Ref-DAVIS17 wants objects 1, 2, ... with four expressions each, in order; "
            f"got objects {sorted(video.objects)}, expressions about {named}"
        )
    return video
