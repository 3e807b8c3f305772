"""The four rewards of Veason-R1, each a pure function that explains itself: format, keyframe, boxes, tracks.

    case = RewardCase(context, objects)             what is true of one question
    reading = read_answer(text, case, EXTENDED)     what the model said
    keyframe_reward(reading, case, EXTENDED)        -> Reward(value, reasons, pairs, frame_iou)
    total_reward(text, case, propagate, EXTENDED)   -> all four and their weighted sum

Three sets of rules:

    paper     four equal terms in [0, 1]: the total reaches 4. The text is read strictly; boxes are compared in the
              policy's space with both end pixels counted (+1 on sides).
    upstream  the released code, bug for bug: the format term reaches 2 (total 5), lenient reading of the JSON, true
              counts as a keyframe, an empty list of boxes gives 0 for boxes and tracks, an object missing on the
              keyframe has the true box 0,0,0,0 (so a predicted 0,0,0,0 is a perfect match), a failing segmenter costs
              only Ru.
              Exact where the true masks have the size in which the policy writes boxes.
    extended  ours: an absent target answered with no box earns every term, boxes are half-open in source pixels, and
              a box that overlaps nothing prompts nothing. The absent answer is the empty list; boxes without area
              earn nothing.

Source: Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py and
verl/utils/revos_keyframe_sft_dataset_mod.py @28b0000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from veason.answer import (
    AnswerContext,
    FormatParts,
    format_parts,
    measure_upstream_format,
    parse_answer,
    read_upstream_answer,
)
from veason.boxes import box_iou, boxes_array, match_boxes, scale_box
from veason.errors import AnswerError, DataError, VeasonError
from veason.masks import empty_mask, mask_area, mask_box, union_mask
from veason.metrics import Mask, jaccard
from veason.types import Answer, Box, Rle

Propagate = Callable[[Sequence[Box], int], Mapping[int, Mask]]
"""From boxes in source pixels and the frame they lie on to the union of their masks by absolute frame index."""

MAX_BOXES = 120
"""Both lists of boxes are cut at this length. Source: Veason-R1."""

NO_TAGS = "the text is not a think block followed by an answer block"
NO_AREA = "boxes without area are no answer: an absent target is an empty list"


@dataclass(frozen=True, slots=True)
class Weights:
    """What each term counts in the total. Source: 1.0 each in Veason-R1."""

    format: float = 1.0
    keyframe: float = 1.0
    boxes: float = 1.0
    tracks: float = 1.0


@dataclass(frozen=True, slots=True)
class RewardRules:
    """One way to read and score; see the top of this module."""

    name: Literal["paper", "upstream", "extended"]
    weights: Weights = Weights()

    @property
    def is_lenient(self) -> bool:
        """True where the text is read as the released code reads it."""
        return self.name == "upstream"

    @property
    def rewards_absence(self) -> bool:
        """True where an absent target is a right answer of its own."""
        return self.name == "extended"

    @property
    def counts_end_pixels(self) -> bool:
        """True where boxes are compared in the policy's space with both end pixels counted."""
        return self.name != "extended"

    @property
    def wants_zero_boxes(self) -> bool:
        """True where an object that is not on the keyframe has the true box 0,0,0,0."""
        return self.name == "upstream"


