"""Tiny EdgeTAM and SAM 3 trackers with random weights, saved as published checkpoints are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    EdgeTamVideoConfig,
    EdgeTamVideoModel,
    Sam2ImageProcessor,
    Sam2VideoProcessor,
    Sam2VideoVideoProcessor,
    Sam3ImageProcessor,
    Sam3TrackerVideoConfig,
    Sam3TrackerVideoModel,
    Sam3TrackerVideoProcessor,
)

IMAGE_SIZE = 64
WIDTH = 128
MEMORY = 64  # a width that these classes have written into them

_COMMON: dict[str, Any] = {
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 1,
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": MEMORY,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": WIDTH,
    "mask_decoder_config": {
        "hidden_size": WIDTH,
        "mlp_dim": WIDTH,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": WIDTH,
    },
}


def save_tiny_edgetam(folder: Path, seed: int = 0) -> Path:
    """Save model and processor of type "edgetam_video" into `folder` and return it."""
    config = EdgeTamVideoConfig(
        image_size=IMAGE_SIZE,
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [IMAGE_SIZE, IMAGE_SIZE],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [4, 4, 4, 2],
                "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": WIDTH,
        },
        prompt_encoder_config={"hidden_size": WIDTH, "image_size": IMAGE_SIZE, "patch_size": 16},
        memory_attention_mlp_hidden_size=WIDTH,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_attention_rope_k_sizes=[2, 2],
        perceiver_resampler_num_latents=4,
        perceiver_resampler_num_latents_2d=4,
        perceiver_resampler_hidden_size=MEMORY,
        perceiver_resampler_mlp_intermediate_size=WIDTH,
        perceiver_resampler_attention_head_dim=MEMORY,
        **_COMMON,
    )
    return _save(EdgeTamVideoModel, config, _processor(Sam2VideoProcessor, Sam2ImageProcessor), folder, seed)


def tiny_sam3_config() -> Sam3TrackerVideoConfig:
    """Return the config of a tiny tracker of SAM 3."""
    return Sam3TrackerVideoConfig(
        image_size=IMAGE_SIZE,
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": WIDTH,
                "intermediate_size": WIDTH,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": IMAGE_SIZE,
                "pretrain_image_size": IMAGE_SIZE,
                "patch_size": 16,
                "window_size": 2,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": WIDTH,
        },
        prompt_encoder_config={"hidden_size": WIDTH, "patch_size": 16},
        memory_attention_feed_forward_hidden_size=WIDTH,
        **_COMMON,
    )


def save_tiny_sam3(folder: Path, seed: int = 0) -> Path:
    """Save model and processor of type "sam3_tracker_video" into `folder` and return it."""
    return _save(Sam3TrackerVideoModel, tiny_sam3_config(), sam3_processor(), folder, seed)


def sam3_processor() -> Sam3TrackerVideoProcessor:
    """Return the processor of a tiny tracker of SAM 3."""
    return _processor(Sam3TrackerVideoProcessor, Sam3ImageProcessor)


def _processor(kind: Any, pictures: Any) -> Any:
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return kind(image_processor=pictures(size=size), video_processor=Sam2VideoVideoProcessor(size=size))


def _save(kind: Any, config: Any, processor: Any, folder: Path, seed: int) -> Path:
    """Save a model of a class whose masks are worth comparing: objects are seen, and masks differ by frame."""
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0, parameter[0].numel() ** -0.5)
            model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(5.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
