"""What nano-policy learns from: the next token (near numbers are nearly right), and what lies in each picture cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from veason_nano.language.ranks import PASSAGE_WORDS, RANKED
from veason_nano.language.records import COUNT, TOLD_LOOKS
from veason_nano.language.wording import plural
from veason_nano.policy.model import LABELLED, LED_BY_ZERO, MARKS, NUMBERS, PLACES, labelled_forms, number_families
from veason_nano.policy.padding import Padded
from veason_nano.policy.pointers import Marks, cell_of
from veason_nano.policy.recipe import LossTerms
from veason_nano.world.scene import COLOURS, PATTERNS
from veason_nano.world.shapes import SHAPES

_SPREAD = 1.5
"""Deviation, in pixels, of the target for a coordinate."""


def token_loss(hidden: torch.Tensor, table: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, LossTerms]:
    """Return the mean loss over learnt tokens, and measurements.

    A coordinate's target is a narrow bell over the numbers around it; the ids of numbers, columns and rows follow one
    another (`veason_nano.policy.model.number_families`).
    """
    targets, before = padded.ids[:, 1:], hidden[:, :-1]
    each = F.cross_entropy(F.linear(before[padded.is_word], table), targets[padded.is_word], reduction="none")
    weight = padded.weight[padded.is_word]
    words, is_name, judges = (weight * each).sum(), weight > 1, (padded.item >= 0)[padded.is_word]
    logits = F.linear(before[padded.is_number], table)
    truth = targets[padded.is_number]
    family = (truth >= NUMBERS).long() + (truth >= NUMBERS + PLACES).long()
    first = torch.tensor([0, NUMBERS, NUMBERS + PLACES])[family]
    scores = logits.log_softmax(-1).gather(1, first[:, None] + torch.arange(PLACES))
    spread = -(scores * _bell((truth - first).float())).sum(-1)
    numbers = (padded.weight[padded.is_number] * spread).sum()
    count_words, count_numbers = len(each), max(len(truth), 1)
    error = (logits.argmax(-1) - truth).abs().clamp(max=112).float().mean() if len(truth) else torch.zeros(())
    parts = {
        "words": each.detach().mean(),
        "names": (each.detach() * is_name).sum() / is_name.sum().clamp(min=1),
        "judges": (each.detach() * judges).sum() / judges.sum().clamp(min=1),
        "numbers": spread.detach().sum() / count_numbers,
        "pixels": error,
    }
    return (words + numbers) / (count_words + count_numbers), parts


def return_loss(attention: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far attention is from the places that words are read from, and the share of attention that rest there.

    `attention` is as in `cell_loss`, `before` the length of the prompt.
    """
    return _rest_loss(attention, padded.back[..., None], before)


