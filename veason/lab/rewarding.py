"""The four rewards of a case with everything that they come from, and the advantages within a group of answers.

Nothing is computed here a second time: values, matched boxes and reasons are those of `veason.rewards`, by the rules
"extended", in which a correct "absent" counts in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from veason import hub
from veason.answer import AnswerContext, context_for
from veason.errors import ProfileError
from veason.masks import empty_mask, mask_area
from veason.profile import Profile, load_profile
from veason.rewards import (
    EXTENDED,
    Prediction,
    Propagate,
    Reward,
    RewardCase,
    boxes_reward,
    format_reward,
    keyframe_reward,
    read_parsed,
    tracks_reward,
)
from veason.types import Answer, Box, Rle, Sample

REWARD_TERMS = ("format", "keyframe", "boxes", "tracks")


@dataclass(frozen=True, slots=True)
class Explained:
    """The rewards of one answer.

    Attributes:
        terms: each reward by its name in `REWARD_TERMS`, None where it cannot be told: the form without the keys that
            the policy was asked to write, the tracks without masks.
        areas: pixels of the target on every frame shown, which Rk compares.
        true_boxes: the target's boxes on the keyframe in source pixels, in the order that matched pairs count.
        unmatched: boxes of the answer that match nothing; Ru leaves them out, saved masks do not.
    """

    terms: Mapping[str, Reward | None]
    areas: Mapping[int, int]
    true_boxes: tuple[Box, ...]
    unmatched: int

    @property
    def total(self) -> float:
        """The sum of the rewards that are known, each with the weight of 1 that training gives it."""
        return sum(term.value for term in self.terms.values() if term is not None)

    @property
    def columns(self) -> dict[str, float]:
        """The known rewards by the names of their columns."""
        return {f"reward_{name}": term.value for name, term in self.terms.items() if term is not None}

    def as_values(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        terms = [
            {
                "name": name,
                "value": None if term is None else term.value,
                "reasons": [] if term is None else list(term.reasons),
                "pairs": [] if term is None else [[one.predicted, one.true, one.iou] for one in term.pairs],
            }
            for name, term in self.terms.items()
        ]
        tracks = self.terms["tracks"]
        overlaps = {} if tracks is None else tracks.frame_iou
        largest = max(self.areas.values(), default=0)
        frames = [
            {"frame": frame, "area": area, "share": area / largest if largest else 0.0, "iou": overlaps.get(frame)}
            for frame, area in self.areas.items()
        ]
        boxes = [list(box.xyxy) for box in self.true_boxes]
        return {
            "terms": terms, "frames": frames, "true_boxes": boxes, "unmatched": self.unmatched, "total": self.total,
        }  # fmt: skip


def explain_rewards(
    sample: Sample,
    answer: Answer | None,
    text: str,
    shown: Sequence[int],
    *,
    profile: Profile | None = None,
    masks: Mapping[int, Rle] | None = None,
    propagate: Propagate | None = None,
) -> Explained | None:
    """Return the rewards of an answer, None where the ground truth does not cover the frames shown.

    Args:
        sample: the expression.
        answer: as it was read, None where nothing usable was written.
        text: everything that the policy wrote.
        shown: absolute indices of the frames that the policy saw.
        profile: how the policy was asked to answer; without it the reward for form is not known.
        masks: saved masks on the frames shown by frame index, empty ones left out. They are taken for what a segmenter
            makes of the matched boxes, which they are where every box is matched.
        propagate: a segmenter, in place of masks; without either the reward for the tracks is not known.

    Raises:
        DataError: the ground truth is broken.
    """
    if not sample.has_truth or not shown or max(shown) >= len(sample.frame_names):
        return None
    if not set(shown) <= set(sample.truth_indices()):
        return None
    case = sample_reward_case(sample, shown, profile)
    if case is None:
        return None
    unread = Prediction(None, (), np.zeros((0, 4)), "no usable answer was written", "no usable answer was written")
    prediction = unread if answer is None else read_parsed(answer, case)
    boxes = boxes_reward(prediction, case, EXTENDED)
    if propagate is None and masks is not None:
        nothing = empty_mask(case.context.source_wh)
        on_shown = {index: masks.get(index, nothing) for index in shown}
        propagate = partial(_whatever_the_boxes, on_shown)
    terms = {
        "format": None if profile is None else format_reward(text, case, EXTENDED),
        "keyframe": keyframe_reward(prediction, case, EXTENDED),
        "boxes": boxes,
        "tracks": None if propagate is None else tracks_reward(prediction, case, propagate, EXTENDED),
    }
    areas = {index: mask_area(case.union(index)) for index in case.context.shown}
    on_keyframe = () if prediction.keyframe is None else case.boxes(prediction.keyframe)
    there = tuple(box for box in on_keyframe if box is not None)
    return Explained(terms, areas, there, len(prediction.boxes) - len(boxes.pairs))


def _whatever_the_boxes(masks: Mapping[int, Rle], boxes: Sequence[Box], keyframe: int) -> Mapping[int, Rle]:
    return masks


def sample_reward_case(sample: Sample, shown: Sequence[int], profile: Profile | None) -> RewardCase | None:
    """Return the ground truth of a sample as rewards want it, None where no picture of it has a known size."""
    masks: dict[str, dict[int, Rle]] = {name: {} for name in sample.object_ids}
    size_wh = sample.size_wh
    for index in shown:
        for name, rle in sample.object_truth(index).items():
            if rle is not None:
                masks.setdefault(name, {})[index] = rle
                size_wh = (rle.size_hw[1], rle.size_hw[0])
    if size_wh is None:
        height, width = sample.truth(shown[0]).shape
        size_wh = (width, height)
    count = len(sample.frame_names)
    if profile is None:
        context = AnswerContext(tuple(shown), count, size_wh)
    else:
        context = context_for(profile, shown, num_frames=count, source_wh=size_wh)
    return RewardCase(context, tuple(masks.values()))


def profile_of_run(made_by: Mapping[str, Any]) -> Profile | None:
    """Return how the policy of a run was asked to answer, None where nothing tells which policy it was."""
    policy, file = made_by.get("policy"), made_by.get("profile")
    if not policy or policy == "scripted" or str(policy).startswith(("scripted:", "http://", "https://")):
        return None
    try:
        return load_profile(str(hub.embedded("policy")) if policy == "nano" else str(policy), file)
    except ProfileError:
        return None  # the checkpoint's folder has changed since: the form cannot be judged
