"""Muon: momentum whose step is made orthogonal, so that weak directions of a weight learn as fast as strong ones.

torch.optim.Muon takes matrices only; the patch embedding, which gains most, is a convolution. Source: Keller Jordan,
github.com/KellerJordan/Muon (the quintic iteration and its numbers); the scale is Moonshot's, which lets AdamW's
learning rates and weight decay carry over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import torch

OptimizerName = Literal["muon", "adamw"]
"""What moves the matrices of a network; everything else is moved by AdamW."""

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)

_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """For weights with two or more dimensions; those beyond the second are flattened into it."""

    def __init__(self, weights: Iterable[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.01) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        average = state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
        ahead = weight.grad.lerp(average, group["momentum"]).flatten(1)
        scale = 0.2 * max(ahead.shape) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(make_orthogonal(ahead).view_as(weight), alpha=-group["lr"] * scale)


def make_orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix with the same singular vectors and singular values near 1 (0.7 to 1.2)."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x.T if is_tall else x
