"""The four reward terms as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from veason.answer import AnswerContext, measure_upstream_format
from veason.errors import DataError, PromptError, VeasonError
from veason.masks import mask_area
from veason.metrics import Mask, jaccard
from veason.rewards.case import RewardCase
from veason.rewards.matching import MatchedPair, match_answer
from veason.rewards.prediction import NO_AREA, Prediction, measure_format, read_answer
from veason.rewards.rules import PAPER, RewardRules
from veason.types import Box

Propagate = Callable[[Sequence[Box], int], Mapping[int, Mask]]
"""A function from boxes in source pixels and their frame to the union of their masks, by absolute frame index."""

NO_TAGS = "the text is not a think block followed by an answer block"


@dataclass(frozen=True, slots=True)
class Reward:
    """The value of one term with its explanation; `reasons` is never empty if `value` is 0."""

    value: float
    reasons: tuple[str, ...] = ()
    pairs: tuple[MatchedPair, ...] = ()
    frame_iou: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoxesToTrack:
    """What Ru needs masks of: the matched boxes of an answer in source pixels, the frame they are on, the pairs."""

    keyframe: int
    boxes: tuple[Box, ...]
    pairs: tuple[MatchedPair, ...]


def format_reward(text: str, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rf: half for a think block then an answer block and nothing else, half for the fields in the answer.

    The second half is the fraction of boxes that are four numbers, given an integer keyframe. Without boxes it is 0,
    but `extended` gives it in full to a well-formed "absent". In `upstream` each half counts 1, so the maximum is 2.
    """
    context = case.context
    if rules.is_lenient:
        return _format_leniently(text, context)
    parts = measure_format(text, case)
    reasons = []
    if not parts.has_tags:
        reasons.append(NO_TAGS)
    fields = 0.0
    prediction = read_answer(text, case, rules)
    if rules.rewards_absence and prediction.is_absent:
        fields = 1.0
    elif prediction.problem == NO_AREA:
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


def _format_leniently(text: str, context: AnswerContext) -> Reward:
    found = measure_upstream_format(text, context)
    reasons = [] if found.has_tags else [NO_TAGS]
    if not found.box_share:
        reasons.append(f"the answer block holds no {context.keyframe_key} with boxes of four numbers")
    return Reward(found.has_tags + found.box_share, tuple(reasons))


