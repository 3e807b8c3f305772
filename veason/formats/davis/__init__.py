"""DAVIS: one palette PNG a frame whose pixel value is the object id.

    Annotations/Full-Resolution/<video>/00012.png   JPEGImages/...   ImageSets/2017/train.txt

The name of a file is its frame's number in the whole video. A pixel of several objects goes to the highest score.
Pictures are written for labelled frames only. Source: the layout of DAVIS 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Format, Holds

if TYPE_CHECKING:
    from veason.formats.labels.footage import VideoFinder
    from veason.formats.labels.import_tally import ImportTally
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo


def _write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.davis.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.labels.palettes import read

    return read(source, finder, tally)


DAVIS = Format(
    name="davis",
    about="Palette PNG, one a frame; a pixel holds one object. As DAVIS and most VOS code reads it.",
    holds=Holds(masks="one object a pixel"),
    write=_write,
    read=_read,
)
