"""The three sets of reward rules, see `veason.rewards`, and the weights of the terms."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from veason.errors import OptionError


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the terms in the total. Source: 1.0 each in Veason-R1.

    Raises:
        OptionError: a weight is not a finite number.
    """

    format: float = 1.0
    keyframe: float = 1.0
    boxes: float = 1.0
    tracks: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise OptionError(f"the weight of {field.name} is a finite number, got {getattr(self, field.name)}")


@dataclass(frozen=True, slots=True)
class RewardRules:
    """One set of rules for reading and scoring answers, see `veason.rewards`."""

    name: Literal["paper", "upstream", "extended"]
    weights: Weights = Weights()

    @property
    def is_lenient(self) -> bool:
        """True if texts are read as in the released code."""
        return self.name == "upstream"

    @property
    def rewards_absence(self) -> bool:
        """True if "the target is absent" can be a correct answer."""
        return self.name == "extended"

    @property
    def counts_end_pixels(self) -> bool:
        """True if boxes are compared in the policy's space with both end pixels counted."""
        return self.name != "extended"

    @property
    def wants_zero_boxes(self) -> bool:
        """True if an object that is not on the keyframe has the true box 0,0,0,0."""
        return self.name == "upstream"


PAPER, UPSTREAM, EXTENDED = RewardRules("paper"), RewardRules("upstream"), RewardRules("extended")
"""The three sets of rules, each term weighted with 1.0."""
