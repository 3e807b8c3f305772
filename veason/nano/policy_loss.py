"""What nano-policy learns from: the next token (near numbers are nearly right), and what lies in each picture cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from veason.nano.pointers import cell_of, find_returns
from veason.nano.policy_model import NUMBERS, PATH_MARKS, PLACES, number_families
from veason.nano.pool import Branch
from veason.nano.shapes import SHAPES
from veason.nano.world import COLOURS

_SPREAD = 1.5
"""Deviation, in pixels, of the target for a coordinate."""

NAME_WEIGHT = 5.0
"""A word of a name that the eye has to find counts this many times: it is two words in twenty."""


@dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """Branches side by side: `ids` `(N, T)`, and which next tokens are learnt, as words or as coordinates.

    `look` `(N, T - 1)` is the visual token to look at when saying the next token, `back` the place in the branch; -1 is
    none.
    """

    ids: torch.Tensor
    is_word: torch.Tensor
    is_number: torch.Tensor
    look: torch.Tensor
    back: torch.Tensor


def pad(branches: Sequence[Branch], filler: int, words: CellWords) -> Padded:
    """Put branches into one array; place t of the masks tells about the token at t + 1, which place t predicts."""
    length = max(len(branch.ids) for branch in branches)
    ids = np.full((len(branches), length), filler, np.int64)
    word, number = np.zeros((2, len(branches), length - 1), bool)
    look, back = np.full((2, len(branches), length - 1), -1, np.int64)
    for row, branch in enumerate(branches):
        count = len(branch.ids)
        ids[row, :count] = branch.ids
        learnt = np.arange(1, count) >= branch.start
        number[row, : count - 1] = learnt & branch.is_number[1:]
        word[row, : count - 1] = learnt & ~branch.is_number[1:]
        look[row, : count - 1] = np.where(learnt, branch.look[1:], -1)
        back[row, : count - 1] = find_returns(branch.ids, branch.start, words.colours, words.shapes, words.marks)[1:]
    return Padded(*(torch.from_numpy(part) for part in (ids, word, number, look, back)))


def token_loss(hidden: torch.Tensor, table: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the mean loss over learnt tokens, and measurements.

    A coordinate's target is a narrow bell over the numbers around it; the ids of numbers, columns and rows follow one
    another (`veason.nano.policy_model.number_families`).
    """
    targets, before = padded.ids[:, 1:], hidden[:, :-1]
    each = F.cross_entropy(F.linear(before[padded.is_word], table), targets[padded.is_word], reduction="none")
    is_name = (padded.look >= 0)[padded.is_word] | (padded.back >= 0)[padded.is_word]
    words = each.sum() + (NAME_WEIGHT - 1) * each[is_name].sum()
    logits = F.linear(before[padded.is_number], table)
    truth = targets[padded.is_number]
    family = (truth >= NUMBERS).long() + (truth >= NUMBERS + PLACES).long()
    first = torch.tensor([0, NUMBERS, NUMBERS + PLACES])[family]
    scores = logits.log_softmax(-1).gather(1, first[:, None] + torch.arange(PLACES))
    numbers = -(scores * _bell((truth - first).float())).sum()
    count_words, count_numbers = int(padded.is_word.sum()), max(len(truth), 1)
    error = (logits.argmax(-1) - truth).abs().clamp(max=112).float().mean() if len(truth) else torch.zeros(())
    parts = {
        "words": float(each.detach().sum()) / max(count_words, 1),
        "names": float(each.detach()[is_name].sum()) / max(int(is_name.sum()), 1),
        "numbers": float(numbers.detach()) / count_numbers,
        "pixels": float(error),
    }
    return (words + numbers) / (count_words + count_numbers), parts


def return_loss(looks: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, float]:
    """Return how far attention is from the words that are said again, and the share of looks that rest on them.

    `looks` is as in `look_loss`; the last of its places are the branch itself.
    """
    wanted = padded.back >= 0
    if not wanted.any():
        return looks.new_zeros(()), float("nan")
    given = looks[:, :, :-1].transpose(1, 2)[wanted]
    place = padded.back[wanted] + given.shape[2] - padded.ids.shape[1]
    right = given.gather(-1, place[:, None, None].expand(-1, given.shape[1], 1))[..., 0]
    return -right.mean(), float(right.detach().exp().mean())


