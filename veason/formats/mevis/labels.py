"""MeViS: as ReVOS, without sizes and types; see `veason.formats.mevis.samples`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from veason.formats.benchmarks.dataset import write_mevis as write
from veason.formats.benchmarks.referring import as_write_videos, read_referring
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo

SPLIT = "train"


def write_mevis(videos: Iterable[LabelledVideo], out: Path, tally: Tally) -> None:
    """Write the train split of a MeViS dataset. The format needs pictures."""
    with as_write_videos(videos, out, tally) as ready:
        write(out, ready, SPLIT)


def read_mevis(source: Path, finder: VideoFinder) -> Iterator[LabelledVideo]:
    """Yield the videos of a MeViS folder. Raises DataError."""
    return read_referring(source, "mevis", finder)
