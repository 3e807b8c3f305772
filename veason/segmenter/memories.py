"""What was tracked, kept for the next correction: outputs of single frames under the history that led to them.

An output of SAM2 on one frame follows from the video, the network, and all that was said about the object before: its
history. A history has a digest, so that looking up an output and computing it anew give the same bits; what is evicted
costs time and nothing else.
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
"""What stock keeps of a frame: memory features, mask logits, object pointer and score."""


def digest_plan(plan: ObjectPlan) -> str:
    """Return the digest of an object's history before any correction: the same for any object with the same prompts."""
    prompts = [replace(prompt, object_id=1) for _, prompt in sorted(plan.prompts.items())]
    return _digest(repr((plan.start, prompts, sorted(plan.locked.items()), sorted(plan.absent))))


def digest_correction(before: str, prompt: Prompt) -> str:
    """Return the digest of a history with one more correction, after which both passes run from its frame."""
    return _digest(repr((before, replace(prompt, object_id=1))))


def digest_passes(digest: str, passes: FrameRange) -> str:
    """Return the digest of a history whose last passes covered only so many frames."""
    return _digest(repr((digest, passes)))


class TrackMemories:
    """Outputs by (video and model, history, frame), least recently used dropped first. Safe in several threads."""

    def __init__(self, budget_bytes: int = 256 * MIB) -> None:
        self.budget_bytes = budget_bytes
        self.constants: dict[Hashable, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Scope, str, int], tuple[Output, int]] = OrderedDict()
        self._held = 0

    @property
    def num_bytes(self) -> int:
        """The bytes held."""
        return self._held

    def get(self, scope: Scope, digest: str, frame_index: int) -> Output | None:
        """Return an output, None where it must be computed."""
        key = (scope, digest, frame_index)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, scope: Scope, digest: str, frame_index: int, output: Output) -> None:
        """Keep a finished output."""
        key = (scope, digest, frame_index)
        num_bytes = _output_bytes(output)
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (output, num_bytes)
            self._held += num_bytes
            while self._held > self.budget_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._held -= dropped

    def forget(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self.constants.clear()
            self._held = 0


def _output_bytes(output: Output) -> int:
    """Return the bytes that an output holds by itself; position encodings are one constant for all."""
    return sum(value.nbytes for value in output.values() if isinstance(value, torch.Tensor))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
