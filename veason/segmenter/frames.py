"""Frames as SAM2 wants them, decoded when they are asked for and kept only as long as they are likely to be reused."""

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

    Stock loads every frame before the first click (12.6 MB each at 1024 px). Here a frame is decoded when it is read,
    and at most `capacity` resized frames are kept, as uint8 (3.1 MB each at 1024 px), oldest use dropped first.
    Values equal, bit for bit, those of stock's loader for a folder of JPEG files: PIL's bicubic resize to a square,
    then `/ 255` in float64, cast to float32, minus the mean, divided by the deviation. For uint8 pixels the arithmetic
    is a table of 256 values a channel.
    """

    def __init__(self, video: VideoSource, image_size: int, device: torch.device, capacity: int = 16) -> None:
        self._video = video
        self._image_size = image_size
        self._table = _pixel_table().to(device)
        self._capacity = capacity
        self._kept: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._num_decoded = 0

    @property
    def num_decoded(self) -> int:
        """How many frames were read from the video."""
        return self._num_decoded

    def __len__(self) -> int:
        return self._video.info.num_frames

    def __getitem__(self, frame_index: int) -> torch.Tensor:
        if frame_index not in self._kept:
            self._keep(frame_index, self._video.frame(frame_index))
        self._kept.move_to_end(frame_index)
        pixels = self._kept[frame_index].to(self._table.device)
        return torch.stack([self._table[channel][pixels[..., channel].int()] for channel in range(3)])

    def prefetch_before(self, frame_index: int, first: int) -> None:
        """Decode `frame_index` and some frames before it, none before `first`, in ascending order.

        Walking backward through a video one frame at a time would decode each group of pictures again and again.
        """
        if frame_index in self._kept:
            return
        wanted = range(max(first, frame_index - self._capacity + 1), frame_index + 1)
        for frame in self._video.frames([index for index in wanted if index not in self._kept]):
            self._keep(frame.index, frame.image)

    def _keep(self, frame_index: int, image: np.ndarray) -> None:
        """Keep the resized picture, and drop the one whose last use is longest ago where there are too many."""
        self._num_decoded += 1
        square = Image.fromarray(image).resize((self._image_size, self._image_size))
        self._kept[frame_index] = torch.from_numpy(np.array(square))
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


def _pixel_table() -> torch.Tensor:
    """Return the normalised value of each uint8 level: `(3, 256)` float32."""
    levels = torch.from_numpy(np.arange(256) / 255.0).float().expand(3, 256)
    return (levels - torch.tensor(IMAGE_MEAN)[:, None]) / torch.tensor(IMAGE_STD)[:, None]
