"""Masks on their way from a segmenter to the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from veason.annotation import GotMasks
from veason.types import FrameMasks

SAVE_S = 1.0
"""Masks that stream in are gathered for this long before they are put on the disk."""


class MaskBuffer:
    """Gathers masks and writes them together, in the order they came.

    Args:
        write: puts masks on the disk, and says which segmenter they come from. What it refuses stays in the buffer.
    """

    def __init__(self, write: Callable[[Sequence[GotMasks], str], None]) -> None:
        self._write = write
        self._arrived: list[GotMasks] = []
        self._source = ""
        self._written_at = 0.0

    @property
    def is_empty(self) -> bool:
        """True where every mask that came is on the disk."""
        return not self._arrived

    @property
    def is_due(self) -> bool:
        """True where it is time to flush."""
        return time.monotonic() - self._written_at > SAVE_S

    def add(self, masks: FrameMasks, source: str) -> None:
        """Take masks of a frame. Those of another segmenter are written first, under its own name."""
        if source != self._source:
            self.flush()
            self._source = source
        self._arrived.append(GotMasks(masks))

    def flush(self) -> None:
        """Write what has come. Raises ProjectError, and keeps everything, where the disk refuses."""
        if self._arrived:
            self._write(self._arrived, self._source)
            self._arrived, self._written_at = [], time.monotonic()
