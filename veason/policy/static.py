"""Decoding into a KV cache of fixed size, so that every token runs the same graph and torch.compile pays off.

A `DynamicCache` copies itself with every token. A `StaticCache` is allocated once and written in place; `generate`
compiles its single-token step on CUDA, but not on a CPU. The answers are the same except for ties that last bits
decide.
"""

from __future__ import annotations

from typing import Any

from transformers import CompileConfig, DynamicCache, StaticCache

CAPACITY_STEP = 1024
"""Capacities are multiples of this many tokens, because each size needs its own graph."""


class ReusableStaticCache:
    """A static KV cache reused by all answers of a policy, one after the other; it grows to the longest of them."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._cache: StaticCache | None = None
        self._capacity = 0

    def start(self, num_tokens: int, prefix: DynamicCache | None) -> StaticCache:
        """Return the cache, emptied, with capacity for a prompt and its answer.

        Args:
            num_tokens: tokens of the prompt and the answer together.
            prefix: keys and values of the first tokens of the prompt, which are copied in, or None.
        """
        if self._cache is None or num_tokens > self._capacity:
            self._capacity = -(-num_tokens // CAPACITY_STEP) * CAPACITY_STEP
            self._cache = StaticCache(config=self._config, max_cache_len=self._capacity)
        else:
            self._cache.reset()
        for number, layer in enumerate(prefix.layers if prefix is not None else ()):
            self._cache.update(layer.keys, layer.values, number)
        return self._cache


def compile_options() -> dict[str, Any]:
    """Return compile options for `generate`: no CUDA graphs, because each answer runs in a thread of its own."""
    return {"compile_config": CompileConfig(mode="default", dynamic=False, fullgraph=False)}
