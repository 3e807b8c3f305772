"""Prefix caching: the keys and values of a prompt are reused by the next prompt about the same frames.

A prompt has the images first. Two prompts about the same images therefore start with the same tokens, whose keys and
values do not depend on later tokens and can be reused exactly. The common prefix is found by comparing token ids of
both whole prompts, never by splitting the text. So one store serves another instruction (shared up to the instruction),
another sample (all but one token) and a correction (the first prompt, and the answer if it is tokenized as written).
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer, StaticLayer

from veason.types import Frame

DEFAULT_BUDGET_BYTES = 1 << 30
"""Enough for about six videos: 3,400 tokens of Qwen2.5-VL take 122 MB (3B) or 190 MB (7B) in bfloat16."""

_HASHED_ROW_STEP = 8


@dataclass(frozen=True, slots=True, eq=False)
class PrefixEntry:
    """Token ids and their keys and values per layer. The tensors must not be written to.

    `token_ids` is `(L,)` int64 on the CPU; the tensors of `layers` are `(1, heads, L, size)` on the model's device.
    """

    token_ids: torch.Tensor
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @property
    def num_bytes(self) -> int:
        """Bytes of the keys and values."""
        return sum(tensor.numel() * tensor.element_size() for pair in self.layers for tensor in pair)

    def start(self, length: int) -> DynamicCache:
        """Return a cache of the first `length` tokens. It shares memory with this entry.

        A `DynamicLayer` grows by creating new tensors, so using, cropping or cancelling the cache does not change this
        entry.
        """
        cache = DynamicCache()
        for keys, values in self.layers:
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys[..., :length, :], values[..., :length, :]
            cache.layers.append(layer)
        return cache


def entry_from_cache(cache: Cache, token_ids: torch.Tensor) -> PrefixEntry | None:
    """Return an entry from the cache of a finished `generate`, or None if a layer does not contain every token.

    The tensors of a static cache are copied, because the next answer overwrites them.

    Args:
        cache: the cache that `generate` used.
        token_ids: `(1, L)` prompt and answer. The last answer token was sampled, but its keys were not computed.
    """
    length = int(cache.get_seq_length())
    if not all(
        type(layer) in (DynamicLayer, StaticLayer) and int(layer.get_seq_length()) == length for layer in cache.layers
    ):
        return None
    layers = tuple(
        (layer.keys[..., :length, :].clone(), layer.values[..., :length, :].clone())
        if type(layer) is StaticLayer
        else (layer.keys, layer.values)
        for layer in cache.layers
    )
    return PrefixEntry(token_ids[0, :length].cpu(), layers)


@dataclass(frozen=True, slots=True)
class PrefixCounts:
    """Use of the prefix cache since the policy was loaded. Each sample counts as one prompt.

    Attributes:
        prompts: number of prompts.
        prompt_tokens: tokens of all prompts.
        prefill_tokens: those that were computed; the others were reused.
        vision_calls: prompts whose images went through the vision tower.
        kept_videos: number of cached entries now.
        kept_bytes: bytes of those entries.
    """

    prompts: int = 0
    prompt_tokens: int = 0
    prefill_tokens: int = 0
    vision_calls: int = 0
    kept_videos: int = 0
    kept_bytes: int = 0

    def with_prompt(self, prompt_tokens: int, reused_tokens: int) -> PrefixCounts:
        """Return the counts with one more prompt, of which `reused_tokens` were reused (0: computed in full)."""
        return replace(
            self,
            prompts=self.prompts + 1,
            prompt_tokens=self.prompt_tokens + prompt_tokens,
            prefill_tokens=self.prefill_tokens + prompt_tokens - reused_tokens,
            vision_calls=self.vision_calls + (reused_tokens == 0),
        )


class PrefixStore:
    """A cache of prefix entries by frame set, at most `budget_bytes`; least recently used dropped first. Thread-safe.

    There is one entry per set of frames: the last prompt about them with its answer. Users who ask about the same video
    in turn still share the tokens of all images, because their prompts start with them.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._entries: OrderedDict[bytes, PrefixEntry] = OrderedDict()
        self._lock = threading.Lock()
        self._num_bytes = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of all entries, never more than the budget.

        It takes no lock, so that a process forked meanwhile finds none held.
        """
        return self._num_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes, token_ids: torch.Tensor, *, at_least: int) -> tuple[PrefixEntry, int] | None:
        """Return the entry of these frames and the number of its first tokens that the prompt shares, or None.

        Args:
            key: the result of `digest_frames`.
            token_ids: `(N,)` the whole prompt. At most N - 1 tokens are shared, so that one is left to compute.
            at_least: the smallest useful number of shared tokens; with fewer the result is None.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        length = min(common_length(entry.token_ids, token_ids), len(token_ids) - 1)
        return (entry, length) if length >= at_least else None

    def put(self, key: bytes, entry: PrefixEntry) -> None:
        """Store an entry in place of the one for the same frames; drop others until all fit the budget."""
        with self._lock:
            self._entries.pop(key, None)
            if entry.num_bytes <= self.budget_bytes:
                while self._total_bytes() + entry.num_bytes > self.budget_bytes:
                    self._entries.popitem(last=False)
                self._entries[key] = entry
            self._num_bytes = self._total_bytes()

    def clear(self) -> None:
        """Drop all entries."""
        with self._lock:
            self._entries.clear()
            self._num_bytes = 0

    def _total_bytes(self) -> int:
        return sum(entry.num_bytes for entry in self._entries.values())


def digest_frames(frames: Sequence[Frame]) -> bytes:
    """Return a 32-byte digest of frames: their indices, sizes and pixels.

    Every pixel is part of a CRC-32 per frame, every eighth row of the SHA-256 as well. Hashing the source pixels takes
    3 ms for a 1080p frame, a tenth of the time of resizing it first.
    """
    digest = hashlib.sha256()
    for frame in frames:
        image = np.ascontiguousarray(frame.image)
        digest.update(f"{frame.index} {image.shape} {zlib.crc32(image.data)};".encode())
        digest.update(np.ascontiguousarray(image[::_HASHED_ROW_STEP]).data)
    return digest.digest()


def common_length(ids_a: torch.Tensor, ids_b: torch.Tensor) -> int:
    """Return the length of the common prefix of two token sequences, `(L,)` and `(M,)`.

    >>> common_length(torch.tensor([5, 6, 7, 8]), torch.tensor([5, 6, 9]))
    2
    """
    shorter = min(len(ids_a), len(ids_b))
    differences = (ids_a[:shorter] != ids_b[:shorter]).nonzero()
    return int(differences[0]) if len(differences) else shorter
