"""DAVIS written: palette pictures and the list of their videos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from veason.formats.labels.options import ExportOptions
from veason.formats.labels.palettes import RESOLUTION, write_palette_video
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write the DAVIS layout."""
    names = []
    for video in videos:
        write_palette_video(video, out / "Annotations" / RESOLUTION, out / "JPEGImages" / RESOLUTION, tally, options)
        names.append(video.name)
    listing = out / "ImageSets" / "2017" / "train.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
