"""Matching of predicted boxes to true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from veason.answer import AnswerContext
from veason.boxes import box_iou, boxes_array, match_boxes, scale_box
from veason.rewards.case import RewardCase
from veason.rewards.prediction import MAX_BOXES, Prediction
from veason.rewards.rules import RewardRules
from veason.types import Box


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A matched pair: 0-based positions of the predicted and the true box in their lists, and their IoU."""

    predicted: int
    true: int
    iou: float


def match_answer(prediction: Prediction, case: RewardCase, rules: RewardRules) -> tuple[float, tuple[MatchedPair, ...]]:
    """Return Rs and the matched pairs. Raises ValueError if an IoU is not a finite number."""
    assert prediction.keyframe is not None
    found = case.boxes(prediction.keyframe)
    visible = [box for box in found if box is not None]
    if rules.counts_end_pixels:
        true = _written_boxes(found if rules.wants_zero_boxes else visible, case.context, rules)
        iou = inclusive_iou(prediction.numbers[:MAX_BOXES], true[:MAX_BOXES])
    else:
        iou = box_iou(boxes_array(prediction.boxes[:MAX_BOXES]), boxes_array(visible[:MAX_BOXES]))
    # Subtracting 1 rounds as the released code's cost does, so that ties fall the same way.
    pairs = tuple(MatchedPair(row, column, float(iou[row, column])) for row, column in match_boxes(iou - 1))
    if not rules.counts_end_pixels:
        pairs = tuple(pair for pair in pairs if pair.iou > 0)
    return sum(pair.iou for pair in pairs) / max(iou.shape), pairs


def inclusive_iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Return the IoU of every pair, `(N, 4)` and `(M, 4)` give `(N, M)`, with both end pixels counted (+1 on sides).

    So 0,0,0,0 is a box of one pixel. Swapped corners give meaningless values, possibly NaN or infinity.
    Source: Veason-R1 `batch_iou`. Use `veason.boxes.box_iou` for everything else.
    """
    a, b = np.asarray(boxes_a, dtype=np.float64)[:, None], np.asarray(boxes_b, dtype=np.float64)[None]
    with np.errstate(all="ignore"):
        sides = np.maximum(0, np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1)
        overlap = sides.prod(-1)
        area_a, area_b = (a[..., 2:] - a[..., :2] + 1).prod(-1), (b[..., 2:] - b[..., :2] + 1).prod(-1)
        iou: np.ndarray = overlap / (area_a + area_b - overlap)
    return iou


def _written_boxes(found: Sequence[Box | None], context: AnswerContext, rules: RewardRules) -> np.ndarray:
    """Return true boxes in the form of upstream's data set: end pixels scaled to the policy's space, plus 0.5.

    An object that is not on the frame is 0,0,0,0, and without any object there is one such box.
    """
    if rules.wants_zero_boxes and not any(found):
        return np.zeros((1, 4))
    rows = np.zeros((len(found), 4))
    for row, box in zip(rows, found, strict=True):
        if box is not None:
            last = Box(box.x1, box.y1, box.x2 - 1, box.y2 - 1)
            row[:] = np.array(scale_box(last, context.source_wh, context.space_wh).xyxy) + 0.5
    return rows
