"""A cache of the decoded frames shown to a policy, for further questions about the same video."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from veason.segmenter.identity import video_key
from veason.types import Frame, VideoSource

DEFAULT_BYTES = 256 << 20
"""Enough for about ten videos of 720p: 8 frames take 22 MB."""


class ShownFrames:
    """Frames by video and index, at most `budget_bytes` of pixels; least recently used dropped first. Thread-safe.

    A frame is decoded when a question first needs it. The returned arrays are shared and therefore read-only.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._frames: OrderedDict[tuple[Hashable, int], Frame] = OrderedDict()
        self._lock = threading.Lock()
        self._num_bytes = 0
        self._num_decoded = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of the cached pixels, never more than the budget."""
        return self._num_bytes

    @property
    def num_decoded(self) -> int:
        """The number of frames decoded so far."""
        return self._num_decoded

    def read(self, video: VideoSource, frame_indices: Sequence[int]) -> list[Frame]:
        """Return frames in the order of their absolute indices given; only frames not cached are decoded.

        Raises:
            VideoError: a frame cannot be read.
        """
        key = video_key(video)
        with self._lock:
            found = {index: self._frames[key, index] for index in frame_indices if (key, index) in self._frames}
        for frame in video.frames(sorted(set(frame_indices) - set(found))):
            frame.image.setflags(write=False)
            found[frame.index] = frame
            with self._lock:
                self._num_decoded += 1
        with self._lock:
            for index in frame_indices:
                self._store((key, index), found[index])
        return [found[index] for index in frame_indices]

    def _store(self, key: tuple[Hashable, int], frame: Frame) -> None:
        if key not in self._frames:
            self._frames[key] = frame
            self._num_bytes += frame.image.nbytes
        self._frames.move_to_end(key)
        while self._num_bytes > self.budget_bytes:
            _, dropped = self._frames.popitem(last=False)
            self._num_bytes -= dropped.image.nbytes
