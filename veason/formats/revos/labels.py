"""ReVOS: instructions of any number of objects with masks as run-length code; see `veason.formats.revos.samples`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from veason.formats.benchmarks.dataset import write_revos as write
from veason.formats.benchmarks.referring import as_write_videos, read_referring
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo

SPLIT = "train"


def write_revos(videos: Iterable[LabelledVideo], out: Path, tally: Tally) -> None:
    """Write the train split of a ReVOS dataset. The format needs pictures."""
    with as_write_videos(videos, out, tally) as ready:
        write(out, ready, SPLIT)


def read_revos(source: Path, finder: VideoFinder) -> Iterator[LabelledVideo]:
    """Yield the videos of a ReVOS folder. Raises DataError."""
    return read_referring(source, "revos", finder)