def keyframe_reward(prediction: Prediction, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rk: the area of the target on the keyframe over its largest area on the frames shown, in [0, 1].

    0 if the keyframe was not shown. `extended`: 1 for a correct "absent", 0 for a wrong one or for boxes if the target
    is absent.
    """
    if prediction.problem:
        return Reward(0.0, (prediction.problem,))
    decided = _decide_absence(prediction, case, rules)
    if decided is not None:
        return decided
    if prediction.keyframe not in case.context.shown:
        return Reward(0.0, (f"keyframe {prediction.keyframe} is not among the frames shown {case.context.shown}",))
    areas = {index: mask_area(case.union(index)) for index in case.context.shown}
    largest = max(areas.values())
    if largest == 0:
        return Reward(0.0, ("the target is on none of the frames shown",))
    value = areas[prediction.keyframe] / largest
    return Reward(value, () if value else (f"the target is not on frame {prediction.keyframe}",))


def boxes_reward(prediction: Prediction, case: RewardCase, rules: RewardRules = PAPER) -> Reward:
    """Return Rs: the summed IoU of best-matched boxes on the keyframe over the longer list's length, in [0, 1]."""
    decided = _no_boxes_to_match(prediction, case, rules)
    if decided is not None:
        return decided
    try:
        value, pairs = match_answer(prediction, case, rules)
    except ValueError:
        return Reward(
            0.0, ("the boxes cannot be matched: a number is not finite, or a corner lies one off its opposite",)
        )
    return Reward(value, () if value else (_no_overlap(prediction, case),), pairs)


def tracks_reward(
    prediction: Prediction, case: RewardCase, propagate: Propagate | None, rules: RewardRules = PAPER
) -> Reward:
    """Return Ru: the mean IoU, over the frames shown, of the target and the masks propagated from the matched boxes.

    A frame where both are empty counts 1. Boxes without a match are not propagated. Without `propagate` the value is 0.

    Raises:
        DataError: `propagate` left out a frame that was shown, or returned a mask of another size.
        VeasonError: as raised by `propagate`. Where it says that no box can be a prompt (PromptError) the value is 0,
            and with `upstream` rules always, as in the released code.
    """
    wanted = boxes_to_track(prediction, case, rules)
    if isinstance(wanted, Reward):
        return wanted
    if propagate is None:
        return Reward(0.0, ("no segmenter was given",))
    try:
        masks = propagate(wanted.boxes, wanted.keyframe)
    except VeasonError as error:
        return reward_without_tracks(wanted, error, rules)
    return reward_of_tracks(wanted, masks_iou(masks, case))


def boxes_to_track(prediction: Prediction, case: RewardCase, rules: RewardRules = PAPER) -> Reward | BoxesToTrack:
    """Return the boxes that Ru needs masks of, or Ru itself where no mask can change it."""
    decided = _no_boxes_to_match(prediction, case, rules)
    if decided is not None:
        return decided
    try:
        _, pairs = match_answer(prediction, case, rules)
    except ValueError:
        return Reward(0.0, ("the boxes cannot be matched",))
    if not pairs:
        return Reward(0.0, (_no_overlap(prediction, case),))
    assert prediction.keyframe is not None
    return BoxesToTrack(prediction.keyframe, tuple(prediction.boxes[pair.predicted] for pair in pairs), pairs)


def masks_iou(masks: Mapping[int, Mask], case: RewardCase) -> dict[int, float]:
    """Return the IoU of masks and target on every frame shown, by absolute frame index; 1 where both are empty.

    Raises:
        DataError: a frame that was shown is missing, or a mask has another size.
    """
    missing = [index for index in case.context.shown if index not in masks]
    if missing:
        raise DataError(f"the segmenter must give a mask for every frame shown, {missing} are missing")
    return {index: jaccard(masks[index], case.union(index)) for index in case.context.shown}


def reward_of_tracks(wanted: BoxesToTrack, frame_iou: Mapping[int, float]) -> Reward:
    """Return Ru from the IoU on every frame shown."""
    value = sum(frame_iou.values()) / len(frame_iou)
    reasons = () if value else ("no mask overlaps the target on any frame",)
    return Reward(value, reasons, wanted.pairs, frame_iou)


def reward_without_tracks(wanted: BoxesToTrack, error: VeasonError, rules: RewardRules) -> Reward:
    """Return Ru where there are no masks: 0 where the boxes are to blame (PromptError) or with `upstream` rules.

    Raises:
        VeasonError: `error`, where it is another; a DataError always, as it is about the ground truth or its footage.
    """
    if isinstance(error, DataError) or not (rules.is_lenient or isinstance(error, PromptError)):
        raise error
    return Reward(0.0, (f"the segmenter failed: {error}",), wanted.pairs)


def _decide_absence(prediction: Prediction, case: RewardCase, rules: RewardRules) -> Reward | None:
    """Return the reward if absence decides it, else None."""
    if not rules.rewards_absence:
        return None
    if case.is_absent:
        if prediction.is_absent:
            return Reward(1.0)
        return Reward(0.0, ("the target is absent, but the answer gives boxes",))
    if prediction.is_absent:
        return Reward(0.0, ("the answer says absent, but the target is there",))
    return None


def _no_boxes_to_match(prediction: Prediction, case: RewardCase, rules: RewardRules) -> Reward | None:
    problem = prediction.problem or prediction.box_problem
    if problem:
        return Reward(0.0, (problem,))
    decided = _decide_absence(prediction, case, rules)
    if decided is not None:
        return decided
    if not len(prediction.numbers):
        return Reward(0.0, ("the answer gives no box",))
    if prediction.keyframe not in case.context.shown:
        return Reward(0.0, (f"keyframe {prediction.keyframe} is not among the frames shown {case.context.shown}",))
    return None


def _no_overlap(prediction: Prediction, case: RewardCase) -> str:
    is_there = (
        any(box is not None for box in case.boxes(prediction.keyframe)) if prediction.keyframe is not None else False
    )
    if not is_there:
        return f"the target is not on frame {prediction.keyframe}, so no box can match"
    return f"no box overlaps a true one on frame {prediction.keyframe}"
