"""J and F the plain way, one whole frame at a time: what `veason.metrics` is compared with, in numbers and in time.

It follows the definition step by step in numpy: boundary map, dilation with a disk, precision and recall. The stored
official numbers in tests/parity hold it too, so that a fast wrong metric cannot agree with a slow wrong one.
"""

from __future__ import annotations

import numpy as np


def jaccard(prediction: np.ndarray, truth: np.ndarray) -> float:
    union = np.logical_or(prediction, truth).sum()
    return float(np.logical_and(prediction, truth).sum() / union) if union else 1.0


def boundary_f(prediction: np.ndarray, truth: np.ndarray) -> float:
    radius = int(np.ceil(0.008 * np.linalg.norm(truth.shape)))
    a, b = boundary(prediction), boundary(truth)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    precision = (a & dilate(b, radius)).sum() / a.sum()
    recall = (b & dilate(a, radius)).sum() / b.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels that differ from their right, lower or lower-right neighbour inside the frame."""
    mask = mask.astype(bool)
    edge = np.zeros_like(mask)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1, :] |= mask[:-1, :] ^ mask[1:, :]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def dilate(mask: np.ndarray, radius: int) -> np.ndarray:
    """Return the pixels at most `radius` away from one that is set: one whole-frame OR for each place of the disk."""
    height, width = mask.shape
    padded = np.pad(mask, radius)
    grown = np.zeros_like(mask)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= radius * radius:
                grown |= padded[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
    return grown
