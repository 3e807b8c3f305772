"""What decides a training run of nano-policy: its stage, its length, and what a step learns."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from veason_nano.language.corpus import Style
from veason_nano.training.optimizer import OPTIMIZERS, OptimizerName

LossTerms = dict[str, float | torch.Tensor]
"""Measurements of a step by name; those on a device are only read when they are logged."""

POLICY_STAGES = ("see", "multi", "sft")
"""The stages in order; each one starts from the exported weights of the one before."""

TRAIN_SEED = 10_000_000
"""Seeds of training clips start here; the tests' splits lie elsewhere."""

PLAN = {
    "multi": {"records": (1, 0.5), "tracks": (2, 0.25), "answers": (2, 0.25)},
    "sft": {"whole": (1, 0.6), "told": (3, 0.2), "tracks": (1, 0.15), "corrections": (1, 0.05)},
}
"""What a step learns: how many branches of a kind about each clip, and which share of the loss they are.

"answers" are keyframe and boxes without a thought. An example is learnt "whole", or goes on from the records that the
whole one of its clip has "told".
"""

PICTURES_PER_CLIP = 8
"""Pictures of a clip."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training run; printed at its start and kept beside its log.

    With `steps` a run is the same on every machine; `minutes` ends it by the clock and fits the learning rate's
    schedule to it. `sees` tells whether the vision tower learns too, `fresh` from how many changed pictures a step
    beside those that are spoken about. Without `first_shards` the run draws no clips: it takes what lies in the pool,
    and looks again for each batch. The pool begins after `skip` files, which an earlier run has learnt. A share of
    `renamed` clips has other numbers below a thousand for its frames, one of `large` has any up to 99,999. `workers`
    prepare batches beside the step, for a GPU; 0 does it in between.
    """

    stage: str
    minutes: float = 20.0
    steps: int = 0
    rate: float = 1e-2
    clips: int = 8
    seed: int = 0
    threads: int = 1
    shards: int = 16
    first_shards: int = 2
    steps_per_shard: int = 40
    cell_weight: float = 1.0
    attention_weight: float = 0.5
    sees: bool = True
    fresh: int = 24
    style: Style = "full"
    optimizer: OptimizerName = "muon"
    only_eye: bool = False
    renamed: float = 0.4
    large: float = 0.0
    skip: int = 0
    device: str = "cpu"
    workers: int = 0

    def __post_init__(self) -> None:
        """Refuse an optimizer that there is not."""
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"want an optimizer of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}")
