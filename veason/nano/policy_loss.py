"""What nano-policy learns from: the next token (near numbers are nearly right), and what lies in each picture cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from veason.nano.pool import Branch
from veason.nano.shapes import SHAPES
from veason.nano.world import COLOURS

_SPREAD = 1.5
"""Deviation, in pixels, of the target for a coordinate."""

_REACH = 5


@dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """Branches side by side: `ids` `(N, T)`, and which next tokens are learnt, as words or as coordinates."""

    ids: torch.Tensor
    is_word: torch.Tensor
    is_number: torch.Tensor


def pad(branches: Sequence[Branch], filler: int) -> Padded:
    """Put branches into one array; place t of the masks tells about the token at t + 1, which place t predicts."""
    length = max(len(branch.ids) for branch in branches)
    ids = np.full((len(branches), length), filler, np.int64)
    word, number = np.zeros((2, len(branches), length - 1), bool)
    for row, branch in enumerate(branches):
        count = len(branch.ids)
        ids[row, :count] = branch.ids
        learnt = np.arange(1, count) >= branch.start
        number[row, : count - 1] = learnt & branch.is_number[1:]
        word[row, : count - 1] = learnt & ~branch.is_number[1:]
    return Padded(torch.from_numpy(ids), torch.from_numpy(word), torch.from_numpy(number))


def token_loss(hidden: torch.Tensor, table: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the mean loss over learnt tokens, and measurements.

    A coordinate's target is a narrow bell over the numbers around it (their ids follow one another).
    """
    targets, before = padded.ids[:, 1:], hidden[:, :-1]
    words = F.cross_entropy(F.linear(before[padded.is_word], table), targets[padded.is_word], reduction="sum")
    logits = F.linear(before[padded.is_number], table)
    truth = targets[padded.is_number]
    scores = logits.log_softmax(-1)
    offsets = torch.arange(-_REACH, _REACH + 1)
    bell = torch.exp(-(offsets**2) / (2 * _SPREAD**2)).expand(len(truth), -1)
    near = truth[:, None] + offsets
    bell = bell * (near >= 0)
    bell = bell / bell.sum(1, keepdim=True)
    numbers = -(scores.gather(1, near.clamp(min=0)) * bell).sum()
    count_words, count_numbers = int(padded.is_word.sum()), max(len(truth), 1)
    error = (logits.argmax(-1) - truth).abs().clamp(max=112).float().mean() if len(truth) else torch.zeros(())
    parts = {
        "words": float(words.detach()) / max(count_words, 1),
        "numbers": float(numbers.detach()) / count_numbers,
        "pixels": float(error),
    }
    return (words + numbers) / (count_words + count_numbers), parts


class CellHead(nn.Module):
    """Reads each visual token: is an object's middle here, which colour and shape, and where is its box.

    It only serves training: it makes the network see before it has to speak, and is not exported.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.read = nn.Linear(hidden, 1 + len(COLOURS) + len(SHAPES) + 4)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the raw readings of `(B, cells, hidden)`."""
        return self.read(self.norm(cells))


def cell_targets(objects: np.ndarray, boxes: np.ndarray, side: int, cells: int) -> np.ndarray:
    """Return `(cells * cells, 7)`: present, colour, shape and the box in shares of the picture, for one picture.

    Where the middles of two objects fall into one cell, the larger one counts.
    """
    target = np.zeros((cells * cells, 7), np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in np.argsort(np.nan_to_num(area)):
        if np.isfinite(boxes[index, 0]):
            middle = (boxes[index, :2] + boxes[index, 2:]) / 2 / side * cells
            column, row = (min(int(value), cells - 1) for value in middle)
            target[row * cells + column] = (1, *objects[index], *(boxes[index] / side))
    return target


def cell_loss(readings: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return the loss of readings `(B, cells, 21)` against targets `(B, cells, 7)`, and measurements."""
    present = target[..., 0] > 0
    loss = F.binary_cross_entropy_with_logits(readings[..., 0], target[..., 0])
    found = readings[present]
    colour, shape, box = found[:, 1 : 1 + len(COLOURS)], found[:, 1 + len(COLOURS) : -4], found[:, -4:]
    truth = target[present]
    loss = loss + 0.3 * F.cross_entropy(colour, truth[:, 1].long()) + 0.3 * F.cross_entropy(shape, truth[:, 2].long())
    gap = F.smooth_l1_loss(box, truth[:, 3:], beta=0.02)
    right = (colour.argmax(1) == truth[:, 1]) & (shape.argmax(1) == truth[:, 2])
    parts = {
        "cell_names": float(right.float().mean()),
        "cell_pixels": float((box.detach() - truth[:, 3:]).abs().mean()) * 112,
    }
    return loss + 4 * gap, parts
