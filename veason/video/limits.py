"""Limits on what a video file may require, and their enforcement while it is opened."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from veason.errors import VideoError


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Limits for opening and reading one video.

    Attributes:
        max_pixels: width times height of a frame.
        max_frames: number of frames.
        max_streams: number of streams in the container.
        max_open_s: seconds that opening may take, None for no limit.
        is_trusted: whether decord may read the file; its FFmpeg supports no limits.
        is_cancelled: called while the file is opened; if it returns True, opening raises VideoError.

    Raises:
        VideoError: a limit is not above 0.
    """

    max_pixels: int = 2**26
    max_frames: int = 1_000_000
    max_streams: int = 64
    max_open_s: float | None = None
    is_trusted: bool = True
    is_cancelled: Callable[[], bool] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        bounds: dict[str, float] = {
            "max_pixels": self.max_pixels,
            "max_frames": self.max_frames,
            "max_streams": self.max_streams,
        }
        bounds |= {} if self.max_open_s is None else {"max_open_s": self.max_open_s}
        for name, bound in bounds.items():
            if not bound > 0:
                raise VideoError(f"{name} of a video is above 0, got {bound}")

    def for_reopening(self) -> VideoLimits:
        """Return the limits for opening the file again: without a time limit and cancellation."""
        return replace(self, is_cancelled=None, max_open_s=None)

    def check_size(self, name: str, size_wh: tuple[int, int]) -> None:
        """Raise VideoError if frames of `size_wh` are larger than allowed. `name` is the file's, for the message."""
        if size_wh[0] * size_wh[1] > self.max_pixels:
            raise VideoError(
                f"the pictures of {name} are {size_wh[0]}x{size_wh[1]}, at most {self.max_pixels / 1e6:.0f} million "
                "pixels are read: make it smaller"
            )


ANY = VideoLimits()
"""The limits for files of the user who runs the program."""

UNTRUSTED = VideoLimits(max_pixels=2**25, max_frames=200_000, max_streams=16, max_open_s=20.0, is_trusted=False)
"""The limits for files from strangers: 8K frames, two hours at 25 frames per second, 20 seconds for opening."""


class OpeningGuard:
    """Enforcement of the limits during one opening: `check` is called for every packet."""

    def __init__(self, name: str, limits: VideoLimits) -> None:
        self._name = name
        self._limits = limits
        self._started = time.monotonic()
        self._num_frames = 0

    def check(self) -> None:
        """Count one frame. Raises VideoError if there are too many, opening takes too long, or it was cancelled."""
        self._num_frames += 1
        limits = self._limits
        if self._num_frames > limits.max_frames:
            raise VideoError(f"{self._name} has more than {limits.max_frames} frames: cut it into parts")
        if limits.max_open_s is not None and time.monotonic() - self._started > limits.max_open_s:
            raise VideoError(
                f"{self._name} could not be indexed in {limits.max_open_s:.0f} seconds: convert it to H.264 in "
                "MP4, whose frames need not be decoded to be counted"
            )
        if limits.is_cancelled is not None and limits.is_cancelled():
            raise VideoError(f"opening {self._name} was cancelled")
