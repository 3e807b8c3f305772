"""Counters for tests and benchmarks: calls of the four networks, decoded frames, cached bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor


@dataclass(frozen=True, slots=True)
class NetworkCalls:
    """Number of calls of the image encoder, memory attention, mask decoder and memory encoder."""

    encoder: int = 0
    attention: int = 0
    decoder: int = 0
    memory_encoder: int = 0

    def __sub__(self, earlier: NetworkCalls) -> NetworkCalls:
        return NetworkCalls(
            *(getattr(self, field.name) - getattr(earlier, field.name) for field in fields(NetworkCalls))
        )


@dataclass(frozen=True, slots=True)
class Counters:
    """Work done by a segmenter since it was created, and the current size of its caches.

    Attributes:
        encoded: number of frames that went through the image encoder.
        decoded: number of frames read from videos.
        feature_bytes: bytes of cached features, all tiers.
        memory_bytes: bytes of cached memories.
    """

    encoded: int
    decoded: int
    feature_bytes: int
    memory_bytes: int


class CallCounter:
    """A counter of calls of a model's four networks, from stock code or from ours."""

    def __init__(self) -> None:
        self._calls = {field.name: 0 for field in fields(NetworkCalls)}

    @property
    def calls(self) -> NetworkCalls:
        """The calls so far."""
        return NetworkCalls(**self._calls)

    def add(self, name: str) -> None:
        """Count one call."""
        self._calls[name] += 1


@contextmanager
def count_calls(model: SAM2VideoPredictor) -> Iterator[CallCounter]:
    """Count the calls of the model's networks while the context is open."""
    counter = CallCounter()
    networks = {
        "encoder": model.image_encoder,
        "attention": model.memory_attention,
        "decoder": model.sam_mask_decoder,
        "memory_encoder": model.memory_encoder,
    }
    hooks = [
        network.register_forward_hook(lambda *_, name=name: counter.add(name)) for name, network in networks.items()
    ]
    try:
        yield counter
    finally:
        for hook in hooks:
            hook.remove()