PAPER, UPSTREAM, EXTENDED = RewardRules("paper"), RewardRules("upstream"), RewardRules("extended")
RULES: Mapping[str, RewardRules] = {rules.name: rules for rules in (PAPER, UPSTREAM, EXTENDED)}


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A predicted box and the true one it was matched with, by their places in the two lists."""

    predicted: int
    true: int
    iou: float


@dataclass(frozen=True, slots=True)
class Reward:
    """One term and its explanation: `reasons` tells what was lost outright, and is never empty where `value` is 0."""

    value: float
    reasons: tuple[str, ...] = ()
    pairs: tuple[MatchedPair, ...] = ()
    frame_iou: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """All four terms of one answer, and their weighted sum."""

    rules: RewardRules
    format: Reward
    keyframe: Reward
    boxes: Reward
    tracks: Reward

    @property
    def total(self) -> float:
        """The weighted sum."""
        weights = self.rules.weights
        return (
            weights.format * self.format.value
            + weights.keyframe * self.keyframe.value
            + weights.boxes * self.boxes.value
            + weights.tracks * self.tracks.value
        )


@dataclass(frozen=True, slots=True)
class RewardCase:
    """What is true of one question.

    `objects` holds each target object's masks by absolute frame index, at source size, for at least the frames shown
    (`context.shown`); a frame without the object is missing. No object, or no pixel on any frame: the target is absent.
    """

    context: AnswerContext
    objects: tuple[Mapping[int, Rle], ...]

    @property
    def is_absent(self) -> bool:
        """True where the target is nowhere."""
        return not any(mask_area(rle) for masks in self.objects for rle in masks.values())

    def union(self, frame_index: int) -> Rle:
        """Return the mask of all target objects on one frame."""
        found = [masks[frame_index] for masks in self.objects if frame_index in masks]
        return union_mask(found) if found else empty_mask(self.context.source_wh)

    def boxes(self, frame_index: int) -> list[Box | None]:
        """Return the tight box of every object on one frame in source pixels, None where it is not there."""
        return [mask_box(masks[frame_index]) if frame_index in masks else None for masks in self.objects]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a text says, as the rewards take it.

    `boxes` are in source pixels (what the segmenter gets), `numbers` the same as `(N, 4)` in the policy's space.
    `problem` tells why there is no keyframe, `box_problem` why there are no boxes; "" where there are. No boxes and no
    problem: the text says that the target is absent.
    """

    keyframe: int | None
    boxes: tuple[Box, ...]
    numbers: np.ndarray
    problem: str = ""
    box_problem: str = ""

    @property
    def is_absent(self) -> bool:
        """True where the text could be read and gives no box."""
        return not self.boxes and not self.problem and not self.box_problem


# --- reading


def read_answer(text: str, case: RewardCase, rules: RewardRules = PAPER) -> Reading:
    """Return what `text` says. Never raises: text that cannot be read is a Reading with a problem."""
    if rules.is_lenient:
        return _read_leniently(text, case.context)
    try:
        reading = read_parsed(parse_answer(text, case.context, strict=True), case)
    except AnswerError as error:
        return _unread(str(error))
    if rules.rewards_absence and reading.is_absent and _format_parts(text, case).num_boxes:
        return _unread(NO_AREA)
    return reading


def read_parsed(answer: Answer, case: RewardCase) -> Reading:
    """Return an answer that was parsed before (or edited by a person) as a Reading."""
    context = case.context
    moved = [scale_box(box, context.source_wh, context.space_wh) for box in answer.boxes]
    return Reading(answer.keyframe, answer.boxes, boxes_array(moved))


def _unread(problem: str) -> Reading:
    return Reading(None, (), np.zeros((0, 4)), problem, problem)


def _read_leniently(text: str, context: AnswerContext) -> Reading:
    try:
        found = read_upstream_answer(text, context, max_boxes=MAX_BOXES)
    except AnswerError as error:
        return _unread(str(error))
    problem = "" if found.boxes else f"{context.boxes_key} holds no boxes of four numbers"
    return Reading(found.keyframe, found.boxes, found.numbers, box_problem=problem)


# --- the four terms


