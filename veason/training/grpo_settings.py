"""What a reinforcement learning with GRPO is told, each value with where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from veason.errors import OptionError


@dataclass(frozen=True, slots=True)
class GrpoTrainingSettings:
    """The numbers of a GRPO training; the defaults are those of the released code, see docs/tutorials.

    Attributes:
        rules: which set of rewards, see `veason.rewards`; "extended" where rows say that the target is absent.
        group: answers to a question, which are compared with each other; 8.
        prompts: questions of a step; 16, with one update a step.
        learning_rate: constant, without warm-up; 1e-6.
        kl: weight of the k3 estimate of the divergence from the start, in the loss; 5e-3.
        clip: how far the ratio of probabilities may move from 1; 0.2.
        entropy: weight of the bonus for entropy; 1e-3, the released code's default.
        temperature: of drawing answers, with top_p 1 and all tokens; 1.0.
        weight_decay: 0.01, with AdamW's betas (0.9, 0.999).
        grad_norm: at which gradients are clipped; 1.0.
        epochs: how often every row is asked; 1.
        max_steps: stop after so many steps, None for the epochs.
        prompt_tokens: most tokens of a question with its pictures; 7,100. Longer ones are refused.
        answer_tokens: most tokens of an answer; 1,024.
        save_steps: steps between two checkpoints.
        seed: 42.

    Raises:
        OptionError: a value is out of its range.
    """

    rules: Literal["paper", "extended"] = "paper"
    group: int = 8
    prompts: int = 16
    learning_rate: float = 1e-6
    kl: float = 5e-3
    clip: float = 0.2
    entropy: float = 1e-3
    temperature: float = 1.0
    weight_decay: float = 0.01
    grad_norm: float = 1.0
    epochs: int = 1
    max_steps: int | None = None
    prompt_tokens: int = 7100
    answer_tokens: int = 1024
    save_steps: int = 50
    seed: int = 42

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
                raise OptionError(f"{field.name} of a training is a number, 0 or more, got {value}")
            if isinstance(value, int) and field.name != "seed" and value < 1:
                raise OptionError(f"{field.name} of a training is 1 or more, got {value}")
        if self.group < 2:
            raise OptionError("answers are compared in groups of 2 or more, got --group 1: it would learn nothing")
        if not (self.learning_rate and self.temperature):
            raise OptionError("learning rate and temperature of a training are above 0")
