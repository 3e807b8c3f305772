"""Connected components on the CPU in place of sam2's CUDA kernel, so that stock SAM2 fills small holes in masks.

sam2 imports its kernel as `sam2._C` and skips hole filling if it was not built. Without this module, masks from a CPU
(or from a GPU without the build) would have holes that the masks of the published demo do not have.
"""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import torch
from scipy import ndimage

HOLE_AREA = 8
"""Largest hole that is filled, in connected pixels at `LOW_RESOLUTION`. Source: sam2's build_sam.py."""

LOW_RESOLUTION = 256
"""Side in pixels of the masks that SAM 2 predicts for a 1024 px input."""

_KERNEL = "sam2._C"
_EIGHT = np.ones((3, 3), bool)


def hole_area(image_size: int) -> int:
    """Return the largest hole to fill, in mask pixels, for an input of `image_size`: the same share of the mask.

    >>> hole_area(1024), hole_area(512), hole_area(256)
    (8, 2, 0)
    """
    return round(HOLE_AREA * (image_size / 4 / LOW_RESOLUTION) ** 2)


def install_kernel() -> None:
    """Register `connected_components` as sam2's kernel if its own kernel is not installed."""
    if _KERNEL in sys.modules or importlib.util.find_spec(_KERNEL) is not None:
        return
    kernel = types.ModuleType(_KERNEL, "Connected components on the CPU, in place of sam2's CUDA kernel.")
    kernel.get_connected_componnets = connected_components  # type: ignore[attr-defined]  # sam2 spells it so
    sys.modules[_KERNEL] = kernel


def connected_components(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels and areas of the 8-connected components of `(N, 1, H, W)` uint8 masks.

    Both are `(N, 1, H, W)` int32 and 0 where the mask is 0: a label, 1 or more, unique within an image, and the area of
    the component in pixels.
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
