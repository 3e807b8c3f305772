"""YOLO segmentation: images/train/<video>/<frame>.jpg, labels/train/<video>/<frame>.txt, data.yaml.

A line is `class x1 y1 x2 y2 ...`, one polygon in parts of the width and height. Classes are the objects' names; which
object of a class it is cannot be told. Points lie a quarter pixel inside their pixel, so that readers that round
(supervision) and readers that cut off (Ultralytics) find the same one. Source: the layout of Ultralytics.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Format, Holds

if TYPE_CHECKING:
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo


def _write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.yolo_seg.writer import write

    write(videos, out, tally, options)


YOLO_SEG = Format(
    name="yolo-seg",
    about="YOLO polygons, one text file a frame. Outlines only: small losses are counted.",
    holds=Holds(masks="outlines", identities=False, names=True),
    write=_write,
)
