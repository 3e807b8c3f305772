"""Shapes that others draw, as masks and boxes: polygons in parts, ellipses, turned boxes."""

from __future__ import annotations

import math

import numpy as np

from veason.boxes import clip_box
from veason.formats.labels.numbers import polygon_rle
from veason.masks import empty_mask, mask_area, union_mask
from veason.types import Box, Rle

_ROUND = 128
"""Corners of the polygon that stands for an ellipse."""

NO_PIXEL = "covering no pixel of the picture"
"""Why shapes are left out that are outside their picture, or thinner than its pixels."""

SUB_PIXEL = "smaller than a pixel, as shares of the picture would be"
"""Why boxes are left out that nobody can have drawn."""

TOO_FEW = "of fewer than 3 points"
"""Why polygons are left out that are points or lines."""


def is_sub_pixel(width: float, height: float) -> bool:
    """Tell whether both sides of a box, in pixels, are below one."""
    return width < 1 and height < 1


def turned_corners(box: Box, degrees: float) -> np.ndarray:
    """Return `(4, 2)` corners of a box turned clockwise about its middle.

    >>> turned_corners(Box(40, 55, 120, 65), 90).round().tolist()
    [[85.0, 20.0], [85.0, 100.0], [75.0, 100.0], [75.0, 20.0]]
    """
    corners = np.array([[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]], np.float64)
    return _turned(corners, ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2), degrees)


def ellipse_points(center_xy: tuple[float, float], radii_xy: tuple[float, float], degrees: float) -> np.ndarray:
    """Return `(N, 2)` points along an ellipse turned clockwise about its middle."""
    angles = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii_xy + center_xy
    return _turned(points, center_xy, degrees)


def box_around(points: np.ndarray, size_wh: tuple[int, int]) -> Box | None:
    """Return the box around `(N, 2)` points as far as it is on the picture, None where no pixel of it is."""
    (x1, y1), (x2, y2) = points.min(0).tolist(), points.max(0).tolist()
    box = clip_box(Box(*(round(value, 6) for value in (x1, y1, x2, y2))), size_wh) if x1 < x2 and y1 < y2 else None
    return box


def parts_rle(parts: list[np.ndarray], size_wh: tuple[int, int], place: str) -> Rle:
    """Return the union of polygons; empty where none of them covers a pixel.

    Raises:
        DataError: an outline is longer than any drawn by hand.
    """
    masks = [rle for part in parts if len(part) > 2 and mask_area(rle := polygon_rle(part, size_wh, place))]
    return union_mask(masks) if masks else empty_mask(size_wh)


def _turned(points: np.ndarray, center_xy: tuple[float, float], degrees: float) -> np.ndarray:
    angle = math.radians(degrees % 360)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned: np.ndarray = (points - center_xy) @ turn + center_xy
    return turned
