"""Networks of real shapes with random weights, for both sides of a benchmark, and where their time goes.

A CPU proxy: hiera_t at 256 px splits its FLOPs among the networks as large does at 1024 px. The last bias of the object
score is +5, since else every mask of random weights is one constant, and holes are not filled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from veason.segmenter.checkpoint import build_predictor

PROXY = ("sam2.1_hiera_t", 256)
REAL = ("sam2.1_hiera_l", 1024)


def sizes_for(device: str, base: str | None = None, size: int | None = None) -> tuple[str, int]:
    """Return config and picture size: those given, else the proxy's on a CPU and large at 1024 px on CUDA."""
    default = REAL if device == "cuda" else PROXY
    return base or default[0], size or default[1]


def random_sam2(base: str, size: int, device: str) -> Any:
    """Return a SAM2 predictor with seeded random weights."""
    features = f"[{size // 16},{size // 16}]"
    overrides = [f"model.image_size={size}"] + [
        f"model.memory_attention.layer.{kind}_attention.feat_sizes={features}" for kind in ("self", "cross")
    ]
    torch.manual_seed(0)
    model = build_predictor(base, overrides, device)
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    model.fill_hole_area = 0
    return model


def device_name(device: str) -> str:
    """Return the name under which a result is written."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


@contextmanager
def spent_inside(model: Any) -> Iterator[dict[str, float]]:
    """Give a dictionary whose `cpu_s` is, at the end, the processor seconds spent in the model's networks."""
    found, started = {"cpu_s": 0.0}, []

    def begin(*_: Any) -> None:
        started.append(time.process_time())

    def end(*_: Any) -> None:
        found["cpu_s"] += time.process_time() - started.pop()

    networks = (
        model.image_encoder, model.memory_attention, model.sam_prompt_encoder, model.sam_mask_decoder,
        model.memory_encoder,
    )  # fmt: skip
    handles = [network.register_forward_pre_hook(begin) for network in networks]
    handles += [network.register_forward_hook(end) for network in networks]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
