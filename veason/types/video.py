"""What is known of a video, and how its frames are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from veason.errors import VideoError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video after its index was read, before any picture is decoded.

    `size_wh` is the size after rotation; `fps` is the average rate; timestamps are seconds of the first and the
    last frame; `has_variable_rate` tells that frame durations differ; `decoder` is "decord", "pyav" or "images".
    `files` are the paths of the frames in order, where `path` is a folder that may hold other pictures too. `path` and
    `decoder` are "" where only the labels of a video are at hand.

    Raises:
        VideoError: no frame, no size, a rate that is not positive and finite, timestamps that are not finite or run
            backward, or a number of files that is not that of the frames.
    """

    path: str
    num_frames: int
    size_wh: tuple[int, int]
    fps: float
    first_timestamp: float
    last_timestamp: float
    has_variable_rate: bool
    decoder: str
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        width, height = self.size_wh
        name = self.path or "a video"
        if self.num_frames < 1 or not (width >= 1 and height >= 1):
            raise VideoError(f"{name} has {self.num_frames} frames of {width}x{height}, wanted at least one of each")
        if not 0 < self.fps < math.inf:
            raise VideoError(f"{name} has a frame rate of {self.fps}, which is not a positive number")
        if not -math.inf < self.first_timestamp <= self.last_timestamp < math.inf:
            raise VideoError(
                f"{name} runs from {self.first_timestamp} to {self.last_timestamp} seconds, which is no time"
            )
        if self.files and len(self.files) != self.num_frames:
            raise VideoError(f"{name} has {self.num_frames} frames, but {len(self.files)} files are listed")


class VideoSource(Protocol):
    """Random access to the exact frames of one video. Can be pickled (it is opened again from its path)."""

    @property
    def info(self) -> VideoInfo:
        """Count, size, rate and timestamps."""

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB. Raises VideoError."""

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the wanted frames in the given order, decoding only what they need."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture and its place in the video: `image` is `(H, W, 3)` uint8 RGB at source size."""

    index: int
    image: np.ndarray
