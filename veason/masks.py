"""Masks as run-length code: encode, decode, union, boxes. Thin names over pycocotools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from veason.errors import DataError
from veason.libraries import library_imports
from veason.types import Box, Rle

with library_imports():
    from pycocotools import mask as coco


def encode_mask(mask: np.ndarray) -> Rle:
    """Return an `(H, W)` bool or 0/1 mask as RLE.

    Raises:
        DataError: the array has not two dimensions.
    """
    if mask.ndim != 2:
        raise DataError(f"a mask is (height, width), got an array of shape {mask.shape}")
    pixels = mask.view(np.uint8) if mask.dtype == bool else mask  # a column-major bool mask is read as it is
    code = coco.encode(np.asfortranarray(pixels, dtype=np.uint8))
    height, width = mask.shape
    return Rle((height, width), code["counts"].decode("ascii"))


def decode_mask(rle: Rle) -> np.ndarray:
    """Return the `(H, W)` bool mask of an RLE."""
    pixels: np.ndarray = coco.decode(coco_dict(rle)).astype(bool)
    return pixels


def coco_dict(rle: Rle) -> dict[str, Any]:
    """Return the form pycocotools and COCO files use: `{"size": [h, w], "counts": text}`."""
    return {"size": list(rle.size_hw), "counts": rle.counts}


def rle_from_coco(entry: Mapping[str, Any]) -> Rle:
    """Return an Rle from a COCO dictionary whose counts are compressed (text or bytes) or a plain list of runs."""
    height, width = (int(side) for side in entry["size"])
    counts = entry["counts"]
    if isinstance(counts, list):
        counts = coco.frPyObjects(entry, height, width)["counts"]
    return Rle((height, width), counts.decode("ascii") if isinstance(counts, bytes) else counts)


def mask_area(rle: Rle) -> int:
    """Return the number of pixels set."""
    return int(coco.area(coco_dict(rle)))


def empty_mask(size_wh: tuple[int, int]) -> Rle:
    """Return the RLE of an all-zero mask for a picture of `size_wh`."""
    width, height = size_wh
    return rle_from_coco({"size": [height, width], "counts": [width * height]})


def mask_box(rle: Rle) -> Box | None:
    """Return the tight half-open box around the pixels set, or None for an empty mask."""
    if mask_area(rle) == 0:
        return None
    x, y, width, height = (float(value) for value in coco.toBbox(coco_dict(rle)))
    return Box(x, y, x + width, y + height)


def check_equal_sizes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Raise DataError where the sizes of two masks of one frame, height first, differ."""
    if tuple(a) != tuple(b):
        raise DataError(
            f"two masks of one frame must have one size (height, width), got {a} and {b}: "
            "save them at the size of the video"
        )


def union_mask(rles: Sequence[Rle]) -> Rle:
    """Return the union of one or more masks of equal size.

    Raises:
        DataError: there is no mask, or their sizes differ.
    """
    if not rles:
        raise DataError("a union is made of one mask or more, got none: use empty_mask for a picture without one")
    for rle in rles[1:]:
        check_equal_sizes(rles[0].size_hw, rle.size_hw)
    merged = coco.merge([coco_dict(rle) for rle in rles])
    return Rle(rles[0].size_hw, merged["counts"].decode("ascii"))


def mask_iou(a: Rle, b: Rle) -> float:
    """Return intersection over union of two masks, in [0, 1]; 1.0 where both are empty.

    Raises:
        DataError: their sizes differ.
    """
    check_equal_sizes(a.size_hw, b.size_hw)
    if mask_area(a) == 0 and mask_area(b) == 0:
        return 1.0
    return float(coco.iou([coco_dict(a)], [coco_dict(b)], [0])[0, 0])


def davis_palette() -> np.ndarray:
    """Return `(256, 3)` uint8 RGB: the colours in which DAVIS stores object ids.

    Source: the PASCAL VOC colour map, which spreads the bits of the id over the three channels, lowest bit brightest.

    >>> davis_palette()[1:4].tolist()
    [[128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    ids = np.arange(256)[:, None]
    places = np.arange(3)[None]
    colors = np.zeros((256, 3), np.int64)
    for bit in range(8):
        colors |= ((ids >> (3 * bit + places)) & 1) << (7 - bit)
    return colors.astype(np.uint8)


_MOST_DIGITS = 7
"""A run of COCO's code has at most so many characters, of five bits each."""


def check_runs(counts: bytes, size_hw: tuple[int, int]) -> None:
    """Raise DataError unless a compressed run-length code is one of `size_hw`: no library is asked, which might crash.

    >>> check_runs(encode_mask(np.eye(3)).counts.encode(), (3, 3))
    """
    area = size_hw[0] * size_hw[1]
    if len(counts) > 2 * area + 2 * _MOST_DIGITS:
        raise DataError(f"a mask of (height, width) {size_hw} cannot have {len(counts)} characters of code")
    digits = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if not digits.size or digits.min() < 0 or digits.max() > 63 or digits[-1] & 32:
        raise DataError("a mask is not compressed run-length code")
    ends = np.flatnonzero(~digits & 32)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _MOST_DIGITS:
        raise DataError("a mask has a run beyond any picture")
    places = np.arange(digits.size) - np.repeat(starts, lengths)
    runs = np.add.reduceat((digits & 31) << (5 * places), starts)
    runs = np.where(digits[ends] & 16, runs - (1 << (5 * lengths)), runs)
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    if runs.min() < 0 or runs.max() > area or int(runs.sum()) != area:
        raise DataError(f"the runs of a mask do not add up to its (height, width) {size_hw}")
