"""The training pass of nano-policy: the same numbers as transformers gives, arranged so that work is shared.

All pictures of a batch go through the vision tower at once; the prompt of a clip is read once and all branches (a
question and its answer each) go on from its keys and values. Inference uses the stock model: a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb, apply_rotary_pos_emb_vision
from transformers.vision_utils import get_vision_position_ids

Extend = Callable[[torch.Tensor, torch.Tensor], Sequence[torch.Tensor]]
"""From a layer's own keys and values to all that may be looked at."""

Mix = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From a layer's own queries, keys and values to what attention gives."""

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, eq=False)
class PromptCache:
    """Prompts that were read: keys and values of every layer, the hidden states at one layer, the next position."""

    past: list[tuple[torch.Tensor, torch.Tensor]]
    middle: torch.Tensor
    next_position: int


@dataclass(slots=True, eq=False)
class AttentionProbe:
    """Watches the first `heads` heads of a decoder layer: `log_attention` becomes `(N, heads, T, places)`."""

    layer: int
    heads: int
    log_attention: torch.Tensor | None = None

    def note(self, query: torch.Tensor, key: torch.Tensor, may_see: torch.Tensor) -> None:
        """Work the attention of the watched heads out from queries and keys `(N, heads, T or places, width)`."""
        groups = query.shape[1] // key.shape[1]
        keys = key.repeat_interleave(groups, 1)[:, : self.heads]
        scores = query[:, : self.heads] @ keys.transpose(2, 3) / query.shape[3] ** 0.5
        self.log_attention = scores.masked_fill(~may_see, -torch.inf).log_softmax(-1)


@dataclass(frozen=True, slots=True, eq=False)
class BranchCache:
    """What some branches have said already, from which others about the same prompt go on.

    Attributes:
        past: keys and values of every layer, `(N, heads, P, width)`, branch n's `count[n]` places first.
        first: `(N,)` place of the first of them, counted from the end of the prompt.
        count: `(N,)` how many there are.
    """

    past: list[tuple[torch.Tensor, torch.Tensor]]
    first: torch.Tensor
    count: torch.Tensor

    @staticmethod
    def cut(said: list[tuple[torch.Tensor, torch.Tensor]], first: torch.Tensor, count: torch.Tensor) -> BranchCache:
        """Cut `count[n]` places from `first[n]` on out of the keys and values of branches `(N, heads, T, width)`."""
        places = (first[:, None] + torch.arange(int(count.max()))).clamp(max=said[0][0].shape[2] - 1)

        def take(part: torch.Tensor) -> torch.Tensor:
            index = places[:, None, :, None].expand(-1, part.shape[1], -1, part.shape[3])
            return part.gather(2, index)

        return BranchCache([(take(key), take(value)) for key, value in said], first, count)


def patches_of(images: torch.Tensor, patch: int, merge: int = 2) -> torch.Tensor:
    """Return `(B, H, W, 3)` uint8 pictures as `(B, tokens, 3 * patch * patch)`, ordered as the image processor does."""
    count, height, width, _ = images.shape
    mean, deviation = torch.tensor(_MEAN), torch.tensor(_DEVIATION)
    values = (images.float() / 255 - mean) / deviation
    rows, columns = height // (patch * merge), width // (patch * merge)
    cut = values.view(count, rows, merge, patch, columns, merge, patch, 3)
    return cut.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(count, rows * columns * merge * merge, 3 * patch * patch)


