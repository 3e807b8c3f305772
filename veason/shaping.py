"""Tools on masks: fill, clean, grow, combine and interpolate. Pure functions from run-length code to run-length code.

Every function returns a mask of the same size; lengths are in pixels. Connected means that pixels share a side or a
corner. What a tool leaves may be empty: whether that makes sense is up to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from veason.errors import DataError
from veason.masks import check_equal_sizes, decode_mask, encode_mask
from veason.types import Box, Rle

_CORNERS = np.ones((3, 3), bool)


def fill_holes(rle: Rle) -> Rle:
    """Return the mask without holes: background that is connected by sides to no edge of the picture is filled."""
    filled: np.ndarray = ndimage.binary_fill_holes(decode_mask(rle))
    return encode_mask(filled)


def drop_specks(rle: Rle, least_pixels: int) -> Rle:
    """Return the mask without the connected parts of fewer pixels than `least_pixels`; the largest part always stays.

    Raises:
        DataError: `least_pixels` is below 1.
    """
    _check_length("the least size of a part", least_pixels)
    labels, sizes = _parts(rle)
    if not len(sizes):
        return rle
    stays = sizes >= min(least_pixels, int(sizes.max()))
    return encode_mask(np.concatenate(([False], stays))[labels])


def largest_part(rle: Rle) -> Rle:
    """Return the largest connected part of the mask; of several, the one whose first pixel comes first, row by row."""
    labels, sizes = _parts(rle)
    return encode_mask(labels == int(np.argmax(sizes)) + 1) if len(sizes) else rle


def grow_mask(rle: Rle, pixels: int) -> Rle:
    """Return every pixel that is at most so far from the mask, centre to centre.

    Raises:
        DataError: `pixels` is below 1.
    """
    _check_length("a mask grows by", pixels)
    mask = decode_mask(rle)
    return encode_mask(ndimage.distance_transform_edt(~mask) <= pixels) if mask.any() else rle


def shrink(rle: Rle, pixels: int) -> Rle:
    """Return every pixel that is farther than so far from the background; beyond the picture the mask goes on.

    Raises:
        DataError: `pixels` is below 1.
    """
    _check_length("a mask shrinks by", pixels)
    mask = decode_mask(rle)
    return rle if mask.all() else encode_mask(ndimage.distance_transform_edt(mask) > pixels)


def smooth(rle: Rle, pixels: int) -> Rle:
    """Return the mask with its outline smoothed: bumps and dents narrower than some `pixels` go.

    Source: a Gaussian of sigma `pixels` / 2 over the mask, cut at one half; beyond the picture the mask goes on.

    Raises:
        DataError: `pixels` is below 1.
    """
    _check_length("a mask is smoothed by", pixels)
    blurred: np.ndarray = ndimage.gaussian_filter(decode_mask(rle).astype(np.float32), pixels / 2, mode="nearest")
    return encode_mask(blurred > 0.5)


def subtract(rle: Rle, other: Rle) -> Rle:
    """Return the pixels of a mask that are not in the other. Raises DataError where their sizes differ."""
    check_equal_sizes(rle.size_hw, other.size_hw)
    return encode_mask(decode_mask(rle) & ~decode_mask(other))


def intersect(rle: Rle, other: Rle) -> Rle:
    """Return the pixels that are in both masks. Raises DataError where their sizes differ."""
    check_equal_sizes(rle.size_hw, other.size_hw)
    return encode_mask(decode_mask(rle) & decode_mask(other))


def part_overlaps(masks: Sequence[Rle]) -> list[Rle]:
    """Return the masks of one frame so that no two share a pixel: each keeps what none before it has.

    Raises:
        DataError: their sizes differ.
    """
    taken: np.ndarray | None = None
    parted = []
    for rle in masks:
        check_equal_sizes(masks[0].size_hw, rle.size_hw)
        mask = decode_mask(rle)
        is_cut = taken is not None and bool((mask & taken).any())
        parted.append(encode_mask(mask & ~taken) if is_cut and taken is not None else rle)
        taken = mask if taken is None else taken | mask
    return parted


def interpolate_boxes(first: Box, last: Box, share: float) -> Box:
    """Return the box at `share` of the way from the first to the last, each side in a straight line.

    >>> interpolate_boxes(Box(0, 0, 4, 4), Box(8, 0, 16, 4), 0.25).xyxy
    (2.0, 0.0, 7.0, 4.0)
    """
    return Box(*(a + (b - a) * share for a, b in zip(first.xyxy, last.xyxy, strict=True)))


class MaskInterpolator:
    """Shapes between two masks: signed distances to their outlines go over into each other, around centres of gravity
    that move in a straight line, by whole pixels.

    Args:
        first: the mask at share 0.
        last: the mask at share 1, of the same size.

    Raises:
        DataError: their sizes differ, or one of them is empty.
    """

    def __init__(self, first: Rle, last: Rle) -> None:
        check_equal_sizes(first.size_hw, last.size_hw)
        masks = decode_mask(first), decode_mask(last)
        if not all(mask.any() for mask in masks):
            raise DataError("shapes are interpolated between two masks that are not empty")
        self._size_hw = first.size_hw
        self._centres = [np.argwhere(mask).mean(0) for mask in masks]
        reaches = [np.abs(np.argwhere(mask) - centre).max(0) for mask, centre in zip(masks, self._centres, strict=True)]
        self._reach = np.ceil(np.maximum(*reaches)).astype(int) + 2
        self._fields = [self._field(mask, centre) for mask, centre in zip(masks, self._centres, strict=True)]

    def at(self, share: float) -> Rle:
        """Return the mask at a share of the way, in [0, 1]; what lies beyond the picture is cut off."""
        centre = self._centres[0] + (self._centres[1] - self._centres[0]) * share
        corner = np.rint(centre).astype(int) - self._reach
        shape = self._fields[0] * (1 - share) + self._fields[1] * share > 0
        mask = np.zeros(self._size_hw, bool)
        (top, left), (height, width) = corner, shape.shape
        inside = mask[max(top, 0) : top + height, max(left, 0) : left + width]
        from_top, from_left = max(-top, 0), max(-left, 0)
        inside[:] = shape[from_top : from_top + inside.shape[0], from_left : from_left + inside.shape[1]]
        return encode_mask(mask)

    def _field(self, mask: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """Return signed distances to the outline, above 0 inside, over a window around the centre of gravity."""
        pad = int(self._reach.max()) + 2
        padded = np.pad(mask, pad)
        top, left = np.rint(centre).astype(int) - self._reach + pad
        window = padded[top : top + 2 * self._reach[0] + 1, left : left + 2 * self._reach[1] + 1]
        signed = ndimage.distance_transform_edt(window) - ndimage.distance_transform_edt(~window)
        field: np.ndarray = (signed - np.sign(signed) * 0.5).astype(np.float32)  # the outline lies between pixels
        return field


def _parts(rle: Rle) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of the connected parts, `(H, W)` from 1, and the pixels of each."""
    labels, number = ndimage.label(decode_mask(rle), _CORNERS)
    return labels, np.bincount(labels.ravel(), minlength=number + 1)[1:]


def _check_length(what: str, pixels: int) -> None:
    if pixels < 1:
        raise DataError(f"{what} 1 pixel or more, got {pixels}")
