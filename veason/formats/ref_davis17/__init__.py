"""Ref-DAVIS17 as ReferFormer's convert_davis_to_ytvos.py leaves it: the files of Ref-YouTube-VOS, all with truth.

Expressions go object by object, four an object: two annotators, each with a text for the first frame and one for the
whole video. Expression i is about object i // 4, counted from 0; its annotator is i % 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from veason.formats.record import Benchmark, Format, Holds, Split

if TYPE_CHECKING:
    from veason.formats.benchmarks.rows import Complaints
    from veason.formats.benchmarks.videos import WriteVideo
    from veason.types import Sample


def _read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    from veason.formats.ref_davis17.reader import read

    return read(split, complaints)


def _write(split: Split, videos: Iterable[WriteVideo]) -> None:
    from veason.formats.ref_davis17.writer import write

    write(split, videos)


REF_DAVIS17 = Format(
    name="ref-davis17",
    about="Ref-DAVIS17: four instructions an object over palette PNG; it is scored, labels are not written as it.",
    holds=Holds(masks="one object a pixel", text=True, models=True),
    pictures="needed",
    benchmark=Benchmark(
        splits=("valid", "train"),
        meta=("meta_expressions/{split}/meta_expressions.json",),
        read=_read,
        write=_write,
    ),
)