def bind_loss(attention: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far two heads are from the number and from the shape of the object that a word is said of.

    The token of a shape knows the colour before it: together they tell what to look for in the pictures.
    """
    return _rest_loss(attention, torch.stack([padded.bind, padded.noun], -1), before)


def label_loss(attention: torch.Tensor, is_picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far the attention of visual tokens is from the number of their frame, and the share that rests there.

    Args:
        attention: `(B, heads, T, T)` log attention inside prompts of one shape.
        is_picture: `(T,)` the visual tokens; a frame's number stands two tokens before its first one.
    """
    place = torch.arange(len(is_picture))
    begins = is_picture & ~is_picture.roll(1)
    first = torch.where(begins, place, 0).cummax(0).values
    right = attention[:, :, is_picture].gather(
        -1, (first[is_picture] - 2)[None, None, :, None].expand(*attention.shape[:2], -1, 1)
    )
    return -right.mean(), right.detach().exp().mean()


def match_loss(attention: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far attention is, from what an object is asked for, from where the records tell whether it has it."""
    return _rest_loss(attention, padded.match[..., None], before)


def order_loss(attention: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far attention is, where something is said of an object, from the token right before."""
    place = torch.arange(attention.shape[3] - attention.shape[2], attention.shape[3])[None, :-1] - 1
    places = torch.where(padded.bind >= 0, place, -1)
    return _rest_loss(attention, places[..., None], 0)


def _rest_loss(attention: torch.Tensor, places: torch.Tensor, before: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean distance of `(N, heads, T, P)` log attention from places, and the share that rests there.

    `places` is `(N, T - 1, heads)`, or `(N, T - 1, 1)` where they are the same for all heads.
    """
    wanted = places[..., 0] != -1
    if not wanted.any():
        return attention.new_zeros(()), attention.new_tensor(torch.nan)
    given = attention[:, :, :-1].transpose(1, 2)[wanted]
    right = given.gather(-1, places[wanted].expand(given.shape[:2])[..., None] + before)[..., 0]
    return -right.mean(), right.detach().exp().mean()


def cell_loss(attention: torch.Tensor, places: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far attention is from what is spoken of, and the share of attention that rest on it.

    Args:
        attention: `(N, heads, T, places)` log attention, see `veason_nano.policy.forward.AttentionProbe`.
        places: where the visual tokens stand in the prompt, so that `attention[..., places]` are the visual tokens.
        padded: the branches.
    """
    wanted = padded.cell >= 0
    if not wanted.any():
        return attention.new_zeros(()), attention.new_tensor(torch.nan)
    given = attention[:, :, :-1].transpose(1, 2)[wanted][..., places]
    target = padded.cell[wanted][:, None, None].expand(-1, given.shape[1], 1)
    right = given.gather(-1, target)[..., 0]
    is_name = wanted & padded.is_word
    share = is_name[wanted]
    loss = -right.mean() - (right[share].mean() if share.any() else 0.0)
    return loss, right.detach().exp().mean()


_WORTHS = (
    (("\u0120fastest",), "\u0120pace\u0120", 1),
    (("\u0120furthest",), "\u0120way\u0120", 1),
    (("\u0120biggest",), "\u0120size\u0120", 1),
    (("\u0120smallest",), "\u0120size\u0120", 1),
    *(
        ((f"\u0120{rank}", f"\u0120{way}"), f"\u0120{verb}", 3)
        for verb, way in PASSAGE_WORDS.items()
        for rank in RANKED
    ),
)
"""The words of a rank, the word of a record after which the compared number stands, and how far after."""


@dataclass(frozen=True, slots=True, eq=False)
class CellWords:
    """Token ids of the words a cell is read as: colours, shapes, and the first of numbers, columns and rows."""

    colours: torch.Tensor
    shapes: torch.Tensor
    firsts: tuple[int, int, int]
    marks: Marks

    @staticmethod
    def of(tokenizer: Any) -> CellWords:
        """Look the words up, in the form they have inside a sentence."""
        colours, shapes = (
            torch.tensor([tokenizer(f" {word}")["input_ids"] for word in words])[:, 0] for words in (COLOURS, SHAPES)
        )
        firsts = tuple(first for first, _ in number_families(tokenizer))
        assert firsts == (0, NUMBERS, NUMBERS + PLACES)
        marks = (int(tokenizer.convert_tokens_to_ids(token)) for token in MARKS)

        def ids(*forms: str) -> list[int]:
            return [int(tokenizer.convert_tokens_to_ids(form)) for form in forms]

        numbers = ids(*(f"\u0120{word}" for word in COUNT))
        words: dict[str, tuple[str, ...]] = {word: (word, plural(word)) for word in SHAPES}
        words |= {word: (word,) for word in (*COLOURS, *TOLD_LOOKS)}
        word_forms = {
            ids(f"\u0120{word}")[0]: ids(*forms, *(f"\u0120{form}" for form in forms)) for word, forms in words.items()
        }
        worths = {tuple(ids(*words)): (ids(word)[0], after) for words, word, after in _WORTHS}
        forms = {ids(word)[0]: ids(*labelled_forms(word)) for word in LABELLED}
        thousands = {form: place for of_word in forms.values() for place, form in enumerate(of_word)}
        led = ids(LED_BY_ZERO[0])[0]
        found = Marks(colours.tolist(), shapes.tolist(), numbers, word_forms, worths, forms, thousands, led, *marks)
        return CellWords(colours, shapes, firsts, found)


class CellHead(nn.Module):
    """Reads each visual token: is an object's middle here, and which words name its colour, shape, box and middle.

    The pattern is read by itself. All else it reads through the network's own table of words, so that what the eye
    finds is already in the form in which it is said. It only serves training and is not exported.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.present = nn.Linear(hidden, 1)
        self.read = nn.Linear(hidden, 8 * hidden)
        self.pattern = nn.Linear(hidden, len(PATTERNS))

    def forward(self, cells: torch.Tensor, target: torch.Tensor, table: torch.Tensor, words: CellWords) -> tuple:
        """Return the loss of `(B, cells, hidden)` against `(B, cells, 8)` targets, and measurements."""
        normed, is_there = self.norm(cells), target[..., 0] > 0
        loss = F.binary_cross_entropy_with_logits(self.present(normed)[..., 0], target[..., 0])
        truth = target[is_there]
        read = self.read(normed[is_there]).view(len(truth), 8, -1)
        colour, shape = read[:, 0] @ table[words.colours].T, read[:, 1] @ table[words.shapes].T
        named = F.cross_entropy(colour, truth[:, 1].long()) + F.cross_entropy(shape, truth[:, 2].long())
        drawn = self.pattern(normed[is_there])
        named = named + F.cross_entropy(drawn, truth[:, 3].long())
        box, families = truth[:, 4:], [0, 0, 0, 0, 1, 2]
        middle = (box[:, :2] + box[:, 2:]).floor().div(2).floor()
        wanted = torch.cat([box, middle], 1)
        tables = torch.stack([table[first : first + PLACES] for first in words.firsts])[families]
        numbers = torch.einsum("nfh,fph->nfp", read[:, 2:], tables)
        spoken = -(numbers.log_softmax(-1) * _bell(wanted)).sum(-1).mean()
        is_right = (colour.argmax(1) == truth[:, 1]) & (shape.argmax(1) == truth[:, 2])
        error = (numbers.detach().argmax(-1) - wanted).abs().mean()
        is_drawn = drawn.argmax(1) == truth[:, 3]
        parts = {
            "cell_names": is_right.float().mean(),
            "cell_patterns": is_drawn.float().mean(),
            "cell_pixels": error,
        }
        return loss + 0.3 * named + 0.5 * spoken, parts


def _bell(values: torch.Tensor) -> torch.Tensor:
    """Return narrow bells over the numbers around each value, summing to 1: `(..., PLACES)`."""
    bell = torch.exp(-((torch.arange(PLACES) - values[..., None]) ** 2) / (2 * _SPREAD**2))
    return bell / bell.sum(-1, keepdim=True)


def cell_targets(objects: np.ndarray, boxes: np.ndarray, side: int, cells: int) -> np.ndarray:
    """Return `(cells * cells, 8)`: present, colour, shape, pattern and the box in pixels, for one picture.

    Where the middles of two objects fall into one cell, the larger one counts.
    """
    target = np.zeros((cells * cells, 8), np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in np.argsort(np.nan_to_num(area)):
        if np.isfinite(boxes[index, 0]):
            target[cell_of(boxes[index], side, cells)] = (1, *objects[index], *boxes[index])
    return target
