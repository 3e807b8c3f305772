"""Frames in SAM2's input form, decoded on access, with a small cache of resized images."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from PIL import Image

from veason.types import VideoSource

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
"""Source: sam2/utils/misc.py `load_video_frames` (sam2 1.1.0)."""


class ModelFrames:
    """The `images` of a stock inference state: frame `i` as `(3, S, S)` float32, normalised, on the model's device.

    Stock loads every frame before the first click (12.6 MB each at 1024 px). Here a frame is decoded on access, and at
    most `capacity` resized frames are cached as uint8 (3.1 MB each at 1024 px), least recently used dropped first.
    Values equal, bit for bit, those of stock's loader for a folder of JPEG files: PIL's bicubic resize to a square,
    then `/ 255` in float64, cast to float32, minus the mean, divided by the deviation. For uint8 pixels the arithmetic
    is a table of 256 values per channel.
    """

    def __init__(self, video: VideoSource, image_size: int, device: torch.device, capacity: int = 16) -> None:
        self._video = video
        self._image_size = image_size
        self._table = _pixel_table().to(device)
        self._capacity = capacity
        self._resized: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._num_decoded = 0

    @property
    def num_decoded(self) -> int:
        """The number of frames read from the video."""
        return self._num_decoded

    def __len__(self) -> int:
        return self._video.info.num_frames

    def __getitem__(self, frame_index: int) -> torch.Tensor:
        if frame_index not in self._resized:
            self._store(frame_index, self._video.frame(frame_index))
        self._resized.move_to_end(frame_index)
        pixels = self._resized[frame_index].to(self._table.device)
        return torch.stack([self._table[channel][pixels[..., channel].int()] for channel in range(3)])

    def prefetch_before(self, frame_index: int, first: int) -> None:
        """Decode `frame_index` and some frames before it, none before `first`, in ascending order.

        Reading a video backward one frame at a time would decode each group of pictures (GOP) repeatedly.
        """
        if frame_index in self._resized:
            return
        wanted = range(max(first, frame_index - self._capacity + 1), frame_index + 1)
        for frame in self._video.frames([index for index in wanted if index not in self._resized]):
            self._store(frame.index, frame.image)

    def _store(self, frame_index: int, image: np.ndarray) -> None:
        """Cache the resized image and drop the least recently used one beyond the capacity."""
        self._num_decoded += 1
        square = Image.fromarray(image).resize((self._image_size, self._image_size))
        self._resized[frame_index] = torch.from_numpy(np.array(square))
        while len(self._resized) > self._capacity:
            self._resized.popitem(last=False)


def _pixel_table() -> torch.Tensor:
    """Return the normalised value of each uint8 level: `(3, 256)` float32."""
    levels = torch.from_numpy(np.arange(256) / 255.0).float().expand(3, 256)
    return (levels - torch.tensor(IMAGE_MEAN)[:, None]) / torch.tensor(IMAGE_STD)[:, None]
