"""Metrics of one mask on one frame: J, F and R."""

from __future__ import annotations

import numpy as np

from veason.errors import DataError
from veason.masks import check_equal_sizes, mask_area, mask_iou
from veason.metrics.forms import Mask, check_sizes, dense_mask
from veason.metrics.outlines import Outline, outline
from veason.types import Rle


def jaccard(prediction: Mask, truth: Mask) -> float:
    """Return J, intersection over union, in [0, 1]; 1.0 where both masks are empty.

    >>> jaccard(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]))
    0.3333333333333333

    Raises:
        DataError: the masks differ in size.

    Source: davis2017-evaluation, davis2017/metrics.py db_eval_iou @30b698a.
    """
    check_sizes(prediction, truth)
    if isinstance(prediction, Rle) and isinstance(truth, Rle):
        return mask_iou(prediction, truth)
    a, b = dense_mask(prediction), dense_mask(truth)
    both = int(np.count_nonzero(a & b))
    union = int(np.count_nonzero(a) + np.count_nonzero(b)) - both
    return both / union if union else 1.0


def boundary_f(prediction: Mask | Outline, truth: Mask | Outline) -> float:
    """Return F, how well the outlines agree, in [0, 1]; 1.0 where neither mask has an outline.

    Give an `Outline` for a mask that is compared more than once. A mask that fills the frame has no outline, since
    only pixels that differ from a neighbour inside the frame count; one outline alone gives 0.

    >>> half = np.repeat([[1, 1, 1, 0, 0, 0]], 6, axis=0)
    >>> boundary_f(half, half), boundary_f(half, np.ones((6, 6)))
    (1.0, 0.0)

    Raises:
        DataError: the masks differ in size.

    Source: davis2017-evaluation, davis2017/metrics.py f_measure @30b698a.
    """
    a = prediction if isinstance(prediction, Outline) else outline(prediction)
    b = truth if isinstance(truth, Outline) else outline(truth)
    check_equal_sizes(a.size_hw, b.size_hw)
    if a.length == 0 or b.length == 0:
        return float(a.length == b.length)
    precision = (a.edge & b.reach).bit_count() / a.length
    recall = (b.edge & a.reach).bit_count() / b.length
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def robustness_legacy(prediction: np.ndarray, truth: np.ndarray, foreground: np.ndarray) -> float:
    """Return R of one frame in [0, 1], bit for bit that of the published ReVOS tool, with its integer overflows.

    All three are `(H, W)` uint8 arrays as that tool holds them: `prediction` is the grey PNG as read (0 or 255, never
    made binary, so a false pixel weighs 255), `truth` is the SUM of the masks of the target's objects (2 where two
    overlap: there 1 - 2 wraps to 255, and 255 times 255 wraps to 1), `foreground` the union of all objects of the video
    as 0 or 1. R is 1 for an empty prediction, and 0 for a false pixel on a frame without any foreground.

    Raises:
        DataError: the arrays differ in size, or one is not uint8.

    Source: VISA tools/metrics.py get_r2vos_robustness @40ae6e8.
    """
    for name, array in (("prediction", prediction), ("truth", truth), ("foreground", foreground)):
        if array.dtype != np.uint8:
            raise DataError(f"R_legacy wants uint8 arrays as read from the files, the {name} is {array.dtype}")
        check_equal_sizes(array.shape, prediction.shape)
    false = int(((np.uint8(1) - truth) * prediction).sum(dtype=np.uint64))
    return float(max(1 - false / (int(foreground.sum(dtype=np.uint64)) + 1e-6), 0.0))


def robustness_binary(prediction: Mask, truth: Mask, foreground: Mask) -> float:
    """Return R of one frame without overflow: max(0, 1 - false pixels / foreground pixels), masks counted as 0 or 1.

    On a frame without foreground it is 1.0 for an empty prediction and 0.0 otherwise.

    Raises:
        DataError: the masks differ in size.
    """
    check_sizes(prediction, truth)
    check_sizes(prediction, foreground)
    predicted = dense_mask(prediction)
    false = np.count_nonzero(predicted & ~dense_mask(truth))
    total = mask_area(foreground) if isinstance(foreground, Rle) else np.count_nonzero(foreground)
    if total == 0:
        return float(false == 0)
    return max(0.0, 1 - false / total)
