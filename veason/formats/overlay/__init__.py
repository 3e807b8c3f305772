"""Overlay: one MP4 a video, its labelled frames with the masks drawn in; H.264 that plays in browsers."""

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
    from veason.formats.overlay.writer import write

    write(videos, out, tally, options)


OVERLAY = Format(
    name="overlay",
    about="An MP4 a clip with the masks drawn in, to look at.",
    holds=Holds(masks="drawn", names=True, unlabelled=True),
    pictures="video needed",
    write=_write,
)
