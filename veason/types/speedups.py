"""Optimisations that change the last bits of results, and are therefore off by default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from veason.errors import OptionError


@dataclass(frozen=True, slots=True)
class Speedups:
    """Optimisations for a GPU, off by default; a ZeroGPU Space, whose process is short, ignores them.

    Masks and words agree with those of stock SAM2 and plain `generate` (logits within 1e-4 in float32), but not bit
    for bit.

    Attributes:
        static_cache: the policy decodes into a cache of fixed size, and each token is one compiled graph.
        batched: objects that begin alike are tracked together, in one batch.
        compiled: the segmenter's networks are compiled for the shapes that they see most of the time.

    Raises:
        OptionError: a value is neither True nor False.
    """

    static_cache: bool = False
    batched: bool = False
    compiled: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, bool):
                raise OptionError(f"the speed-up {field.name} is True or False, got {value!r}")
