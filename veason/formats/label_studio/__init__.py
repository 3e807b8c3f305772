"""Label Studio: its video tasks hold boxes only, so masks go into one image task a frame.

    frames.json   masks as brush strokes, one task a labelled frame     frames.xml  the labelling interface for it
    videos.json   boxes on the timeline, one task a video               videos.xml
    images/<video>/<frame>.jpg   to be served by Label Studio's local storage

A label of ours is an object's name and id ("dog 2"), which is how objects stay apart; regions of one such label are
parts of the object. Of other labels each region is an object where a frame has two. Frames of video tasks count from 1.
Source: labelstud.io, "Export results in JSON", and label_studio_sdk.converter.
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
    from veason.formats.label_studio.writer import write

    write(videos, out, tally, options)


def _read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    from veason.formats.label_studio.reader import read

    return read(source, finder, tally)


LABEL_STUDIO = Format(
    name="label-studio",
    about="Label Studio JSON with brush masks.",
    holds=Holds(names=True, text=True, several=True, absent=True, boxes=True, guess=True, models=True),
    write=_write,
    read=_read,
)
