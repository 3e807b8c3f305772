"""MeViS: <split>/JPEGImages/<video>/<frame>.jpg, <split>/meta_expressions.json, <split>/mask_dict.json.

    {"videos": {"a1b2c3": {"vid_id": 0, "frames": ["00000", "00001"], "expressions": {
        "0": {"exp": "bird moving left", "obj_id": [0, 2], "anno_id": [5, 7]}}}}}

As ReVOS without sizes and types. "valid_u" is the split that is scored offline; "valid" has no public ground truth. A
sentence without objects (MeViSv2) is about an absent target. Source: henghuiding/MeViS, described in method.md 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Benchmark, Format, Holds, Split

if TYPE_CHECKING:
    from veason.formats.benchmarks.rows import Complaints
    from veason.formats.benchmarks.videos import WriteVideo
    from veason.formats.labels.footage import VideoFinder
    from veason.formats.labels.import_tally import ImportTally
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo
    from veason.types import Sample


def _read(split: Split, complaints: Complaints) -> Iterator[Sample]:
    from veason.formats.mevis.reader import read

    return read(split, complaints)


def _write(split: Split, videos: Iterable[WriteVideo]) -> None:
    from veason.formats.mevis.writer import write

    write(split, videos)


def _read_labels(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.benchmarks.referring import read_labels

    return read_labels(MEVIS, source, finder, tally)


def _write_labels(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.benchmarks.referring import write_labels

    write_labels(MEVIS, videos, out, tally)


MEVIS = Format(
    name="mevis",
    about="MeViS: meta_expressions.json and mask_dict.json.",
    holds=Holds(text=True, several=True, absent=True, models=True),
    pictures="needed",
    write=_write_labels,
    read=_read_labels,
    benchmark=Benchmark(
        splits=("valid_u", "train", "valid"),
        meta=("{split}/meta_expressions.json",),
        read=_read,
        write=_write,
        without_truth=("valid",),
    ),
)
