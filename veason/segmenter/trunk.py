"""EfficientNet-Lite0 as the trunk of sam2's own `ImageEncoder`: four maps of a picture, at strides of 4 to 32 pixels.

It stands where Hiera stands in a stock model and answers in the same form. A stock model never meets this module: a
segmenter's config.json asks for it (`"trunk": "efficientnet-lite0"`).

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, and the table
of the Lite family at tensorflow/tpu, models/official/efficientnet/lite (no squeeze and excitation, ReLU6).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel side, stride of the first block, widening inside a block, and channels, a stage."""

MAPS_AFTER = (1, 2, 4, 6)
"""The stages whose outputs are handed on: the last ones at strides 4, 8, 16 and 32."""

STEM_CHANNELS = 32

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""The picture normalisation that sam2 applies (sam2/utils/misc.py), undone here: this network has another."""


class EfficientNetLite0(nn.Module):  # type: ignore[misc]
    """The convolutions of EfficientNet-Lite0, without its classifier; its batch norms are part of their weights.

    `channel_list` holds the channels of the maps, coarsest first, as sam2's neck wants them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.channel_list = [STAGES[stage][4] for stage in reversed(MAPS_AFTER)]
        self.stem = SameConv(3, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList()
        channels = STEM_CHANNELS
        for count, side, stride, widening, wide in STAGES:
            blocks = []
            for number in range(count):
                blocks.append(Block(channels, wide, side, stride=stride if number == 0 else 1, widening=widening))
                channels = wide
            self.stages.append(nn.Sequential(*blocks))
        # x * std + mean is the picture in 0..1 again; 255 times that, less 127, by 128 is what this network takes.
        mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
        self.register_buffer("gain", std * 255 / 128, persistent=False)
        self.register_buffer("lift", (mean * 255 - 127) / 128, persistent=False)
        self.to(memory_format=torch.channels_last)  # 1.7 times as fast on a CPU

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps of `(N, 3, S, S)` pictures normalised as sam2 does, finest first; 32 must divide S."""
        x = (pictures * self.gain + self.lift).contiguous(memory_format=torch.channels_last)
        x = F.relu6(self.stem(x))
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in MAPS_AFTER:
                maps.append(x)
        return maps


class Block(nn.Module):  # type: ignore[misc]
    """An inverted bottleneck: widen, filter each channel alone, narrow; added to its input where shapes allow."""

    def __init__(self, channels: int, wide: int, side: int, *, stride: int, widening: int) -> None:
        super().__init__()
        inner = channels * widening
        self.is_residual = stride == 1 and channels == wide
        self.expand = SameConv(channels, inner, 1) if widening > 1 else None
        self.depthwise = SameConv(inner, inner, side, stride=stride, groups=inner)
        self.project = SameConv(inner, wide, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `(N, wide, H / stride, W / stride)` of `(N, channels, H, W)`."""
        inner = x if self.expand is None else F.relu6(self.expand(x))
        out: torch.Tensor = self.project(F.relu6(self.depthwise(inner)))
        return x + out if self.is_residual else out


class SameConv(nn.Conv2d):  # type: ignore[misc]
    """A convolution with TensorFlow's padding ("SAME"): where its stride is over 1 the odd pixel goes right and below.

    Sides must be multiples of the stride.
    """

    def __init__(self, channels: int, wide: int, side: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, wide, side, stride, padding=side // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `(N, wide, H / stride, W / stride)` of `(N, channels, H, W)`."""
        odd = self.kernel_size[0] - self.stride[0]
        if self.stride[0] > 1:
            x = F.pad(x, (odd // 2, odd - odd // 2, odd // 2, odd - odd // 2))
        return super().forward(x)