def format_reward(text: str, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rf: half for a think block then an answer block and nothing else, half for the fields in the answer.

    The second half is the share of boxes that are four numbers, given an integer keyframe; no boxes is 0, but
    `extended` gives it whole to a well-formed "absent". `upstream` adds the halves up to 2 instead of 1.
    """
    context = case.context
    if rules.is_lenient:
        return _format_leniently(text, context)
    parts = _format_parts(text, case)
    reasons = []
    if not parts.has_tags:
        reasons.append(NO_TAGS)
    fields = 0.0
    reading = read_answer(text, case, rules)
    if rules.rewards_absence and reading.is_absent:
        fields = 1.0
    elif reading.problem == NO_AREA:
        reasons.append(NO_AREA)
    elif not parts.is_object:
        reasons.append("the answer block holds no JSON object")
    elif not parts.has_keyframe or parts.keyframe_is_bool:
        reasons.append(f"{context.keyframe_key} is not an integer")
    elif not parts.num_good_boxes:
        reasons.append(f"{context.boxes_key} holds no box of four numbers")
    else:
        fields = parts.num_good_boxes / parts.num_boxes
    return Reward((parts.has_tags + fields) / 2, tuple(reasons))


def _format_parts(text: str, case: RewardCase) -> FormatParts:
    return format_parts(text, keyframe_key=case.context.keyframe_key, boxes_key=case.context.boxes_key)


def _format_leniently(text: str, context: AnswerContext) -> Reward:
    found = measure_upstream_format(text, context)
    reasons = [] if found.has_tags else [NO_TAGS]
    if not found.box_share:
        reasons.append(f"the answer block holds no {context.keyframe_key} with boxes of four numbers")
    return Reward(found.has_tags + found.box_share, tuple(reasons))


def keyframe_reward(reading: Reading, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rk: the area of the target on the keyframe over its largest area on the frames shown, in [0, 1].

    0 where the keyframe was not shown. `extended`: 1 for a right "absent", 0 for a wrong one or for boxes where
    nothing is.
    """
    if reading.problem:
        return Reward(0.0, (reading.problem,))
    decided = _decide_absence(reading, case, rules)
    if decided is not None:
        return decided
    if reading.keyframe not in case.context.shown:
        return Reward(0.0, (f"keyframe {reading.keyframe} is not among the frames shown {case.context.shown}",))
    areas = {index: mask_area(case.union(index)) for index in case.context.shown}
    largest = max(areas.values())
    if largest == 0:
        return Reward(0.0, ("the target is on none of the frames shown",))
    value = areas[reading.keyframe] / largest
    return Reward(value, () if value else (f"the target is not on frame {reading.keyframe}",))


def boxes_reward(reading: Reading, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rs: the summed IoU of best-matched boxes on the keyframe over the longer list's length, in [0, 1]."""
    decided = _no_boxes_to_match(reading, case, rules)
    if decided is not None:
        return decided
    try:
        value, pairs = _match(reading, case, rules)
    except ValueError:
        return Reward(
            0.0, ("the boxes cannot be matched: a number is not finite, or a corner lies one off its opposite",)
        )
    return Reward(value, () if value else (_no_overlap(reading, case),), pairs)


def tracks_reward(
    reading: Reading, case: RewardCase, propagate: Propagate | None, rules: RewardRules = PAPER
) -> Reward:
    """Return Ru: the mean IoU over the frames shown between the target and what `propagate` makes of the matched boxes.

    A frame where both are empty counts 1. Boxes that match no true one are left out. None for `propagate` gives 0 with
    that reason.

    Raises:
        DataError: `propagate` left out a frame that was shown, or gave a mask of another size.
        VeasonError: whatever `propagate` raises; `upstream` turns that into 0, as the released code does.
    """
    decided = _no_boxes_to_match(reading, case, rules)
    if decided is not None:
        return decided
    if propagate is None:
        return Reward(0.0, ("no segmenter was given",))
    try:
        _, pairs = _match(reading, case, rules)
    except ValueError:
        return Reward(0.0, ("the boxes cannot be matched",))
    if not pairs:
        return Reward(0.0, (_no_overlap(reading, case),))
    assert reading.keyframe is not None
    try:
        masks = propagate([reading.boxes[pair.predicted] for pair in pairs], reading.keyframe)
    except VeasonError as error:
        if not rules.is_lenient:
            raise
        return Reward(0.0, (f"the segmenter failed: {error}",), pairs)
    missing = [index for index in case.context.shown if index not in masks]
    if missing:
        raise DataError(f"the segmenter must give a mask for every frame shown, {missing} are missing")
    frame_iou = {index: jaccard(masks[index], case.union(index)) for index in case.context.shown}
    value = sum(frame_iou.values()) / len(frame_iou)
    return Reward(value, () if value else ("no mask overlaps the target on any frame",), pairs, frame_iou)


def total_reward(
    text: str, case: RewardCase, propagate: Propagate | None, rules: RewardRules = PAPER
) -> RewardBreakdown:
    """Return all four terms for one answer. Raises what `tracks_reward` raises."""
    reading = read_answer(text, case, rules)
    return RewardBreakdown(
        rules,
        format_reward(text, case, rules),
        keyframe_reward(reading, case, rules),
        boxes_reward(reading, case, rules),
        tracks_reward(reading, case, propagate, rules),
    )


def group_advantages(rewards: Sequence[float]) -> np.ndarray:
    """Return how far each answer of ONE prompt lies above the others, `(r - mean) / (std + 1e-6)` with unbiased std.

    >>> group_advantages([1.0, 2.0, 3.0]).round(3).tolist()
    [-1.0, 0.0, 1.0]

    Equal rewards, and a single one, give 0. Source: GRPO as in verl; departs from it for a single answer, where verl
    gives the reward itself.
    """
    values = np.asarray(rewards, dtype=np.float64)
    if len(values) < 2:
        return np.zeros(len(values))
    return (values - values.mean()) / (values.std(ddof=1) + 1e-6)


# --- shared steps


def _decide_absence(reading: Reading, case: RewardCase, rules: RewardRules) -> Reward | None:
    """Return the whole reward where absence settles it, None where there is more to look at."""
    if not rules.rewards_absence:
        return None
    if case.is_absent:
        if reading.is_absent:
            return Reward(1.0)
        return Reward(0.0, ("the target is absent, but the answer gives boxes",))
    if reading.is_absent:
        return Reward(0.0, ("the answer says absent, but the target is there",))
    return None


def _no_boxes_to_match(reading: Reading, case: RewardCase, rules: RewardRules) -> Reward | None:
    problem = reading.problem or reading.box_problem
    if problem:
        return Reward(0.0, (problem,))
    decided = _decide_absence(reading, case, rules)
    if decided is not None:
        return decided
    if not len(reading.numbers):
        return Reward(0.0, ("the answer gives no box",))
    if reading.keyframe not in case.context.shown:
        return Reward(0.0, (f"keyframe {reading.keyframe} is not among the frames shown {case.context.shown}",))
    return None


def _no_overlap(reading: Reading, case: RewardCase) -> str:
    is_there = any(box is not None for box in case.boxes(reading.keyframe)) if reading.keyframe is not None else False
    if not is_there:
        return f"the target is not on frame {reading.keyframe}, so no box can match"
    return f"no box overlaps a true one on frame {reading.keyframe}"


def _match(reading: Reading, case: RewardCase, rules: RewardRules) -> tuple[float, tuple[MatchedPair, ...]]:
    """Return Rs and the matched pairs. Raises ValueError where an IoU is not a number."""
    assert reading.keyframe is not None
    found = case.boxes(reading.keyframe)
    visible = [box for box in found if box is not None]
    if rules.counts_end_pixels:
        true = _written_boxes(found if rules.wants_zero_boxes else visible, case.context, rules)
        iou = inclusive_iou(reading.numbers[:MAX_BOXES], true[:MAX_BOXES])
    else:
        iou = box_iou(boxes_array(reading.boxes[:MAX_BOXES]), boxes_array(visible[:MAX_BOXES]))
    # Subtracting 1 rounds as the released code's cost does, so that ties fall the same way.
    pairs = tuple(MatchedPair(row, column, float(iou[row, column])) for row, column in match_boxes(iou - 1))
    if not rules.counts_end_pixels:
        pairs = tuple(pair for pair in pairs if pair.iou > 0)
    return sum(pair.iou for pair in pairs) / max(iou.shape), pairs


def inclusive_iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Return the IoU of every pair, `(N, 4)` and `(M, 4)` give `(N, M)`, with both end pixels counted (+1 on sides).

    So 0,0,0,0 is a box of one pixel. Swapped corners give numbers without meaning, at worst NaN or infinity.
    Source: Veason-R1 `batch_iou`; anything of ours uses `veason.boxes.box_iou`.
    """
    a, b = np.asarray(boxes_a, dtype=np.float64)[:, None], np.asarray(boxes_b, dtype=np.float64)[None]
    with np.errstate(all="ignore"):
        sides = np.maximum(0, np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1)
        overlap = sides.prod(-1)
        area_a, area_b = (a[..., 2:] - a[..., :2] + 1).prod(-1), (b[..., 2:] - b[..., :2] + 1).prod(-1)
        return overlap / (area_a + area_b - overlap)


def _written_boxes(found: Sequence[Box | None], context: AnswerContext, rules: RewardRules) -> np.ndarray:
    """Return true boxes as upstream's data set writes them: end pixels scaled to the policy's space, plus a half.

    There an object that is not on the frame is 0,0,0,0, and no object at all is one such box.
    """
    if rules.wants_zero_boxes and not any(found):
        return np.zeros((1, 4))
    rows = np.zeros((len(found), 4))
    for row, box in zip(rows, found, strict=True):
        if box is not None:
            last = Box(box.x1, box.y1, box.x2 - 1, box.y2 - 1)
            row[:] = np.array(scale_box(last, context.source_wh, context.space_wh).xyxy) + 0.5
    return rows
