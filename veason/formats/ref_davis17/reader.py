"""Ref-DAVIS17 read: the samples of Ref-YouTube-VOS, four an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from veason.formats.benchmarks.rows import Complaints, RowError, check_row
from veason.formats.labels.numbers import is_number
from veason.formats.record import Split
from veason.formats.ref_youtube_vos.reader import read_split
from veason.types import Sample

ANNOTATORS = 4
"""Sets of texts about every object."""


def read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    first: dict[tuple[str, int], Sample] = {}
    for sample in read_split(split, complaints):
        with complaints.row():
            _check_order(sample, first, split.meta)
        yield sample


def annotator(sample: Sample) -> int:
    """Return which of the four sets of texts (0 to 3) an expression belongs to."""
    return int(sample.expression_id) % ANNOTATORS


def _check_order(sample: Sample, first: dict[tuple[str, int], Sample], file: Path) -> None:
    """Raise RowError unless the four texts i // 4 are about one object, as the official score assumes.

    `first` collects the first text of each object. The ids need not ascend: the published conversion sorts them as
    text, so that object 10 comes before object 2.
    """
    name = sample.expression_id
    check_row(is_number(name), file, f"videos.{sample.video}.expressions.{name}", "a number as expression id", name)
    leader = first.setdefault((sample.video, int(name) // ANNOTATORS), sample)
    if leader.object_ids != sample.object_ids:
        raise RowError(
            f"{file}: videos.{sample.video}.expressions.{name}.obj_id: want {leader.object_ids[0]} as expression "
            f"{leader.expression_id} (four texts an object, in order), got {sample.object_ids[0]}"
        )
