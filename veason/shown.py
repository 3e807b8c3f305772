"""Decoded frames that a policy was shown, kept for the next question about the same video."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from veason.segmenter.identity import video_key
from veason.types import Frame, VideoSource

DEFAULT_BYTES = 256 << 20
"""Room for what some ten videos of 720p were shown: 8 frames take 22 MB."""


class ShownFrames:
    """Frames by video and index, at most `budget_bytes` of pixels, the one used longest ago dropped first.

    Threads may share it. A frame is decoded when a question first needs it. The arrays given out are shared, so they
    cannot be written to.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._kept: OrderedDict[tuple[Hashable, int], Frame] = OrderedDict()
        self._lock = threading.Lock()
        self._num_bytes = 0
        self._num_decoded = 0

    @property
    def num_bytes(self) -> int:
        """The bytes of pixels held, never more than the budget."""
        return self._num_bytes

    @property
    def num_decoded(self) -> int:
        """How many frames were read from videos so far."""
        return self._num_decoded

    def read(self, video: VideoSource, frame_indices: Sequence[int]) -> list[Frame]:
        """Return the frames in the given order; only those not at hand are decoded.

        Raises:
            VideoError: a frame cannot be read.
        """
        key = video_key(video)
        with self._lock:
            found = {index: self._kept[key, index] for index in frame_indices if (key, index) in self._kept}
        for frame in video.frames(sorted(set(frame_indices) - set(found))):
            frame.image.setflags(write=False)
            found[frame.index] = frame
            with self._lock:
                self._num_decoded += 1
        with self._lock:
            for index in frame_indices:
                self._keep((key, index), found[index])
        return [found[index] for index in frame_indices]

    def _keep(self, key: tuple[Hashable, int], frame: Frame) -> None:
        if key not in self._kept:
            self._kept[key] = frame
            self._num_bytes += frame.image.nbytes
        self._kept.move_to_end(key)
        while self._num_bytes > self.budget_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._num_bytes -= dropped.image.nbytes
