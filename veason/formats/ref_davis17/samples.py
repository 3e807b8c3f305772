"""Ref-DAVIS17 as ReferFormer's convert_davis_to_ytvos.py leaves it: the files of Ref-YouTube-VOS, all with truth.

Expressions go object by object, four an object: two annotators, each with a text for the first frame and one for the
whole video. Expression i is about object i // 4, counted from 0; its annotator is i % 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from veason.errors import DataError
from veason.formats.benchmarks.read import Complaints, RowError, check_row
from veason.formats.benchmarks.write import WriteVideo
from veason.formats.ref_youtube_vos.samples import meta_file, read_split, write_split
from veason.types import Sample

SPLITS = ("valid", "train")
ANNOTATORS = 4


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    first: dict[tuple[str, int], Sample] = {}
    for sample in read_split(root, split, complaints, "ref-davis17", SPLITS):
        with complaints.row():
            check_order(sample, first, meta_file(root, split))
        yield sample


def annotator(sample: Sample) -> int:
    """Return which of the four sets of texts (0 to 3) an expression belongs to."""
    return int(sample.expression_id) % ANNOTATORS


def check_order(sample: Sample, first: dict[tuple[str, int], Sample], file: Path) -> None:
    """Raise RowError unless the four texts i // 4 are about one object, as the official score assumes.

    `first` collects the first text of each object. The ids need not ascend: the published conversion sorts them as
    text, so that object 10 comes before object 2.
    """
    name = sample.expression_id
    check_row(name.isdecimal(), file, f"videos.{sample.video}.expressions.{name}", "a number as expression id", name)
    leader = first.setdefault((sample.video, int(name) // ANNOTATORS), sample)
    if leader.object_ids != sample.object_ids:
        raise RowError(
            f"{file}: videos.{sample.video}.expressions.{name}.obj_id: want {leader.object_ids[0]} as expression "
            f"{leader.expression_id} (four texts an object, in order), got {sample.object_ids[0]}"
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
