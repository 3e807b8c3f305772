"""What nano-policy learns from: the next token (near numbers are nearly right), and what lies in each picture cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from veason.nano.pointers import Marks, cell_of, find_judging, find_reading
from veason.nano.policy_model import MARKS, NUMBERS, PLACES, number_families
from veason.nano.pool import Branch
from veason.nano.ranks import RANKED, WAYS
from veason.nano.records import COUNT, TOLD_LOOKS
from veason.nano.shapes import SHAPES
from veason.nano.wording import plural
from veason.nano.world import COLOURS, PATTERNS

_SPREAD = 1.5
"""Deviation, in pixels, of the target for a coordinate."""

NAME_WEIGHT = 5.0
"""A word of a name, or of the verdict, counts this many times: it is two words in twenty."""

BOX_WEIGHT = 4.0
"""A coordinate of a box counts this many times: it is four numbers among a hundred places of paths."""

JUDGING_WEIGHT = 10.0
"""A word that tells whether an object has what is wanted counts this many times: everything hangs on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """Branches side by side: `ids` `(N, T)`, and which next tokens are learnt, as words or as coordinates.

    `weight` tells how much words count. `look` `(N, T - 1)` is the visual token to look at when saying the next
    token, `back` the place after the prompt to read the next token from, `bind` and `noun` the places of the number and
    the shape of the object that the token itself is said of, `match` the place in the records where it shows whether
    the object has what the token asks for, `item`, where the next token tells that, the place of the object's number;
    -1 is none.
    """

    ids: torch.Tensor
    is_word: torch.Tensor
    is_number: torch.Tensor
    weight: torch.Tensor
    look: torch.Tensor
    back: torch.Tensor
    bind: torch.Tensor
    noun: torch.Tensor
    match: torch.Tensor
    item: torch.Tensor
    asked: torch.Tensor


