"""What the scripted annotator sees in a mask and in the one drawn by hand: where they differ most, and what mends it.

Masks are `(H, W)` bool; points are x and y in pixels.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage
from skimage.graph import route_through_array
from skimage.measure import approximate_polygon, find_contours


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the IoU of two masks, 1 where both are empty."""
    union = int((mask | truth).sum())
    return float((mask & truth).sum()) / union if union else 1.0


def largest(error: np.ndarray) -> np.ndarray:
    """Return the largest connected part."""
    labelled, count = ndimage.label(error)
    sizes = ndimage.sum_labels(np.ones_like(labelled), labelled, range(1, count + 1))
    return labelled == int(np.argmax(sizes)) + 1


def middle(part: np.ndarray) -> tuple[float, float]:
    """Return the x and y of the pixel that is deepest inside."""
    inside = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return float(x), float(y)


def corners(mask: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and last corner of the tight box."""
    ys, xs = np.nonzero(mask)
    return (float(xs.min()), float(ys.min())), (float(xs.max()), float(ys.max()))


def to_and_fro(part: np.ndarray, apart: int) -> list[tuple[float, float]]:
    """Return a way over a connected part, along rows that are `apart`, that never leaves it."""
    stops: list[tuple[int, int]] = []
    for number, y in enumerate(range(int(np.nonzero(part)[0].min()), part.shape[0], apart)):
        (xs,) = np.nonzero(part[y])
        if xs.size:
            ends = [(y, int(xs[0])), (y, int(xs[-1]))]
            stops += ends if number % 2 == 0 else ends[::-1]
    costs = np.where(part, 1, 10_000)
    way = [stops[0]]
    for start, stop in itertools.pairwise(stops):
        way += route_through_array(costs, start, stop)[0][1:]
    corners = approximate_polygon(np.array(way, float), 0.7) if len(way) > 1 else way
    return [(float(x), float(y)) for y, x in corners]


def outlines(mask: np.ndarray, off: float = 2.0, least: int = 30) -> list[tuple[list[tuple[float, float]], bool]]:
    """Return ways around the parts of a mask and around its holes, each with whether it is a hole; the largest first.

    A way is at most `off` pixels from the edge. Parts and holes of fewer than `least` pixels are left out.
    """
    filled = ndimage.binary_fill_holes(mask)
    found = []
    for area, is_hole in ((filled, False), (filled & ~mask, True)):
        labelled, count = ndimage.label(area)
        parts = [labelled == number for number in range(1, count + 1)]
        found += [(part, is_hole) for part in sorted(parts, key=np.count_nonzero, reverse=True)]
    ways = []
    for part, is_hole in found:
        if np.count_nonzero(part) >= least:
            around = find_contours(np.pad(part, 1).astype(float), 0.5)[0] - 1
            ways.append(([(float(x), float(y)) for y, x in approximate_polygon(around, off)], is_hole))
    return ways


def one_key(mask: np.ndarray, truth: np.ndarray, goal: float) -> str | None:
    """Return the key of a mask tool that alone brings a mask to an IoU of `goal`, None where none does."""
    if not mask.any():
        return None
    tools = {"Shift+L": largest(mask), "Shift+F": ndimage.binary_fill_holes(mask)}
    return next((key for key, result in tools.items() if iou(result, truth) >= goal), None)
