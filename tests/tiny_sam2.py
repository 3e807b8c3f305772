"""A small SAM2 with random weights whose masks are worth comparing: nano's widths at 128 px, seeded, on the CPU."""

from functools import cache

import torch
from sam2.sam2_video_predictor import SAM2VideoPredictor

from veason.segmenter.checkpoint import build_predictor
from veason_nano.segmenter.model import NANO_BASE, WIDTHS

TINY_OVERRIDES = (
    *WIDTHS,
    "model.image_encoder.trunk.stages=[1,2,3,1]",
    "model.image_encoder.trunk.global_att_blocks=[4,5]",
    "model.image_size=128",
    "model.memory_attention.layer.self_attention.feat_sizes=[8,8]",
    "model.memory_attention.layer.cross_attention.feat_sizes=[8,8]",
)


def build_tiny_sam2(seed: int = 0) -> SAM2VideoPredictor:
    """Return a network with random weights. With random weights half of the object scores would be negative and
    their masks the constant -1024, so the score head's last bias is +5: masks then differ from frame to frame.
    """
    torch.set_num_threads(1)  # a second thread gains a network this small nothing, and waits long on a busy machine
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_predictor(NANO_BASE, TINY_OVERRIDES)
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    return model


@cache
def tiny_sam2() -> SAM2VideoPredictor:
    """Return one shared `build_tiny_sam2()`: tests that change the model build their own."""
    return build_tiny_sam2()