def see(visual: Any, images: torch.Tensor) -> torch.Tensor:
    """Return `(B, cells, hidden)` visual tokens; every block of nano's tower attends to the whole picture."""
    patch = visual.patch_size
    hidden = F.linear(patches_of(images, patch), visual.patch_embed.proj.weight.flatten(1))
    count, tokens, width = hidden.shape
    grid = torch.tensor([[1, images.shape[1] // patch, images.shape[2] // patch]])
    rope = visual.rotary_pos_emb(hidden, get_vision_position_ids(grid, 2))
    for block in visual.blocks:
        normed = block.norm1(hidden)
        query, key, value = block.attn.qkv(normed).view(count, tokens, 3, block.attn.num_heads, -1).unbind(2)
        query, key = apply_rotary_pos_emb_vision(query, key, *rope)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        mixed = attend(query, key, value, None)
        hidden = hidden + block.attn.proj(mixed.transpose(1, 2).reshape(count, tokens, width))
        hidden = hidden + block.mlp(block.norm2(hidden))
    return visual.merger(hidden).view(count, tokens // 4, -1)


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, may_see: torch.Tensor | None) -> torch.Tensor:
    """Return softmax attention over `(N, heads, places, width)`.

    Spelled out because on a CPU, forward and backward in bfloat16, it takes less than half of the time of
    `scaled_dot_product_attention` (heads of 32: 30 ms against 67 ms).
    """
    scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
    if may_see is not None:
        scores = scores + scores.new_zeros(may_see.shape).masked_fill(~may_see, -torch.inf)
    with torch.autocast(query.device.type, enabled=False):  # which would make all scores float32
        share = scores.softmax(-1)
    return share @ value


def prompt_positions(ids: torch.Tensor, image_id: int, cells: int) -> tuple[torch.Tensor, int]:
    """Return `(3, T)` positions of one prompt (time, row, column) and the position that comes next."""
    places, now, token = [], 0, 0
    tokens = ids.tolist()
    while token < len(tokens):
        if tokens[token] == image_id:
            places += [(now, now + cell // cells, now + cell % cells) for cell in range(cells * cells)]
            now, token = now + cells, token + cells * cells
        else:
            places.append((now, now, now))
            now, token = now + 1, token + 1
    return torch.tensor(places).T, now


def encode_prompts(
    model: Any, ids: torch.Tensor, seen: torch.Tensor, middle_layer: int, probe: AttentionProbe | None = None
) -> PromptCache:
    """Read `(B, T)` prompts of one shape with their visual tokens `(B * pictures, cells, hidden)`.

    `middle` of the result holds the hidden states that enter layer `middle_layer`; `probe` is filled as for branches.
    """
    text = model.model.language_model
    image_id = model.config.image_token_id
    cells = round(seen.shape[1] ** 0.5)
    hidden = text.embed_tokens(ids).masked_scatter((ids == image_id)[..., None], seen.float())
    positions, after = prompt_positions(ids[0], image_id, cells)
    rope = text.rotary_emb(hidden, positions[:, None])
    past, middle = [], hidden
    for place, layer in enumerate(text.layers):
        middle = hidden if place == middle_layer else middle
        note = probe if probe is not None and probe.layer == place else None
        hidden, key, value = decoder_layer(layer, hidden, rope, None, None, note)
        past.append((key, value))
    return PromptCache(past, middle, after)


def continue_prompts(
    model: Any,
    prompt: PromptCache,
    ids: torch.Tensor,
    owner: torch.Tensor,
    probes: Sequence[AttentionProbe] = (),
    said: list[tuple[torch.Tensor, torch.Tensor]] | None = None,
) -> torch.Tensor:
    """Return the last hidden states `(N, T, hidden)` of branches `(N, T)`; branch n goes on from prompt `owner[n]`.

    `probes` are filled with how much the watched heads look at each place of prompt and branch, `said` with the keys
    and values of the branches.
    """
    length, before = ids.shape[1], prompt.past[0][0].shape[2]
    positions = (prompt.next_position + torch.arange(length)).expand(3, 1, length)
    may_see = torch.ones(length, before + length, dtype=torch.bool).tril(before)
    past = [(key.index_select(0, owner), value.index_select(0, owner)) for key, value in prompt.past]
    return _go_on(model, ids, positions, past, may_see, probes, said)


def continue_branches(
    model: Any,
    prompt: PromptCache,
    told: BranchCache,
    ids: torch.Tensor,
    asked: torch.Tensor,
    owner: torch.Tensor,
    probes: Sequence[AttentionProbe] = (),
) -> torch.Tensor:
    """Return the last hidden states `(N, T, hidden)` of branches that other branches have told the beginning of.

    A branch is a question, `asked[n]` places long, and what follows what was told. The row `owner[n]` belongs to
    prompt `owner[n]`. What was told has read another question, which is the one thing in which this differs from
    writing it anew, and it saves two thirds of the work. Watched places are those of prompt, told row and branch.
    """
    length, before, most = ids.shape[1], prompt.past[0][0].shape[2], told.past[0][0].shape[2]
    place, asked = torch.arange(length)[None], asked[:, None]
    is_question = place < asked
    first, count = told.first[owner][:, None], told.count[owner][:, None]
    positions = prompt.next_position + place + first - asked + torch.where(is_question, 0, count)
    sees_told = ~is_question[:, :, None] & (torch.arange(most) < count)[:, None]
    rows = len(ids), length
    sees = [torch.ones(*rows, before, dtype=torch.bool), sees_told, torch.ones(*rows, length, dtype=torch.bool).tril()]
    past = [
        _join(*([part.index_select(0, owner) for part in pair] for pair in pairs))
        for pairs in zip(prompt.past, told.past, strict=True)
    ]
    return _go_on(model, ids, positions.expand(3, *rows), past, torch.cat(sees, 2)[:, None], probes, None)


def _go_on(
    model: Any,
    ids: torch.Tensor,
    positions: torch.Tensor,
    past: Sequence[Sequence[torch.Tensor]],
    may_see: torch.Tensor,
    probes: Sequence[AttentionProbe],
    said: list[tuple[torch.Tensor, torch.Tensor]] | None,
) -> torch.Tensor:
    text = model.model.language_model
    hidden = text.embed_tokens(ids)
    rope = text.rotary_emb(hidden, positions)
    for place, (layer, pair) in enumerate(zip(text.layers, past, strict=True)):
        note = next((probe for probe in probes if probe.layer == place), None)
        hidden, *own = decoder_layer(layer, hidden, rope, lambda *new, pair=pair: _join(pair, new), may_see, note)
        if said is not None:
            said.append((own[0], own[1]))
    return text.norm(hidden)


def _join(past: Sequence[torch.Tensor], own: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [torch.cat(pair, 2) for pair in zip(past, own, strict=True)]


def decoder_layer(
    layer: Any,
    hidden: torch.Tensor,
    rope: tuple,
    extend: Extend | None,
    may_see: torch.Tensor | None,
    probe: AttentionProbe | None = None,
    mix: Mix | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what a decoder layer gives, and its own keys and values `(N, heads, T, width)`.

    `extend` turns the own keys and values into all that may be looked at, `may_see` tells which of these each place
    sees; without `extend` the places see one another, forward only. `mix` does all of that by itself.
    """
    attention = layer.self_attn
    normed = layer.input_layernorm(hidden)
    shape = (*hidden.shape[:2], -1, attention.head_dim)
    query, key, value = (
        project(normed).view(shape).transpose(1, 2)
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    query, key = apply_rotary_pos_emb(query, key, *rope)
    own = key, value
    if extend is not None:
        key, value = extend(key, value)
    elif mix is None:
        may_see = torch.ones(hidden.shape[1], hidden.shape[1], dtype=torch.bool).tril()
    if probe is not None and may_see is not None:
        probe.note(query, key, may_see)
    mixed = attend(query, key, value, may_see) if mix is None else mix(query, key, value)
    hidden = hidden + attention.o_proj(mixed.transpose(1, 2).reshape(hidden.shape))
    return hidden + layer.mlp(layer.post_attention_layernorm(hidden)), *own
