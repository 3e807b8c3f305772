"""Mask boundaries as bit sets, which compare fast, and a cache of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from veason.masks import decode_mask, mask_box
from veason.metrics.forms import Mask, size_hw_of
from veason.types import Rle

TOLERANCE = 0.008
"""Distance up to which two boundaries agree, as a share of the frame's diagonal. Source: DAVIS 2017."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The boundary of one mask as a bit set.

    Pixel (x, y) is bit `y * (width + radius) + x` of an integer, where `radius` is the tolerance in pixels; the gap
    between rows keeps shifts from running over.

    Attributes:
        size_hw: height and width of the mask.
        edge: the boundary pixels.
        reach: all pixels within the tolerance of a boundary pixel.
        length: number of boundary pixels.
    """

    size_hw: tuple[int, int]
    edge: int
    reach: int
    length: int


def outline(mask: Mask) -> Outline:
    """Return the outline of a mask, for `boundary_f`.

    A pixel is on the boundary where it differs from its right, lower or lower-right neighbour in the frame.
    Source: davis2017-evaluation, davis2017/metrics.py _seg2bmap @30b698a; the disk is skimage.morphology.disk.
    """
    size_hw = size_hw_of(mask)
    _, width = size_hw
    radius = math.ceil(TOLERANCE * float(np.linalg.norm(size_hw)))
    window = _window(mask)
    if window is None:
        return Outline(size_hw, 0, 0, 0)
    (y1, y2), (x1, x2) = window
    dense = decode_mask(mask) if isinstance(mask, Rle) else mask
    # Outside the window all is background, so its last row and column tell the truth unless they end the frame; there
    # the official map compares a pixel with itself, which is what repeating the edge does.
    inside = np.empty((y2 - y1 + 1, x2 - x1 + 1), bool)
    np.not_equal(dense[y1:y2, x1:x2], 0, out=inside[:-1, :-1])
    inside[-1] = inside[-2]
    inside[:, -1] = inside[:, -2]
    here, right, below, across = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
    stride = width + radius
    rows = np.zeros((y2 - y1, stride), bool)
    rows[:, x1:x2] = (here ^ right) | (here ^ below) | (here ^ across)
    edge = int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little") << (y1 * stride)
    return Outline(size_hw, edge, _dilate(edge, radius, stride), edge.bit_count())


def _dilate(bits: int, radius: int, stride: int) -> int:
    """Return the bits within `radius` of a set one. Widen row by row, then stack each width at its heights."""
    if not bits:
        return 0
    first = (bits & -bits).bit_length() - 1
    lead = max(first // stride - radius, 0) * stride
    bits >>= lead  # the empty rows above cost nothing
    heights: dict[int, list[int]] = {}
    for dy in range(radius + 1):
        heights.setdefault(math.isqrt(radius * radius - dy * dy), []).append(dy)
    wide, reach = bits, 0
    for half in range(radius + 1):
        if half:
            wide |= (bits << half) | (bits >> half)
        for dy in heights.get(half, ()):
            reach |= (wide << (dy * stride)) | (wide >> (dy * stride))
    return reach << lead


def _window(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return rows and columns, half-open, that hold every boundary pixel, or None for an empty mask."""
    height, width = size_hw_of(mask)
    if isinstance(mask, Rle):
        box = mask_box(mask)
        if box is None:
            return None
        x1, y1, x2, y2 = (int(value) for value in box.xyxy)
    else:
        rows = np.flatnonzero(mask.any(1))
        if not len(rows):
            return None
        y1, y2 = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(mask[y1:y2].any(0))
        x1, x2 = int(columns[0]), int(columns[-1]) + 1
    return (max(y1 - 1, 0), min(y2 + 1, height)), (max(x1 - 1, 0), min(x2 + 1, width))


class OutlineCache:
    """A cache of outlines by RLE mask; it holds at most `limit`, and drops the one used longest ago.

    One for a process is enough: expressions of a video share their objects.
    """

    def __init__(self, limit: int = 512) -> None:
        self.limit = limit
        self._outlines: OrderedDict[Rle, Outline] = OrderedDict()

    def outline(self, mask: Rle) -> Outline:
        """Return `outline(mask)`, from the cache where it is there."""
        found = self._outlines.get(mask)
        if found is None:
            found = self._outlines[mask] = outline(mask)
            if len(self._outlines) > self.limit:
                self._outlines.popitem(last=False)
        else:
            self._outlines.move_to_end(mask)
        return found
