"""ReVOS: JPEGImages/<video>/<frame>.jpg, meta_expressions_<split>_.json, mask_dict.json, mask_dict_foreground.json.

    {"videos": {"clip_a": {"vid_id": 7, "height": 360, "width": 640, "frames": ["00000", "00001"], "expressions": {
        "0": {"exp": "the grey kite", "obj_id": [0], "anno_id": [41], "type_id": 0},
        "1": {"exp": "the sleeping otter", "obj_id": [], "anno_id": [], "type_id": 2}}}}}

mask_dict.json holds the masks of all splits by annotation id; the foreground file holds, by video, the union of every
object that any expression names. type_id: 0 referring, 1 reasoning, 2 absent.
Source: cilinyan/ReVOS-api and the loaders of cilinyan/VISA at ec158fd, described in method.md 2.4.
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
    from veason.formats.revos.reader import read

    return read(split, complaints)


def _write(split: Split, videos: Iterable[WriteVideo]) -> None:
    from veason.formats.revos.writer import write

    write(split, videos)


def _read_labels(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.benchmarks.referring import read_labels

    return read_labels(REVOS, source, finder, tally)


def _write_labels(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.benchmarks.referring import write_labels

    write_labels(REVOS, videos, out, tally)


REVOS = Format(
    name="revos",
    about="ReVOS: expressions with reasoning type, and mask_dict.json.",
    holds=Holds(text=True, several=True, absent=True, models=True),
    pictures="needed",
    write=_write_labels,
    read=_read_labels,
    benchmark=Benchmark(
        splits=("valid", "train"),
        meta=("meta_expressions_{split}.json", "meta_expressions_{split}_.json"),
        read=_read,
        write=_write,
    ),
)
