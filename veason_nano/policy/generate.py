"""Nano-policy writes: many answers side by side, greedily or sampled, to questions about clips that were read once.

The stock `generate` reads the pictures anew for every answer; here all answers about a clip go on from one prompt,
whose keys and values are read once a step. A test holds the greedy answers equal to those of the stock model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from veason_nano.policy.forward import PromptCache, decoder_layer

_FEWER = 0.75
"""Rows that have ended are dropped once no more than this share goes on."""


class _Caches:
    """Keys and values of every layer: those of the prompts, one for all their answers, and those of the answers.

    `owner` `(N,)` tells the prompt of each answer; answers about one clip stand side by side.
    """

    def __init__(self, prompt: PromptCache, owner: Sequence[int], room: int) -> None:
        self.used, self._owner, self._runs, self._prompts = 0, list(owner), _runs(owner), prompt.past
        count = len(self._owner)
        self._own = [
            [part.new_zeros(count, part.shape[1], room, part.shape[3]) for part in pair] for pair in prompt.past
        ]

    def mix(self, layer: int, may_see: torch.Tensor, *new: torch.Tensor) -> torch.Tensor:
        """Attend from new places `(N, heads, T, width)` to the prompts and to what was kept; keep the new ones."""
        query, end = new[0] * new[0].shape[3] ** -0.5, self.used + new[0].shape[2]
        for whole, part in zip(self._own[layer], new[1:], strict=True):
            whole[:, :, self.used : end] = part
        own_key, own_value = (whole[:, :, :end] for whole in self._own[layer])
        key, value = self._prompts[layer]
        inner = (query @ own_key.transpose(2, 3)).masked_fill(~may_see, -torch.inf)
        outer = self._each(query, key.transpose(2, 3))
        share = torch.cat((outer, inner), 3).softmax(-1)
        before = key.shape[2]
        return self._each(share[..., :before], value) + share[..., before:] @ own_value

    def _each(self, rows: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
        """Multiply `(N, heads, T, X)` rows with the `(B, heads, X, Y)` of their prompts, one product for each clip."""
        heads, places = rows.shape[1], rows.shape[2]
        found = []
        for part, (owner, count) in zip(rows.split([count for _, count in self._runs]), self._runs, strict=True):
            flat = part.transpose(0, 1).reshape(heads, count * places, -1)
            found.append((flat @ prompts[owner]).view(heads, count, places, -1).transpose(0, 1))
        return torch.cat(found)

    def keep(self, rows: torch.Tensor) -> None:
        """Drop all other rows; what is left unused of the room stays empty."""
        self._owner = [self._owner[row] for row in rows.tolist()]
        self._runs = _runs(self._owner)
        for full in self._own:
            for place, whole in enumerate(full):
                left = whole.new_empty(len(rows), *whole.shape[1:])
                left[:, :, : self.used] = whole[rows, :, : self.used]
                full[place] = left


def _runs(owner: Sequence[int]) -> list[tuple[int, int]]:
    """Return each prompt in turn, and how many answers side by side go on from it."""
    return [(prompt, len(list(rows))) for prompt, rows in itertools.groupby(owner)]


@torch.no_grad()
def generate_answers(
    model: Any,
    prompt: PromptCache,
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
        prompt: clips that were read (`encode_prompts`), one row each.
        questions: token ids of what follows the pictures, one list a question; lengths may differ.
        end: id of the mark that ends an answer.
        most: longest answer in tokens.
        owner: which row of the prompt each question is about; the first where it is not said. Questions about one row
            stand side by side.
        temperature: 0 takes the likeliest token, 1 samples.
        generator: makes the draws repeatable.
    """
    text = model.model.language_model
    longest = max(len(question) for question in questions)
    missing = torch.tensor([longest - len(question) for question in questions])
    ids = torch.tensor([[0] * (longest - len(question)) + [int(token) for token in question] for question in questions])
    caches = _Caches(prompt, [0] * len(ids) if owner is None else owner, longest + most)
    is_real = torch.ones(len(ids), longest + most, dtype=torch.bool)
    is_real[:, :longest] = torch.arange(longest) >= missing[:, None]
    may_see = torch.ones(longest, longest, dtype=torch.bool).tril() & is_real[:, None, None, :longest]
    positions = prompt.next_position + torch.arange(longest) - missing[:, None]
    left = torch.arange(len(ids))
    written: list[list[int]] = [[] for _ in questions]
    for _ in range(most):
        hidden = text.embed_tokens(ids)
        rope = text.rotary_emb(hidden, positions.expand(3, *positions.shape))
        for place, layer in enumerate(text.layers):
            hidden, *_ = decoder_layer(layer, hidden, rope, None, None, mix=partial(caches.mix, place, may_see))
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