def pad(branches: Sequence[Branch], filler: int, marks: Marks, told: int = -1) -> Padded:
    """Put branches into one array; place t of the masks tells about the token at t + 1, which place t predicts.

    With `told` the records are left out: they take that many places, filled or not, between prompt and branch
    (`veason.nano.forward.continue_told`).
    """
    rows = [_lay_out(branch, marks, told) for branch in branches]
    length = max(len(row.ids) for row in rows)
    ids = np.full((len(branches), length), filler, np.int64)
    word, number = np.zeros((2, len(branches), length - 1), bool)
    weight = np.ones((len(branches), length - 1), np.float32)
    look, back, bind, noun, match, item = np.full((6, len(branches), length - 1), -1, np.int64)
    for place, (row, branch) in enumerate(zip(rows, branches, strict=True)):
        count = len(row.ids)
        ids[place, :count] = row.ids
        learnt = np.arange(1, count) >= branch.start + (told >= 0)
        number[place, : count - 1] = learnt & row.is_number[1:]
        word[place, : count - 1] = learnt & ~row.is_number[1:]
        weight[place, : count - 1] = row.weight[1:]
        item[place, : count - 1] = row.item[1:]
        match[place, : count - 1] = row.match[:-1]
        look[place, : count - 1] = np.where(learnt, row.look[1:], -1)
        back[place, : count - 1] = np.where(learnt, row.back[1:], -1)
        bind[place, : count - 1] = row.bind[:-1]
        noun[place, : count - 1] = row.noun[:-1]
    asked = np.array([branch.start for branch in branches])
    return Padded(
        *(torch.from_numpy(part) for part in (ids, word, number, weight, look, back, bind, noun, match, item, asked))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    ids: np.ndarray
    is_number: np.ndarray
    weight: np.ndarray
    look: np.ndarray
    back: np.ndarray
    bind: np.ndarray
    noun: np.ndarray
    match: np.ndarray
    item: np.ndarray


def _lay_out(branch: Branch, marks: Marks, told: int) -> _Row:
    """Return a branch with all that is known of its tokens, without its records where these are told already."""
    judging = find_judging(branch.ids, branch.start, marks)
    reading = find_reading(branch.ids, branch.is_number, branch.start, marks)
    weighty = (branch.look >= 0) | (reading.back >= 0)
    look = np.where(reading.back >= 0, -1, branch.look)
    if judging >= 0:
        ends = np.flatnonzero(branch.ids[judging:] == marks.verdict_end)
        weighty[judging : judging + int(ends[0]) + 1] = True
    weight = np.where(reading.item >= 0, JUDGING_WEIGHT, np.where(weighty, NAME_WEIGHT, 1.0))
    weight = np.where(branch.is_number, np.where(reading.is_box, BOX_WEIGHT, 1.0), weight)
    read = reading.back, reading.bind, reading.noun, reading.match, reading.item
    if told < 0:
        return _Row(branch.ids, branch.is_number, weight, look, *read)
    start = branch.start
    kept = np.r_[:start, judging : len(branch.ids)]

    def moved(places: np.ndarray) -> np.ndarray:
        in_row = np.where(places < start, places, places - judging + start) + told
        in_records = (places >= start) & (places < judging)
        return np.where(places < 0, -1, np.where(in_records, places - start, in_row))[kept]

    ids, is_number = branch.ids[kept], branch.is_number[kept]
    return _Row(ids, is_number, weight[kept], look[kept], *(moved(places) for places in read))


def token_loss(hidden: torch.Tensor, table: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the mean loss over learnt tokens, and measurements.

    A coordinate's target is a narrow bell over the numbers around it; the ids of numbers, columns and rows follow one
    another (`veason.nano.policy_model.number_families`).
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
    count_words, count_numbers = int(padded.is_word.sum()), max(len(truth), 1)
    error = (logits.argmax(-1) - truth).abs().clamp(max=112).float().mean() if len(truth) else torch.zeros(())
    parts = {
        "words": float(each.detach().sum()) / max(count_words, 1),
        "names": float(each.detach()[is_name].sum()) / max(int(is_name.sum()), 1),
        "judges": float(each.detach()[judges].sum()) / max(int(judges.sum()), 1),
        "numbers": float(spread.detach().sum()) / count_numbers,
        "pixels": float(error),
    }
    return (words + numbers) / (count_words + count_numbers), parts


def return_loss(looks: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, float]:
    """Return how far attention is from the places that words are read from, and the share of looks that rest there.

    `looks` is as in `look_loss`, `before` the length of the prompt.
    """
    return _rest_loss(looks, padded.back[..., None], before)


def bind_loss(looks: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, float]:
    """Return how far two heads are from the number and from the shape of the object that a word is said of.

    The token of a shape knows the colour before it: together they tell what to look for in the pictures.
    """
    return _rest_loss(looks, torch.stack([padded.bind, padded.noun], -1), before)


def label_loss(looks: torch.Tensor, is_picture: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Return how far the attention of visual tokens is from the number of their frame, and the share that rests there.

    Args:
        looks: `(B, heads, T, T)` log attention inside prompts of one shape.
        is_picture: `(T,)` the visual tokens; a frame's number stands two tokens before its first one.
    """
    place = torch.arange(len(is_picture))
    begins = is_picture & ~is_picture.roll(1)
    first = torch.where(begins, place, 0).cummax(0).values
    right = looks[:, :, is_picture].gather(
        -1, (first[is_picture] - 2)[None, None, :, None].expand(*looks.shape[:2], -1, 1)
    )
    return -right.mean(), float(right.detach().exp().mean())


def match_loss(looks: torch.Tensor, padded: Padded, before: int) -> tuple[torch.Tensor, float]:
    """Return how far attention is, from what an object is asked for, from where the records tell whether it has it."""
    return _rest_loss(looks, padded.match[..., None], before)


def order_loss(looks: torch.Tensor, padded: Padded) -> tuple[torch.Tensor, float]:
    """Return how far attention is, where something is said of an object, from the token right before."""
    place = torch.arange(looks.shape[3] - looks.shape[2], looks.shape[3])[None, :-1] - 1
    places = torch.where(padded.bind >= 0, place, -1)
    return _rest_loss(looks, places[..., None], 0)


def _rest_loss(looks: torch.Tensor, places: torch.Tensor, before: int) -> tuple[torch.Tensor, float]:
    """Return the mean distance of `(N, heads, T, P)` log attention from places, and the share that rests there.

    `places` is `(N, T - 1, heads)`, or `(N, T - 1, 1)` where they are the same for all heads.
    """
    wanted = places[..., 0] >= 0
    if not wanted.any():
        return looks.new_zeros(()), float("nan")
    given = looks[:, :, :-1].transpose(1, 2)[wanted]
    right = given.gather(-1, places[wanted].expand(given.shape[:2])[..., None] + before)[..., 0]
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


_WORTHS = (
    (("\u0120fastest",), "\u0120pace\u0120", 1),
    (("\u0120furthest",), "\u0120way\u0120", 1),
    (("\u0120biggest",), "\u0120size\u0120", 1),
    (("\u0120smallest",), "\u0120size\u0120", 1),
    *(((f"\u0120{rank}", f"\u0120{way}"), f"\u0120{verb}", 3) for verb, way in WAYS.items() for rank in RANKED),
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
        looks = {
            ids(f"\u0120{word}")[0]: ids(*forms, *(f"\u0120{form}" for form in forms)) for word, forms in words.items()
        }
        worths = {tuple(ids(*words)): (ids(word)[0], after) for words, word, after in _WORTHS}
        found = Marks(colours.tolist(), shapes.tolist(), numbers, looks, worths, *marks)
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
            "cell_names": float(is_right.float().mean()),
            "cell_patterns": float(is_drawn.float().mean()),
            "cell_pixels": float(error),
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
