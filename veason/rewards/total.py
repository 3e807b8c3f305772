"""The total reward of an answer, and the advantages within a group of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from veason.rewards.case import RewardCase
from veason.rewards.prediction import read_answer
from veason.rewards.rules import PAPER, RewardRules
from veason.rewards.terms import (
    Propagate,
    Reward,
    boxes_reward,
    format_reward,
    keyframe_reward,
    tracks_reward,
)


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """The four terms of one answer and their weighted sum."""

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


def total_reward(
    text: str, case: RewardCase, propagate: Propagate | None, rules: RewardRules = PAPER
) -> RewardBreakdown:
    """Return the four terms of one answer. Raises as `tracks_reward` does."""
    prediction = read_answer(text, case, rules)
    return RewardBreakdown(
        rules,
        format_reward(text, case, rules),
        keyframe_reward(prediction, case, rules),
        boxes_reward(prediction, case, rules),
        tracks_reward(prediction, case, propagate, rules),
    )


def group_advantages(rewards: Sequence[float]) -> np.ndarray:
    """Return the advantages of the answers to one prompt, `(r - mean) / (std + 1e-6)` with unbiased std.

    >>> group_advantages([1.0, 2.0, 3.0]).round(3).tolist()
    [-1.0, 0.0, 1.0]

    The result is `(N,)` float64; it is 0 for equal rewards and for a single one. Source: GRPO as in verl, which for a
    single answer returns the reward itself.
    """
    values = np.asarray(rewards, dtype=np.float64)
    if len(values) < 2:
        return np.zeros(len(values))
    advantages: np.ndarray = (values - values.mean()) / (values.std(ddof=1) + 1e-6)
    return advantages
