"""Mask types (an array or an `Rle`), conversions between them, and checks that sizes and lengths agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from veason.errors import DataError
from veason.masks import check_equal_sizes, decode_mask
from veason.types import Rle

Mask = np.ndarray | Rle
"""An `(H, W)` array (every value but 0 counts as set) or an `Rle`."""

_L = TypeVar("_L")
_R = TypeVar("_R")


def size_hw_of(mask: Mask) -> tuple[int, int]:
    """Return (height, width) of a mask. Raises DataError for an array that is not two-dimensional."""
    if isinstance(mask, Rle):
        return mask.size_hw
    if mask.ndim != 2:
        raise DataError(f"a mask is (height, width), got an array of shape {mask.shape}")
    return (mask.shape[0], mask.shape[1])


def check_sizes(a: Mask, b: Mask) -> None:
    """Raise a DataError where two masks of one frame differ in size."""
    check_equal_sizes(size_hw_of(a), size_hw_of(b))


def side_by_side(left: Iterable[_L], right: Iterable[_R]) -> Iterator[tuple[_L, _R]]:
    """Yield pairs of one item each. Raises DataError where one side ends first."""
    try:
        yield from zip(left, right, strict=True)
    except ValueError as error:
        raise DataError(f"predictions and truth must cover the same frames or expressions: {error}") from error


def dense_mask(mask: Mask) -> np.ndarray:
    """Return the mask as an `(H, W)` bool array; a bool array comes back as it is."""
    if isinstance(mask, Rle):
        return decode_mask(mask)
    return mask if mask.dtype == bool else mask != 0


def grey_mask(mask: Mask) -> np.ndarray:
    """Return the mask as `(H, W)` uint8, 0 and 255, as a PNG of it would be read; a uint8 array comes back as it is."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.uint8:
        return mask
    return dense_mask(mask) * np.uint8(255)
