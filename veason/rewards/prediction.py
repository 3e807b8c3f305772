"""The answer of a text, read by each set of rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from veason.answer import AnswerContext, FormatParts, format_parts, parse_answer, read_upstream_answer
from veason.boxes import boxes_array, scale_box
from veason.errors import AnswerError
from veason.rewards.case import RewardCase
from veason.rewards.rules import PAPER, RewardRules
from veason.types import Answer, Box

MAX_BOXES = 120
"""Longest list of predicted and of true boxes; further ones are ignored. Source: Veason-R1."""

NO_AREA = "boxes without area are no answer: an absent target is an empty list"


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The answer of a text, in the form that the rewards use. No boxes and no problem mean "the target is absent".

    Attributes:
        keyframe: absolute frame index, None if there is none.
        boxes: boxes in source pixels, the prompts of the segmenter.
        numbers: the same boxes as `(N, 4)` float64 in the policy's space.
        problem: why there is no keyframe, "" if there is one.
        box_problem: why there are no boxes, "" if there are some or the target is absent.
    """

    keyframe: int | None
    boxes: tuple[Box, ...]
    numbers: np.ndarray
    problem: str = ""
    box_problem: str = ""

    @property
    def is_absent(self) -> bool:
        """True if the text is a valid answer without boxes."""
        return not self.boxes and not self.problem and not self.box_problem


def read_answer(text: str, case: RewardCase, rules: RewardRules = PAPER) -> Prediction:
    """Read a text. Never raises: a text without a usable answer gives a Prediction with a problem."""
    if rules.is_lenient:
        return _read_leniently(text, case.context)
    try:
        prediction = read_parsed(parse_answer(text, case.context, strict=True), case)
    except AnswerError as error:
        return _unread(str(error))
    if rules.rewards_absence and prediction.is_absent and measure_format(text, case).num_boxes:
        return _unread(NO_AREA)
    return prediction


def read_parsed(answer: Answer, case: RewardCase) -> Prediction:
    """Convert a parsed (or edited) answer to a Prediction."""
    context = case.context
    moved = [scale_box(box, context.source_wh, context.space_wh) for box in answer.boxes]
    return Prediction(answer.keyframe, answer.boxes, boxes_array(moved))


def measure_format(text: str, case: RewardCase) -> FormatParts:
    """Measure how well a text follows the format, with the keys of this question."""
    return format_parts(text, keyframe_key=case.context.keyframe_key, boxes_key=case.context.boxes_key)


def _unread(problem: str) -> Prediction:
    return Prediction(None, (), np.zeros((0, 4)), problem, problem)


def _read_leniently(text: str, context: AnswerContext) -> Prediction:
    try:
        found = read_upstream_answer(text, context, max_boxes=MAX_BOXES)
    except AnswerError as error:
        return _unread(str(error))
    problem = "" if found.boxes else f"{context.boxes_key} holds no boxes of four numbers"
    return Prediction(found.keyframe, found.boxes, found.numbers, box_problem=problem)
