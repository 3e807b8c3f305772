"""Branches side by side in one array, with all that is known of where each of their tokens is read from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from veason_nano.policy.pointers import Label, Marks, find_judging, find_reading
from veason_nano.policy.pool import Branch

NAME_WEIGHT = 5.0
"""A word of a name, or of the verdict, counts this many times: it is two words in twenty."""

BOX_WEIGHT = 4.0
"""A coordinate of a box counts this many times: it is four numbers among a hundred places of paths."""

JUDGING_WEIGHT = 10.0
"""A word that tells whether an object has what is wanted counts this many times: everything hangs on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """Branches side by side: `ids` `(N, T)`, and which next tokens are learnt, as words or as coordinates.

    `weight` tells how much words count. `cell` `(N, T - 1)` is the visual token to look at when saying the next
    token, `back` the place after the prompt to read the next token from, `bind` and `noun` the places of the number and
    the shape of the object that the token itself is said of, `match` the place in the records where it shows whether
    the object has what the token asks for, `item`, where the next token tells that, the place of the object's number;
    -1 is none. Numbers of frames are read from the prompt: places below -1 are counted from its end.
    """

    ids: torch.Tensor
    is_word: torch.Tensor
    is_number: torch.Tensor
    weight: torch.Tensor
    cell: torch.Tensor
    back: torch.Tensor
    bind: torch.Tensor
    noun: torch.Tensor
    match: torch.Tensor
    item: torch.Tensor
    asked: torch.Tensor

    def to(self, device: torch.device) -> Padded:
        """Return the same on another device."""
        parts = (getattr(self, field.name).to(device) for field in dataclasses.fields(self))
        return Padded(*parts)


def pad(
    branches: Sequence[Branch],
    filler: int,
    marks: Marks,
    told: int = -1,
    labels: Sequence[Mapping[Label, int]] | None = None,
) -> Padded:
    """Put branches into one array; place t of the masks tells about the token at t + 1, which place t predicts.

    With `told` the records are left out: they take that many places, filled or not, between prompt and branch
    (`veason_nano.policy.forward.continue_branches`). `labels` are those of each branch's prompt, see `prompt_labels`.
    """
    said = [{}] * len(branches) if labels is None else labels
    rows = [_lay_out(branch, marks, told, known) for branch, known in zip(branches, said, strict=True)]
    length = max(len(row.ids) for row in rows)
    ids = np.full((len(branches), length), filler, np.int64)
    word, number = np.zeros((2, len(branches), length - 1), bool)
    weight = np.ones((len(branches), length - 1), np.float32)
    cell, back, bind, noun, match, item = np.full((6, len(branches), length - 1), -1, np.int64)
    for place, (row, branch) in enumerate(zip(rows, branches, strict=True)):
        count = len(row.ids)
        ids[place, :count] = row.ids
        learnt = np.arange(1, count) >= branch.start + (told >= 0)
        number[place, : count - 1] = learnt & row.is_number[1:]
        word[place, : count - 1] = learnt & ~row.is_number[1:]
        weight[place, : count - 1] = row.weight[1:]
        item[place, : count - 1] = row.item[1:]
        match[place, : count - 1] = row.match[:-1]
        cell[place, : count - 1] = np.where(learnt, row.cell[1:], -1)
        back[place, : count - 1] = np.where(learnt, row.back[1:], -1)
        bind[place, : count - 1] = row.bind[:-1]
        noun[place, : count - 1] = row.noun[:-1]
    asked = np.array([branch.start for branch in branches])
    return Padded(
        *(torch.from_numpy(part) for part in (ids, word, number, weight, cell, back, bind, noun, match, item, asked))
    )


def prompt_labels(prefix: np.ndarray, image_id: int, marks: Marks) -> dict[Label, int]:
    """Return where a prompt says the number of each frame: to the place of its rest, counted from the end.

    It stands two tokens before the first visual token of its picture.
    """
    is_picture = prefix == image_id
    first = np.flatnonzero(is_picture & ~np.roll(is_picture, 1))
    return {marks.label_at(prefix, int(at) - 2): int(at) - 2 - len(prefix) for at in first}


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    ids: np.ndarray
    is_number: np.ndarray
    weight: np.ndarray
    cell: np.ndarray
    back: np.ndarray
    bind: np.ndarray
    noun: np.ndarray
    match: np.ndarray
    item: np.ndarray


def _lay_out(branch: Branch, marks: Marks, told: int, labels: Mapping[Label, int]) -> _Row:
    """Return a branch with all that is known of its tokens, without its records where these are told already."""
    judging = find_judging(branch.ids, branch.start, marks)
    reading = find_reading(branch.ids, branch.is_number, branch.start, marks, labels)
    weighty = (branch.cell >= 0) | (reading.back != -1)
    cell = np.where(reading.back != -1, -1, branch.cell)
    if judging >= 0:
        ends = np.flatnonzero(branch.ids[judging:] == marks.verdict_end)
        weighty[judging : judging + int(ends[0]) + 1] = True
    weight = np.where(reading.item >= 0, JUDGING_WEIGHT, np.where(weighty, NAME_WEIGHT, 1.0))
    weight = np.where(branch.is_number, np.where(reading.is_box, BOX_WEIGHT, 1.0), weight)
    read = reading.back, reading.bind, reading.noun, reading.match, reading.item
    if told < 0:
        return _Row(branch.ids, branch.is_number, weight, cell, *read)
    start = branch.start
    kept = np.r_[:start, judging : len(branch.ids)]

    def moved(places: np.ndarray) -> np.ndarray:
        in_row = np.where(places < start, places, places - judging + start) + told
        in_records = (places >= start) & (places < judging)
        return np.where(places < 0, places, np.where(in_records, places - start, in_row))[kept]

    ids, is_number = branch.ids[kept], branch.is_number[kept]
    return _Row(ids, is_number, weight[kept], cell[kept], *(moved(places) for places in read))
