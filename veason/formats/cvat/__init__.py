"""CVAT for video 1.1: one XML file a video.

An object has a track for each of its masks, and one of the boxes around them; `group_id` ties them, and so does the
attribute `object_id`. Every shape is a keyframe (CVAT would interpolate between others); an `outside` shape ends a
stretch on which the object is visible. Mask rows run left to right within `left, top, width, height`, counts start with
background. The first shape of an object carries the instructions about it. Read is all that CVAT writes as 1.1, for
video and for images, of tasks, jobs and projects. Source: CVAT's docs, "XML annotation format", and
cvat/apps/dataset_manager.
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
    from veason.formats.cvat.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.cvat.reader import read

    return read(source, finder, tally)


CVAT = Format(
    name="cvat",
    about="CVAT for video 1.1 XML: masks and boxes as tracks, with outside and keyframe.",
    holds=Holds(names=True, text=True, several=True, occluded=True, boxes=True, models=True),
    pictures="never",
    write=_write,
    read=_read,
)
