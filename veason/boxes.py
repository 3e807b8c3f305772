"""Boxes as numbers: clip, scale, overlap and matching. Pure numpy and scipy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from veason.types import Box


def clip_box(box: Box, size_wh: tuple[int, int]) -> Box | None:
    """Return the part of `box` inside a picture of `size_wh`, or None where nothing of it is inside.

    >>> clip_box(Box(-5, 2, 20, 8), (10, 10))
    Box(x1=0, y1=2, x2=10, y2=8)
    """
    width, height = size_wh
    x1, y1, x2, y2 = max(box.x1, 0), max(box.y1, 0), min(box.x2, width), min(box.y2, height)
    return Box(x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def scale_box(box: Box, from_wh: tuple[float, float], to_wh: tuple[float, float]) -> Box:
    """Return `box` moved from a picture of size `from_wh` to the same picture at `to_wh`, both (width, height)."""
    sx, sy = to_wh[0] / from_wh[0], to_wh[1] / from_wh[1]
    return Box(box.x1 * sx, box.y1 * sy, box.x2 * sx, box.y2 * sy)


def boxes_array(boxes: Sequence[Box]) -> np.ndarray:
    """Return `(N, 4)` float64 xyxy, `(0, 4)` for no box."""
    return np.array([box.xyxy for box in boxes], dtype=np.float64).reshape(-1, 4)


def box_iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Return the IoU of every pair: `(N, 4)` and `(M, 4)` half-open xyxy give `(N, M)` float64 in [0, 1].

    An empty box matches nothing (0, never NaN). Source: departs from Veason-R1 `batch_iou`, which counts both end
    pixels (+1).
    """
    a, b = np.asarray(boxes_a, dtype=np.float64)[:, None], np.asarray(boxes_b, dtype=np.float64)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    overlap = sides.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - overlap
    iou: np.ndarray = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou


def match_boxes(iou: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs `(row, column)` of an `(N, M)` IoU table that maximise the summed IoU (Hungarian method)."""
    rows, columns = linear_sum_assignment(iou, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
