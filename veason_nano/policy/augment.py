"""Other pictures of the same things: crops, mirror images and other light, with the boxes that belong to them.

Without them the eye learns the pictures of its pool by heart: after 9 minutes on 24,000 pictures it named 95 % of the
objects there and 80 % on new clips.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

_SMALLEST_CROP = 0.7
_SMALLEST_REST = 0.4
"""An object of which a crop keeps less than this share of its box is not asked for."""


def augment(
    images: np.ndarray, boxes: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return pictures of the same size and their boxes.

    Args:
        images: `(B, H, W, 3)` uint8, square.
        boxes: for each picture `(N, 4)` float xyxy in its pixels, NaN where an object is not there.
        rng: decides everything.
    """
    count, side = len(images), images.shape[1]
    size = rng.uniform(_SMALLEST_CROP, 1, (count, 2))
    corner = rng.uniform(0, 1 - size)
    mirror = rng.random(count) < 0.5
    theta = torch.zeros(count, 2, 3)
    scale, centre = torch.from_numpy(size), torch.from_numpy(2 * corner + size - 1)
    theta[:, 0, 0] = scale[:, 0] * torch.from_numpy(np.where(mirror, -1.0, 1.0))
    theta[:, 1, 1] = scale[:, 1]
    theta[:, :, 2] = centre
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    drawn = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False).numpy()
    gain, shift = rng.uniform(0.8, 1.2, (count, 1, 1, 1)), rng.uniform(-15, 15, (count, 1, 1, 1))
    grain = rng.standard_normal(drawn.shape, np.float32) * rng.uniform(0, 4, (count, 1, 1, 1))
    lit = np.clip((drawn - 128) * gain + 128 + shift + grain, 0, 255).astype(np.uint8)
    placed = [
        _place(boxes[place], corner[place] * side, size[place], side, bool(mirror[place])) for place in range(count)
    ]
    return np.ascontiguousarray(lit.transpose(0, 2, 3, 1)), placed


def _place(boxes: np.ndarray, corner: np.ndarray, size: np.ndarray, side: int, is_mirrored: bool) -> np.ndarray:
    """Return boxes in the pixels of a crop, NaN where too little of an object is left."""
    moved = (boxes - np.tile(corner, 2)) / np.tile(size, 2)
    if is_mirrored:
        moved[:, [0, 2]] = side - moved[:, [2, 0]]
    whole = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    cut = moved.clip(0, side)
    rest = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    with np.errstate(invalid="ignore"):
        cut[~(rest > _SMALLEST_REST * whole)] = np.nan
    return cut.astype(np.float32)
