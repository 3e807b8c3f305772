"""Nano-policy writes: many answers side by side, greedily or by lot, to questions about clips that were read once.

The stock `generate` reads the pictures anew for every answer; here all answers about a clip go on from one prompt, in
caches of a fixed size that are filled in place. A test holds the greedy answers equal to the stock model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from veason.nano.forward import Prompt, decoder_layer

_FEWER = 0.75
"""Rows that have ended are dropped once no more than this share goes on."""


class _Caches:
    """Keys and values of every layer: those of the prompt, then room for the questions and what is written."""

    def __init__(self, prompt: Prompt, owner: torch.Tensor, room: int) -> None:
        self.used = prompt.past[0][0].shape[2]
        self.layers = []
        for pair in prompt.past:
            full = [part.new_zeros(len(owner), part.shape[1], self.used + room, part.shape[3]) for part in pair]
            for whole, part in zip(full, pair, strict=True):
                whole[:, :, : self.used] = part[owner]
            self.layers.append(full)

    def extend(self, layer: int, *own: torch.Tensor) -> list[torch.Tensor]:
        end = self.used + own[0].shape[2]
        for whole, part in zip(self.layers[layer], own, strict=True):
            whole[:, :, self.used : end] = part
        return [whole[:, :, :end] for whole in self.layers[layer]]

    def keep(self, rows: torch.Tensor) -> None:
        """Drop all other rows; what is left unused of the room stays empty."""
        for full in self.layers:
            for place, whole in enumerate(full):
                left = whole.new_empty(len(rows), *whole.shape[1:])
                left[:, :, : self.used] = whole[rows, :, : self.used]
                full[place] = left


@torch.no_grad()
def write_answers(
    model: Any,
    prompt: Prompt,
    questions: Sequence[Sequence[int]],
    *,
    end: int,
    most: int,
    owner: Sequence[int] | None = None,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Return the token ids of an answer to each question, without the end mark.

    Args:
        model: a `Qwen2_5_VLForConditionalGeneration`.
        prompt: clips that were read (`read_prompts`), one row each.
        questions: token ids of what follows the pictures, one list a question; lengths may differ.
        end: id of the mark that ends an answer.
        most: longest answer in tokens.
        owner: which row of the prompt each question is about; the first where it is not said.
        temperature: 0 takes the likeliest token, 1 draws by lot.
        generator: decides the lots.
    """
    text = model.model.language_model
    longest = max(len(question) for question in questions)
    missing = torch.tensor([longest - len(question) for question in questions])
    ids = torch.tensor([[0] * (longest - len(question)) + [int(token) for token in question] for question in questions])
    before = prompt.past[0][0].shape[2]
    rows = torch.tensor([0] * len(questions) if owner is None else list(owner))
    caches = _Caches(prompt, rows, longest + most)
    is_real = torch.ones(len(ids), before + longest + most, dtype=torch.bool)
    is_real[:, before : before + longest] = torch.arange(longest) >= missing[:, None]
    causal = torch.ones(longest, before + longest, dtype=torch.bool).tril(before)
    may_see = causal & is_real[:, None, None, : before + longest]
    positions = prompt.next_position + torch.arange(longest) - missing[:, None]
    left = torch.arange(len(ids))
    written: list[list[int]] = [[] for _ in questions]
    for _ in range(most):
        hidden = text.embed_tokens(ids)
        rope = text.rotary_emb(hidden, positions.expand(3, *positions.shape))
        for place, layer in enumerate(text.layers):
            hidden, *_ = decoder_layer(
                layer, hidden, rope, lambda *own, place=place: caches.extend(place, *own), may_see
            )
        caches.used += ids.shape[1]
        logits = F.linear(text.norm(hidden[:, -1]), text.embed_tokens.weight).float()
        if temperature > 0:
            ids = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        else:
            ids = logits.argmax(-1, keepdim=True)
        for row, token in zip(left.tolist(), ids[:, 0].tolist(), strict=True):
            written[row].append(token)
        positions = positions[:, -1:] + 1
        goes_on = torch.nonzero(ids[:, 0] != end)[:, 0]
        if not len(goes_on):
            break
        if len(goes_on) <= _FEWER * len(ids):
            left, ids, positions, is_real = (part[goes_on] for part in (left, ids, positions, is_real))
            caches.keep(goes_on)
        may_see = is_real[:, None, None, : caches.used + 1]
    return [row[: row.index(end)] if end in row else row for row in written]
