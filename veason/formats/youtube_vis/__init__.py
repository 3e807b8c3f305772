"""YouTube-VIS: one annotation an object, with a mask or null for each listed frame of its video.

    train/JPEGImages/<video>/<frame>.jpg   train/instances.json

`file_names` lists the labelled frames; a file is called by its frame's number in the whole video. `expressions` is
ours: the instructions and the annotations they are about. Source: the layout of YouTube-VIS 2019, whose tools read
compressed run-length code as well as plain counts.
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
    from veason.formats.youtube_vis.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.youtube_vis.reader import read

    return read(source, finder, tally)


YOUTUBE_VIS = Format(
    name="youtube-vis",
    about="One JSON, a track a row with RLE for every frame.",
    holds=Holds(names=True, text=True, several=True, absent=True, guess=True, models=True),
    write=_write,
    read=_read,
)
