"""A cache of tracked outputs, by frame and by the digest of the prompts that led to them.

SAM2's output on one frame is determined by the video, the network and the object's history: its prompts and corrections
so far. The key contains a digest of that history, so a cached output equals a computed one bit for bit, and eviction
costs only time.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import torch

from veason.segmenter.identity import Scope
from veason.segmenter.prompts import ObjectPlan
from veason.types import FrameRange, Prompt
from veason.types.budgets import MIB

Output = dict[str, Any]
"""The per-frame output of stock SAM2: memory features, mask logits, object pointer and score."""


def digest_plan(plan: ObjectPlan) -> str:
    """Return the digest of an object's prompts without corrections. It does not depend on the object id."""
    prompts = [replace(prompt, object_id=1) for _, prompt in sorted(plan.prompts.items())]
    return _digest(repr((plan.start, prompts, sorted(plan.locked.items()), sorted(plan.absent))))


def digest_correction(before: str, prompt: Prompt) -> str:
    """Return the digest of history `before` followed by a correction and both passes from its frame."""
    return _digest(repr((before, replace(prompt, object_id=1))))


def digest_passes(digest: str, passes: FrameRange) -> str:
    """Return the digest of a history whose last passes covered only so many frames."""
    return _digest(repr((digest, passes)))


class TrackMemories:
    """Outputs by (scope, history digest, frame index); least recently used dropped first. Thread-safe."""

    def __init__(self, budget_bytes: int = 256 * MIB) -> None:
        self.budget_bytes = budget_bytes
        self.constants: dict[Hashable, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Scope, str, int], tuple[Output, int]] = OrderedDict()
        self._num_bytes = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of all cached outputs."""
        return self._num_bytes

    def get(self, scope: Scope, digest: str, frame_index: int) -> Output | None:
        """Return a cached output, or None."""
        key = (scope, digest, frame_index)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, scope: Scope, digest: str, frame_index: int, output: Output) -> None:
        """Store an output, which must not be changed afterwards."""
        key = (scope, digest, frame_index)
        num_bytes = _output_bytes(output)
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (output, num_bytes)
            self._num_bytes += num_bytes
            while self._num_bytes > self.budget_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._num_bytes -= dropped

    def forget(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self.constants.clear()
            self._num_bytes = 0


def _output_bytes(output: Output) -> int:
    """Return the bytes of an output without the position encodings, which all outputs share."""
    return sum(value.nbytes for value in output.values() if isinstance(value, torch.Tensor))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
