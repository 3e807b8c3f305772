"""Decoding into one cache of fixed size, so that every token is the same graph: what torch.compile and a GPU like.

A `DynamicCache` grows by a copy of itself with every token. A `StaticCache` has its room from the start and is written
in place; `generate` compiles the step of one token for it where there is CUDA. On a CPU it is not compiled. The words
are the same, but for ties that last bits decide.
"""

from __future__ import annotations

from typing import Any

from transformers import CompileConfig, DynamicCache, StaticCache

ROOM_STEP = 1024
"""Rooms are multiples of this many tokens: another size means another graph."""


class StaticRoom:
    """The one cache that all answers of a policy are written into, one after the other; it grows to the longest."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._cache: StaticCache | None = None
        self._room = 0

    @property
    def num_tokens(self) -> int:
        """How many tokens there is room for now."""
        return self._room

    def begin(self, num_tokens: int, read: DynamicCache | None) -> StaticCache:
        """Return the emptied cache with room for a prompt and its answer.

        Args:
            num_tokens: of both together.
            read: what was read of the prompt before, which is copied in.
        """
        if self._cache is None or num_tokens > self._room:
            self._room = -(-num_tokens // ROOM_STEP) * ROOM_STEP
            self._cache = StaticCache(config=self._config, max_cache_len=self._room)
        else:
            self._cache.reset()
        for number, layer in enumerate(read.layers if read is not None else ()):
            self._cache.update(layer.keys, layer.values, number)
        return self._cache


def compile_options() -> dict[str, Any]:
    """Return what `generate` needs to know: no CUDA graphs, which belong to a thread, and each answer has its own."""
    return {"compile_config": CompileConfig(mode="default", dynamic=False, fullgraph=False)}
