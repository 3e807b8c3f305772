"""Benchmark datasets by the names of their formats, all giving the same `Sample`.

dataset = open_dataset("ReVOS", "revos")          # reads the expressions; masks decode when asked for
dataset[0].truth(12)                              # (H, W) bool

write_dataset("made", "revos", videos, "train")   # an iterable of WriteVideo, taken one at a time
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from veason.errors import DataError
from veason.formats.benchmarks.dataset import Dataset, read_dataset, to_videos
from veason.formats.benchmarks.rows import Complaints
from veason.formats.benchmarks.videos import WriteExpression, WriteVideo
from veason.formats.catalogue import BENCHMARKS, format_named
from veason.formats.record import Format

__all__ = [
    "Dataset",
    "WriteExpression",
    "WriteVideo",
    "open_dataset",
    "present_splits",
    "to_videos",
    "write_dataset",
]


def open_dataset(
    root: str | Path, kind: str, split: str | None = None, *, complaints: Complaints | None = None
) -> Dataset:
    """Read the expressions of a dataset; its masks and pictures are opened only when a sample is asked for them.

    Args:
        root: folder of the dataset.
        kind: one of BENCHMARKS.
        split: one of the format's, by default the one that is scored.
        complaints: collects what is wrong instead of raising (see `veason.formats.benchmarks.check`).

    Raises:
        DataError: the kind or split is unknown, or a file is missing or not what the format promises.
    """
    format = _format(kind)
    return read_dataset(format.as_benchmark(), format.split(Path(root), split), complaints or Complaints())


def present_splits(root: str | Path, kind: str) -> tuple[str, ...]:
    """Return the splits whose file of expressions is there. Raises DataError for an unknown kind."""
    return tuple(split.name for split in _format(kind).present_splits(Path(root)))


def write_dataset(root: str | Path, kind: str, videos: Iterable[WriteVideo], split: str | None = None) -> None:
    """Write videos as one split of a dataset, by default the one that is scored.

    Raises:
        DataError: the kind or split is unknown, or the videos do not fit the format.
    """
    format = _format(kind)
    format.as_benchmark().write(format.split(Path(root), split), videos)


def _format(kind: str) -> Format:
    if kind not in BENCHMARKS:
        raise DataError(f"unknown kind of dataset {kind!r}: choose one of {', '.join(BENCHMARKS)}")
    return format_named(kind)