def look_loss(looks: torch.Tensor, places: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, float]:
    """Return how far attention is from what is spoken of, and the share of looks that rest on it.

    Args:
        looks: `(N, heads, T, places)` log attention, see `veason.nano.forward.Watch`.
        places: where the visual tokens stand in the prompt, so that `looks[..., places]` are the visual tokens.
        padded: the branches.
    """
    wanted = padded.look >= 0
    if not wanted.any():
        return looks.new_zeros(()), float("nan")
    given = looks[:, :, :-1].transpose(1, 2)[wanted][..., places]
    target = padded.look[wanted][:, None, None].expand(-1, given.shape[1], 1)
    right = given.gather(-1, target)[..., 0]
    is_name = wanted & padded.is_word
    share = is_name[wanted]
    loss = -right.mean() - (right[share].mean() if share.any() else 0.0)
    return loss, float(right.detach().exp().mean())


@dataclass(frozen=True, slots=True, eq=False)
class CellWords:
    """Token ids of the words a cell is read as: colours, shapes, and the first of numbers, columns and rows.

    `marks` are the tokens that end the list of paths, and that stand before a frame's number and before the keyframe's.
    """

    colours: torch.Tensor
    shapes: torch.Tensor
    firsts: tuple[int, int, int]
    marks: tuple[int, int, int]

    @staticmethod
    def of(tokenizer: Any) -> CellWords:
        """Look the words up, in the form they have inside a sentence."""
        colours, shapes = (
            torch.tensor([tokenizer(f" {word}")["input_ids"] for word in words])[:, 0] for words in (COLOURS, SHAPES)
        )
        firsts = tuple(first for first, _ in number_families(tokenizer))
        assert firsts == (0, NUMBERS, NUMBERS + PLACES)
        end, frame, keyframe = (int(tokenizer.convert_tokens_to_ids(token)) for token in PATH_MARKS)
        return CellWords(colours, shapes, firsts, (end, frame, keyframe))


class CellHead(nn.Module):
    """Reads each visual token: is an object's middle here, and which words name its colour, shape, box and middle.

    It reads through the network's own table of words, so that what the eye finds is already in the form in which it is
    said. It only serves training and is not exported.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.present = nn.Linear(hidden, 1)
        self.read = nn.Linear(hidden, 8 * hidden)

    def forward(self, cells: torch.Tensor, target: torch.Tensor, table: torch.Tensor, words: CellWords) -> tuple:
        """Return the loss of `(B, cells, hidden)` against `(B, cells, 7)` targets, and measurements."""
        normed, is_there = self.norm(cells), target[..., 0] > 0
        loss = F.binary_cross_entropy_with_logits(self.present(normed)[..., 0], target[..., 0])
        truth = target[is_there]
        read = self.read(normed[is_there]).view(len(truth), 8, -1)
        colour, shape = read[:, 0] @ table[words.colours].T, read[:, 1] @ table[words.shapes].T
        named = F.cross_entropy(colour, truth[:, 1].long()) + F.cross_entropy(shape, truth[:, 2].long())
        box, families = truth[:, 3:], [0, 0, 0, 0, 1, 2]
        middle = (box[:, :2] + box[:, 2:]).floor().div(2).floor()
        wanted = torch.cat([box, middle], 1)
        tables = torch.stack([table[first : first + PLACES] for first in words.firsts])[families]
        numbers = torch.einsum("nfh,fph->nfp", read[:, 2:], tables)
        spoken = -(numbers.log_softmax(-1) * _bell(wanted)).sum(-1).mean()
        is_right = (colour.argmax(1) == truth[:, 1]) & (shape.argmax(1) == truth[:, 2])
        error = (numbers.detach().argmax(-1) - wanted).abs().mean()
        parts = {"cell_names": float(is_right.float().mean()), "cell_pixels": float(error)}
        return loss + 0.3 * named + 0.5 * spoken, parts


def _bell(values: torch.Tensor) -> torch.Tensor:
    """Return narrow bells over the numbers around each value, summing to 1: `(..., PLACES)`."""
    bell = torch.exp(-((torch.arange(PLACES) - values[..., None]) ** 2) / (2 * _SPREAD**2))
    return bell / bell.sum(-1, keepdim=True)


def cell_targets(objects: np.ndarray, boxes: np.ndarray, side: int, cells: int) -> np.ndarray:
    """Return `(cells * cells, 7)`: present, colour, shape and the box in pixels, for one picture.

    Where the middles of two objects fall into one cell, the larger one counts.
    """
    target = np.zeros((cells * cells, 7), np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in np.argsort(np.nan_to_num(area)):
        if np.isfinite(boxes[index, 0]):
            target[cell_of(boxes[index], side, cells)] = (1, *objects[index], *boxes[index])
    return target
