"""Qwen's real vocabulary, from the byte-pair ranks that the package `dashscope` ships.

The tokens that the checkpoints add after the ranks are not in that file. Their ids, which follow it without a gap, are
facts from the published tokenizer configuration of Qwen2.5-VL.
"""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path

from transformers import Qwen2_5_VLProcessor, Qwen2Tokenizer, Qwen2VLImageProcessor, Qwen2VLVideoProcessor
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tests.tiny_qwen import CHAT_TEMPLATE, END, EXTRA, PAD

NUM_RANKS = 151643
ADDED = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""The tokens added to the ranks, from id 151643 on."""


def read_ranks(path: Path) -> dict[bytes, int]:
    """Return the bytes of every token with its id, from a file of base64 and rank a line."""
    rows = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in rows}


def build_processor(ranks: dict[bytes, int]) -> Qwen2_5_VLProcessor:
    """Return the processor of a Qwen2.5-VL with this vocabulary, of transformers' own classes."""
    letters = bytes_to_unicode()
    vocabulary = {_written(token, letters): rank for token, rank in ranks.items()}
    vocabulary |= {token: NUM_RANKS + place for place, token in enumerate(ADDED)}
    merges = [
        tuple(_written(part, letters) for part in _merged_from(token, ranks))
        for token in sorted(ranks, key=ranks.__getitem__)
        if len(token) > 1
    ]
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary, merges=merges, pad_token=PAD, eos_token=END, extra_special_tokens=EXTRA
    )
    tokenizer.add_special_tokens({"additional_special_tokens": list(ADDED)})
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT_TEMPLATE,
    )


def _written(token: bytes, letters: dict[int, str]) -> str:
    return "".join(letters[byte] for byte in token)


def _merged_from(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """Return the two tokens that were merged into this one: merging its bytes by rank, all but the last step."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(left + right, NUM_RANKS) for left, right in pairwise(parts)]
        at = min(range(len(pairs)), key=pairs.__getitem__)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
