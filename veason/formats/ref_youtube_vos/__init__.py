"""Ref-YouTube-VOS: meta_expressions/<split>/meta_expressions.json, <split>/JPEGImages/, <split>/Annotations/ (palette).

    {"videos": {"0a1b": {"frames": ["00000", "00005"], "expressions": {"0": {"exp": "a dog", "obj_id": "1"}}}}}

One object an expression. Only train has ground truth. The published valid file lists the test videos as well: those
that the test file names are left out. Frames are usually every fifth of the film, and only these are on disk.
Source: the challenge's files and VISA's loaders, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Benchmark, Format, Holds, Split

if TYPE_CHECKING:
    from veason.formats.benchmarks.rows import Complaints
    from veason.formats.benchmarks.videos import WriteVideo
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo
    from veason.types import Sample


def _read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    from veason.formats.ref_youtube_vos.reader import read

    return read(split, complaints)


def _write(split: Split, videos: Iterable[WriteVideo]) -> None:
    from veason.formats.ref_youtube_vos.writer import write

    write(split, videos)


def _write_labels(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.benchmarks.referring import write_labels
    from veason.formats.ref_youtube_vos.single import with_one_object_each

    write_labels(REF_YOUTUBE_VOS, with_one_object_each(videos, tally), out, tally)


REF_YOUTUBE_VOS = Format(
    name="ref-youtube-vos",
    about="Ref-YouTube-VOS: expressions over YouTube-VOS masks.",
    holds=Holds(masks="one object a pixel", text=True, models=True),
    pictures="needed",
    write=_write_labels,
    benchmark=Benchmark(
        splits=("valid", "train", "test"),
        meta=("meta_expressions/{split}/meta_expressions.json",),
        read=_read,
        write=_write,
        without_truth=("valid", "test"),
    ),
)
