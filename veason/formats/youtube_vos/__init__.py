"""YouTube-VOS: the palette pictures of DAVIS, and a list of objects with the frames they are on.

    train/Annotations/<video>/00012.png   train/JPEGImages/...   train/meta.json

Source: the layout of YouTube-VOS 2018.
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
    from veason.formats.youtube_vos.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.labels.palettes import read

    return read(source, finder, tally)


YOUTUBE_VOS = Format(
    name="youtube-vos",
    about="Palette PNG with meta.json, every object with the frames it is on.",
    holds=Holds(masks="one object a pixel", names=True),
    write=_write,
    read=_read,
)
