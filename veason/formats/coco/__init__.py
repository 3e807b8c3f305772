"""COCO: images/<video>/<frame>.jpg and annotations/instances_train.json, masks as compressed run-length code.

Every image names its video and its frame's number (`video_id`, `frame_index`), every annotation its object
(`track_id`, unique in the video), so that tracks survive; readers of plain COCO see images alone. Labelled frames
without an object are there without annotation. `expressions` is ours: the instructions and their objects.
Read are lists of results as well, where they name the files of their pictures.
Source: cocodataset.org; video_id, frame_id and instance_id as in CocoVID.
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
    from veason.formats.coco.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.coco.reader import read

    return read(source, finder, tally)


COCO = Format(
    name="coco",
    about="One JSON, masks as exact RLE; images and annotations know their video.",
    holds=Holds(names=True, text=True, several=True, absent=True, occluded=True, guess=True, models=True),
    write=_write,
    read=_read,
)
