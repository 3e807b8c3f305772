"""The connected components that sam2's CUDA kernel finds, on any machine: with them stock SAM2 fills pinholes in masks.

sam2 imports its kernel by the name `sam2._C` and goes on without it where it was not built, so that masks of a CPU (or
of a GPU without the build) have holes that those of the published demo have not.
"""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import torch
from scipy import ndimage

HOLE_AREA = 8
"""Background of up to this many connected pixels is filled, at `LOW_RESOLUTION`. Source: sam2's build_sam.py."""

LOW_RESOLUTION = 256
"""Side in pixels of the masks that SAM 2 predicts at 1024 px."""

_KERNEL = "sam2._C"
_EIGHT = np.ones((3, 3), bool)


def hole_area(image_size: int) -> int:
    """Return up to which area holes are filled in a network for pictures of `image_size`: the same share of the mask.

    >>> hole_area(1024), hole_area(512), hole_area(256)
    (8, 2, 0)
    """
    return round(HOLE_AREA * (image_size / 4 / LOW_RESOLUTION) ** 2)


def provide_kernel() -> None:
    """Let sam2 find connected components by `connected_components` where its own kernel is not installed."""
    if _KERNEL in sys.modules or importlib.util.find_spec(_KERNEL) is not None:
        return
    kernel = types.ModuleType(_KERNEL, "Connected components on the CPU, in place of sam2's CUDA kernel.")
    kernel.get_connected_componnets = connected_components  # type: ignore[attr-defined]  # sam2 spells it so
    sys.modules[_KERNEL] = kernel


def connected_components(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels and areas of the components of `(N, 1, H, W)` uint8 masks, neighbours also by their corners.

    Both are `(N, 1, H, W)` int32: a label above 0 for each component, different within a picture, and the number of
    its pixels at each of them; 0 where the mask is 0.
    """
    pictures = mask.reshape(-1, *mask.shape[-2:]).cpu().numpy()
    labels = np.zeros(pictures.shape, np.int32)
    areas = np.zeros(pictures.shape, np.int32)
    for picture, label, area in zip(pictures, labels, areas, strict=True):
        ndimage.label(picture, structure=_EIGHT, output=label)
        counts = np.bincount(label.ravel())
        counts[0] = 0
        area[:] = counts[label]
    shape = mask.shape
    return torch.from_numpy(labels).reshape(shape).to(mask.device), torch.from_numpy(areas).reshape(shape).to(
        mask.device
    )
