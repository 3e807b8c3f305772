"""Masks as polygons and back, exact under the rule of the YOLO readers: a pixel on the outline belongs to the polygon.

Every part of a mask is followed along the centres of its border pixels, and so is every hole. The rings are joined
into one polygon by pairs of equal edges: those between a part and its hole run over the object and change nothing;
those between parts draw lines one pixel wide, so parts stay apart where that would cost too much. Source: Ultralytics
joins parts in the same way (merge_multi_segment).
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, find_objects, label
from scipy.spatial import cKDTree

_EIGHT = np.ones((3, 3), bool)
_STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""The eight neighbours as (row, column), clockwise from the right."""

LEAST_IOU = 0.98
"""A mask of several parts stays one polygon only where the lines between its parts cost no more than this."""


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Return closed polygons around an `(H, W)` bool mask that is not empty: `(N, 2)` int xy each, N >= 3.

    It is one polygon where that keeps an IoU of LEAST_IOU, else one a part; a part full of holes is cut until its
    pieces keep it. The points are the centres of border pixels, without those inside a straight run.
    """
    parts, count = label(mask, _EIGHT)
    rings = [
        ring + np.array([where[1].start, where[0].start])
        for number, where in enumerate(find_objects(parts), start=1)
        for ring in _part_rings(parts[where] == number)
    ]
    if count > 1 and len(rings) == count:
        polygon = rings[0]
        for ring in rings[1:]:
            polygon = _join(polygon, ring)
        rings = [polygon] if _keeps(polygon, mask) else rings
    return [np.concatenate([ring, ring[-1:].repeat(max(0, 3 - len(ring)), axis=0)]) for ring in rings]


def _part_rings(part: np.ndarray) -> list[np.ndarray]:
    """Return the ring of one 8-connected part with its holes, or those of its halves where that is too inexact."""
    padded = np.pad(part, 1)
    ring = _straightened(_follow(padded))
    for hole in _holes(padded):
        ring = _join(ring, _straightened(_follow(hole)))
    ring = ring - 1
    if _keeps(ring, part):
        return [ring]
    axis = int(part.shape[1] > part.shape[0])
    middle = part.shape[axis] // 2
    halves = np.split(part, [middle], axis=axis)
    second = np.array([0, middle] if axis == 0 else [middle, 0])
    return [*outlines(halves[0]), *(polygon + second for polygon in outlines(halves[1]))]


def _keeps(polygon: np.ndarray, mask: np.ndarray) -> bool:
    drawn = filled(polygon, (mask.shape[1], mask.shape[0]))
    return bool((drawn & mask).sum() >= LEAST_IOU * (drawn | mask).sum())


def filled(polygon: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the `(H, W)` bool mask of `(N, 2)` int xy: what lies inside by the even-odd rule, and the outline."""
    width, height = size_wh
    crossings = np.zeros((height, width + 1), np.int32)
    starts, ends = polygon, np.roll(polygon, -1, axis=0)
    for (x1, y1), (x2, y2) in zip(starts.tolist(), ends.tolist(), strict=True):
        if y1 == y2:
            continue
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        rows = np.arange(y1, y2)
        columns = np.ceil(x1 + (rows - y1) * ((x2 - x1) / (y2 - y1)) - 1e-9).astype(int)
        np.add.at(crossings, (rows, np.clip(columns, 0, width)), 1)
    inside = (np.cumsum(crossings, axis=1)[:, :width] % 2).astype(bool)
    lines = Image.new("1", size_wh)
    ImageDraw.Draw(lines).line([tuple(point) for point in (*polygon.tolist(), polygon[0].tolist())], fill=1)
    drawn: np.ndarray = inside | np.asarray(lines)
    return drawn


def _holes(part: np.ndarray) -> list[np.ndarray]:
    """Return each hole of a part, grown by one pixel, so that its border lies on the part."""
    empty, count = label(~part)
    outside = empty[0, 0]
    return [binary_dilation(empty == number) for number in range(1, count + 1) if number != outside]


def _follow(part: np.ndarray) -> np.ndarray:
    """Return the border pixels of one 8-connected part in order, as `(N, 2)` xy; the part must not touch the edge.

    Source: Moore's neighbour tracing, stopped when the first step comes again (Jacob).
    """
    grid = part.tolist()
    row, column = (int(value) for value in np.argwhere(part)[0])
    points = [(column, row)]
    first_step: tuple[int, int, int] | None = None
    direction = 0
    while True:
        for turn in range(8):
            way = (direction + 5 + turn) % 8
            down, right = _STEPS[way]
            if grid[row + down][column + right]:
                break
        else:
            return np.array(points)
        step = (row, column, way)
        if step == first_step:
            return np.array(points[:-1])
        first_step = first_step or step
        row, column, direction = row + down, column + right, way
        points.append((column, row))


def _straightened(points: np.ndarray) -> np.ndarray:
    """Return a ring without the points inside straight runs."""
    if len(points) < 3:
        return points
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    kept = points[(before != after).any(axis=1)]
    return kept if len(kept) else points[:1]


def _join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the two rings as one: there and back along the shortest way between their points."""
    distances, places = cKDTree(first).query(second)
    there = int(np.argmin(distances))
    here = int(places[there])
    turned = np.concatenate([second[there:], second[:there], second[there : there + 1]])
    return np.concatenate([first[: here + 1], turned, first[here:]])
