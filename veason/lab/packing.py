"""Predicted masks of a run as run lengths in Parquet, a file for some hundred cases, and an index of who is where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from veason.formats.benchmarks.predictions import prediction_folder, read_prediction
from veason.libraries import library_imports
from veason.masks import encode_mask
from veason.types import Rle, Sample

CASES_A_FILE = 200
INDEX_FILE = "index.parquet"

_Item = TypeVar("_Item")


def saved_masks(predictions: Path, sample: Sample, frames: Iterable[int] | None = None) -> Iterator[tuple[int, Rle]]:
    """Yield frame index and mask of every saved picture that is not black, or of those of some `frames`.

    Raises:
        DataError: a picture cannot be read.
    """
    folder = prediction_folder(predictions, sample)
    for index in range(len(sample.frame_names)) if frames is None else frames:
        if not (folder / f"{sample.frame_names[index]}.png").is_file():
            continue
        picture = read_prediction(predictions, sample, index)
        if picture.any():
            yield index, encode_mask(picture > 0)


def pack_masks(cases: Iterable[tuple[str, Iterable[tuple[int, Rle]]]], folder: Path) -> None:
    """Write the masks of cases, each given by its key with (frame index, mask)."""
    with library_imports():
        import polars as pl
    folder.mkdir(parents=True)
    schema = {"key": pl.String, "frame": pl.Int32, "height": pl.Int32, "width": pl.Int32, "counts": pl.String}
    index: list[tuple[str, str]] = []
    for number, block in enumerate(batched(cases, CASES_A_FILE)):
        file = f"{number:05d}.parquet"
        rows = [(key, frame, *rle.size_hw, rle.counts) for key, masks in block for frame, rle in masks]
        pl.DataFrame(rows, schema, orient="row").write_parquet(folder / file)
        index += [(key, file) for key, _ in block]
    names = {"key": pl.String, "file": pl.String}
    pl.DataFrame(index, names, orient="row").write_parquet(folder / INDEX_FILE)


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield the items in lists of `size`, the last one shorter."""
    source = iter(items)
    while block := list(islice(source, size)):
        yield block
