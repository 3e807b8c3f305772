"""What the segmenter is trained to minimise: mask, dice, IoU and object-score losses, the best of several masks.

As in the SAM 2 paper, but for the mask term: cross entropy, most of it taken over the surroundings of the object, in
place of the focal loss, which left a network that starts from nothing at "background everywhere" for long. Masks are
compared at half the picture's side, enough for masks made at a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

NEAR_WEIGHT = 2.0
FAR_WEIGHT = 1.0
NEAR_MARGIN = 0.5
"""Surroundings: the object's box, larger by this share of its width and height on every side."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """What the mask decoder said for N objects: M mask logits `(N, M, h, w)`, `(N, M)` IoUs, `(N, 1)` object logits."""

    masks: torch.Tensor
    ious: torch.Tensor
    object_logits: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The sum to minimise, and for the log the mean IoU of visible objects and the share of right object scores."""

    total: torch.Tensor
    iou: float
    object_accuracy: float


def segmenter_loss(heads: Heads, target: torch.Tensor) -> Losses:
    """Compare the decoder's masks with the truth.

    Args:
        heads: the decoder's output.
        target: `(N, H, W)` bool masks; an empty one means that the object is not visible.
    """
    size = (target.shape[-2] // 2, target.shape[-1] // 2)
    truth = F.interpolate(target[:, None].float(), size, mode="area")
    logits = F.interpolate(heads.masks.float(), size, mode="bilinear", align_corners=False)
    is_visible = target.flatten(1).any(1)
    mask_loss = cross_entropy(logits, truth) + dice_loss(logits, truth)
    with torch.no_grad():
        real_ious = soft_iou(logits, truth)
    best = mask_loss.argmin(1, keepdim=True)
    iou_loss = (heads.ious.float() - real_ious).abs().mean(1)
    seen = is_visible.float()
    per_object = (mask_loss.gather(1, best)[:, 0] + iou_loss) * seen
    score_loss = F.binary_cross_entropy_with_logits(heads.object_logits[:, 0].float(), seen)
    shown = heads.ious.argmax(1, keepdim=True)
    count = max(int(is_visible.sum()), 1)
    return Losses(
        total=per_object.sum() / count + score_loss,
        iou=float((real_ious.gather(1, shown)[:, 0] * seen).sum() / count),
        object_accuracy=float(((heads.object_logits[:, 0] > 0) == is_visible).float().mean()),
    )


def cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of `(N, M, h, w)` logits against `(N, 1, h, w)` soft masks, near and far, `(N, M)`."""
    near = surroundings(truth)
    weight = NEAR_WEIGHT * near / near.sum((2, 3), keepdim=True).clamp(min=1) + FAR_WEIGHT / truth[0, 0].numel()
    entropy = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none")
    return (entropy * weight).sum((2, 3))


def surroundings(truth: torch.Tensor) -> torch.Tensor:
    """Return `(N, 1, h, w)` with 1 in the widened box of each mask, all 0 for an empty mask."""
    return _widened(truth.amax(2) > 0.5)[:, :, None] * _widened(truth.amax(3) > 0.5)[:, :, :, None]


def _widened(line: torch.Tensor) -> torch.Tensor:
    """Return the stretch from the first to the last set place of each `(N, 1, n)` line, widened by NEAR_MARGIN."""
    place = torch.arange(line.shape[-1])
    first = torch.where(line, place, line.shape[-1]).amin(-1, keepdim=True)
    last = torch.where(line, place, -1).amax(-1, keepdim=True)
    margin = (last + 1 - first) * NEAR_MARGIN + 1
    return ((place >= first - margin) & (place <= last + margin) & (last >= 0)).float()


def dice_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return one minus the soft Dice overlap, `(N, M)`."""
    chance = logits.sigmoid().flatten(2)
    truth = truth.flatten(2)
    overlap = (chance * truth).sum(2)
    return 1 - (2 * overlap + 1) / (chance.sum(2) + truth.sum(2) + 1)


def soft_iou(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the IoU of thresholded masks, `(N, M)`; 1 where both are empty."""
    guess, truth = (logits > 0).flatten(2), (truth > 0.5).flatten(2)
    union = (guess | truth).sum(2)
    return torch.where(union > 0, (guess & truth).sum(2) / union.clamp(min=1), torch.ones(()))
