"""The small SAM2 that nano ships: its configuration, and random weights that can learn in an hour on a CPU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from veason.segmenter.checkpoint import build_predictor

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

NANO_BASE = "configs/sam2.1/sam2.1_hiera_t.yaml"

WIDTHS = (
    "model.image_size=256",
    "model.image_encoder.trunk.embed_dim=32",
    "model.image_encoder.neck.d_model=128",
    "model.image_encoder.neck.position_encoding.num_pos_feats=128",
    "model.image_encoder.neck.backbone_channel_list=[256,128,64,32]",
    "model.memory_attention.d_model=128",
    "model.memory_attention.num_layers=2",
    "model.memory_attention.layer.d_model=128",
    "model.memory_attention.layer.dim_feedforward=512",
    "model.memory_attention.layer.self_attention.embedding_dim=128",
    "model.memory_attention.layer.self_attention.feat_sizes=[16,16]",
    "model.memory_attention.layer.cross_attention.embedding_dim=128",
    "model.memory_attention.layer.cross_attention.feat_sizes=[16,16]",
    "model.memory_attention.layer.cross_attention.kv_in_dim=32",
    "model.memory_encoder.in_dim=128",
    "model.memory_encoder.out_dim=32",
    "model.memory_encoder.position_encoding.num_pos_feats=32",
    "model.memory_encoder.mask_downsampler.embed_dim=128",
    "model.memory_encoder.fuser.layer.dim=128",
)
"""Small widths at 256 px: 128 and 32 run through, feat_sizes are image_size / 16 (rotary positions of memory
attention). How many blocks the trunk has is said elsewhere."""

OVERRIDES = (
    *WIDTHS,
    # Three blocks where a cell is 4 and 8 px wide: with one and two, what is near in colour could hardly be told apart.
    "model.image_encoder.trunk.stages=[3,3,3,1]",
    # Windows that divide the maps of a 256 and of a 128 px picture need no padding (a 14-window pads 16 to 28).
    "model.image_encoder.trunk.window_spec=[8,4,8,8]",
    "model.image_encoder.trunk.global_att_blocks=[7,8]",
    # One mask while tracking and for boxes: three heads that compete learn each a third. A single click keeps three.
    "model.multimask_output_for_tracking=false",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=false",
    # While tracking, the frame before and five of every eighth one: two seconds back, not a quarter of one. What comes
    # back after a second is found again only if a frame that showed it is remembered still.
    "model.memory_temporal_stride_for_eval=8",
    "model.memory_attention.layer.dropout=0.0",
    "model.memory_attention.layer.self_attention.dropout=0.0",
    "model.memory_attention.layer.cross_attention.dropout=0.0",
)
"""The configuration that is trained and shipped."""

_BLOCKS = "image_encoder.trunk.blocks."

FULL_SIZE = 256
"""The picture size of the shipped model. Training may begin on smaller pictures, which cost a quarter."""


def new_model() -> SAM2VideoPredictor:
    """Return a model with random weights under which the prompt reaches the mask.

    As built, the mask logits hardly depend on the prompt (0.03 against 0.8 here): PyTorch's default gain shrinks every
    layer of the decoder, and the image features say little about where they are.
    """
    model = build_predictor(NANO_BASE, OVERRIDES)
    decoder = model.sam_mask_decoder
    for module in decoder.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, 0, module.in_features**-0.5)
        elif isinstance(module, torch.nn.ConvTranspose2d):
            torch.nn.init.normal_(module.weight, 0, module.in_channels**-0.5)
    for mlp in decoder.output_hypernetworks_mlps:
        for layer in mlp.layers:
            torch.nn.init.normal_(layer.weight, 0, (2 / layer.in_features) ** 0.5)
        mlp.layers[-1].weight.data *= 0.5
    place = model.image_encoder.trunk.pos_embed
    along = torch.linspace(-1, 1, place.shape[-1])
    waves, phases = 2 * torch.randn(2, place.shape[1], 1, 1), 2 * math.pi * torch.rand(place.shape[1], 1, 1)
    place.data = 0.7 * torch.sin(waves[0] * along + waves[1] * along[:, None] + phases)[None]
    return model


@torch.no_grad()
def deepen(model: SAM2VideoPredictor) -> SAM2VideoPredictor:
    """Return a model in OVERRIDES that does exactly what `model` does, with the blocks that it lacks added.

    The new ones come last in their stage and add nothing until they have learnt: what they put out is multiplied by
    zero. `model` is one in OVERRIDES but for the number of blocks in the stages of its trunk, none more than there.
    """
    deeper = build_predictor(NANO_BASE, OVERRIDES)
    weights = deeper.state_dict()
    number, places = 0, {}
    for start, end, next_end in zip(
        _stage_starts(deeper), model.image_encoder.trunk.stage_ends, deeper.image_encoder.trunk.stage_ends, strict=True
    ):
        count = end + 1 - number
        places.update({number + place: start + place for place in range(count)})
        number = end + 1
        for block in range(start + count, next_end + 1):
            for last in ("attn.proj", "mlp.layers.1"):
                for part in ("weight", "bias"):
                    weights[f"{_BLOCKS}{block}.{last}.{part}"].zero_()
    for name, weight in model.state_dict().items():
        if name.startswith(_BLOCKS):
            block, _, part = name.removeprefix(_BLOCKS).partition(".")
            name = f"{_BLOCKS}{places[int(block)]}.{part}"
        weights[name] = weight
    deeper.load_state_dict(weights)
    return deeper


def _stage_starts(model: SAM2VideoPredictor) -> list[int]:
    return [0, *(end + 1 for end in model.image_encoder.trunk.stage_ends[:-1])]


@torch.no_grad()
def new_memory(model: SAM2VideoPredictor, pictures: torch.Tensor) -> None:
    """Give `model` fresh memory parts that are as loud as its image features are on `(N, 3, S, S)` pictures.

    After training on single pictures the features are ten times larger than a new memory, and what was remembered
    moved the mask logits by 0.001: nothing to learn from. Equal biases of queries and keys under rotary positions make
    a place look first at the same place in the frames before.
    """
    loud = float(model.forward_image(pictures)["backbone_fpn"][-1].std())
    encoder, attention = model.memory_encoder, model.memory_attention
    _draw(encoder.pix_feat_proj, 0.5 / loud)
    _draw(encoder.mask_downsampler.encoder[-1], 2.0)
    _draw(encoder.out_proj, 1.0)
    for layer in attention.layers:
        cross = layer.cross_attn_image
        _draw(cross.v_proj, 1.0)
        _draw(cross.out_proj, loud)
        for projection in (cross.q_proj, cross.k_proj):
            torch.nn.init.constant_(projection.bias, 1.0)
    torch.nn.init.constant_(attention.norm.weight, loud)


def _draw(layer: torch.nn.Module, gain: float) -> None:
    """Fill a linear or 1x1 layer with random weights that scale what comes in by `gain`."""
    torch.nn.init.normal_(layer.weight, 0, gain * layer.weight.shape[1] ** -0.5)
    torch.nn.init.zeros_(layer.bias)


def set_picture_size(model: SAM2VideoPredictor, size: int) -> None:
    """Make a SAM2 model take pictures of another size: no weight depends on it, only these five numbers do."""
    cells = size // 16
    model.image_size = size
    model.sam_image_embedding_size = cells
    model.sam_prompt_encoder.image_embedding_size = (cells, cells)
    model.sam_prompt_encoder.input_image_size = (size, size)
    model.sam_prompt_encoder.mask_input_size = (4 * cells, 4 * cells)
