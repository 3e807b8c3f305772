"""What the model has read of a video is kept, so that the next question about it reads only what is new.

A prompt shows the pictures first. Two prompts about the same pictures therefore begin with the same tokens, and the
keys and values that attention made of those tokens do not depend on what follows: they can be used again, exactly.
How far two prompts agree is found by comparing the tokens of both as a whole, never by cutting the text. So the same
store serves another instruction (all up to the instruction), another sample (all but one token) and a correction
(the first prompt, and the answer as far as it is tokenized the way it was written).
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
"""Room for what was read of some six videos: 3,400 tokens of Qwen2.5-VL take 122 MB (3B) or 190 MB (7B) in bfloat16."""

_ROWS_BETWEEN_HASHED = 8


@dataclass(frozen=True, slots=True, eq=False)
class PrefixEntry:
    """Tokens that were read, and a pair of keys and values for each layer. Nothing may write into any of them.

    `token_ids` is `(L,)` int64 on the CPU; the tensors of `layers` are `(1, heads, L, size)` on the model's device.
    """

    token_ids: torch.Tensor
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @property
    def num_bytes(self) -> int:
        """How much memory the keys and values take."""
        return sum(tensor.numel() * tensor.element_size() for pair in self.layers for tensor in pair)

    def start(self, length: int) -> DynamicCache:
        """Return a cache of the first `length` tokens to go on from. It shares memory with the reading.

        A `DynamicLayer` grows by making new tensors, so whatever is done with the cache, cancelling and cropping
        included, leaves the reading as it is.
        """
        cache = DynamicCache()
        for keys, values in self.layers:
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys[..., :length, :], values[..., :length, :]
            cache.layers.append(layer)
        return cache


def entry_from_cache(cache: Cache, token_ids: torch.Tensor) -> PrefixEntry | None:
    """Return what a finished `generate` has read, None for a cache that does not hold every token in every layer.

    What a static cache holds is copied, since the next answer is written over it.

    Args:
        cache: the cache it used.
        token_ids: `(1, L)` prompt and answer. The last token of the answer was chosen but not read.
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
    """What the model was spared, since the policy was loaded: one more prompt with every sample.

    `prompt_tokens` were asked for and `prefill_tokens` of them read, the others reused; `vision_calls` are prompts
    whose pictures went through the vision tower; `kept_bytes` is what the store holds now, for `kept_videos`.
    """

    prompts: int = 0
    prompt_tokens: int = 0
    prefill_tokens: int = 0
    vision_calls: int = 0
    kept_videos: int = 0
    kept_bytes: int = 0

    def after(self, prompt_tokens: int, reused_tokens: int) -> PrefixCounts:
        """Return the counts after one more prompt, of which so many tokens were reused (0: it was read whole)."""
        return replace(
            self,
            prompts=self.prompts + 1,
            prompt_tokens=self.prompt_tokens + prompt_tokens,
            prefill_tokens=self.prefill_tokens + prompt_tokens - reused_tokens,
            vision_calls=self.vision_calls + (reused_tokens == 0),
        )


class PrefixStore:
    """Readings by video, at most `budget_bytes` of them; the one used longest ago goes first.

    Threads may share it. There is one reading for each set of pictures: the last prompt about them and its answer.
    Visitors who ask about the same video in turn still share all of the pictures, since their prompts begin with them.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._readings: OrderedDict[bytes, PrefixEntry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """How much memory the readings take, never more than the budget."""
        with self._lock:
            return self._held()

    def __len__(self) -> int:
        return len(self._readings)

    def find(self, key: bytes, token_ids: torch.Tensor, *, at_least: int) -> tuple[PrefixEntry, int] | None:
        """Return the reading of these pictures and how many of its first tokens serve the prompt.

        Args:
            key: what `digest_frames` gives.
            token_ids: `(N,)` the whole prompt, at least one of whose tokens is left to read.
            at_least: how many tokens must serve; None is returned where fewer do.
        """
        with self._lock:
            reading = self._readings.get(key)
            if reading is None:
                return None
            self._readings.move_to_end(key)
        length = min(common_length(reading.token_ids, token_ids), len(token_ids) - 1)
        return (reading, length) if length >= at_least else None

    def keep(self, key: bytes, reading: PrefixEntry) -> None:
        """Put a reading in place of the one about the same pictures, and let go of others until all fit."""
        with self._lock:
            self._readings.pop(key, None)
            if reading.num_bytes > self.budget_bytes:
                return
            while self._held() + reading.num_bytes > self.budget_bytes:
                self._readings.popitem(last=False)
            self._readings[key] = reading

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._readings.clear()

    def _held(self) -> int:
        return sum(reading.num_bytes for reading in self._readings.values())


def digest_frames(frames: Sequence[Frame]) -> bytes:
    """Return 32 bytes that tell sets of frames apart by their indices, sizes and pixels.

    Every pixel counts in a CRC-32 of its frame, every eighth row in a SHA-256 too. Hashing source pixels this way
    takes 3 ms for a 1080p frame, a tenth of squashing it first.
    """
    digest = hashlib.sha256()
    for frame in frames:
        image = np.ascontiguousarray(frame.image)
        digest.update(f"{frame.index} {image.shape} {zlib.crc32(image.data)};".encode())
        digest.update(np.ascontiguousarray(image[::_ROWS_BETWEEN_HASHED]).data)
    return digest.digest()


def common_length(ids_a: torch.Tensor, ids_b: torch.Tensor) -> int:
    """Return how many tokens two sequences, `(L,)` and `(M,)`, have in common from the start.

    >>> common_length(torch.tensor([5, 6, 7, 8]), torch.tensor([5, 6, 9]))
    2
    """
    shorter = min(len(ids_a), len(ids_b))
    differing = (ids_a[:shorter] != ids_b[:shorter]).nonzero()
    return int(differing[0]) if len(differing) else shorter
