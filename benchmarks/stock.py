"""The stock SAM2 predictor as its examples use it, and a clip that both sides read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.masks import encode_mask
from veason.types import FrameMasks, Prompt, Rle
from veason.video import VideoWriter

Masks = dict[tuple[int, int], Rle]
"""Masks by object and frame."""


def propagate(model: Any, state: dict, start: int, back: int | None = None, ahead: int | None = None) -> Masks:
    """Run both of stock's passes from a frame, over `ahead` and `back` frames (None: all)."""
    found: Masks = {}
    passes = ({"max_frame_num_to_track": ahead}, {"reverse": True, "max_frame_num_to_track": back})
    for settings in passes:
        for index, object_ids, logits in model.propagate_in_video(state, start_frame_idx=start, **settings):
            for place, object_id in enumerate(object_ids):
                found[object_id, index] = encode_mask((logits[place, 0] > 0).cpu().numpy())
    return found


def give(model: Any, state: dict, prompt: Prompt) -> tuple[int, Rle]:
    """Give stock a box or clicks, and return the object and its mask on that frame."""
    _, object_ids, logits = model.add_new_points_or_box(
        state,
        prompt.frame_index,
        prompt.object_id,
        points=np.array([(click.x, click.y) for click in prompt.clicks], np.float32).reshape(-1, 2),
        labels=np.array([click.is_positive for click in prompt.clicks], np.int32),
        box=None if prompt.box is None else np.array(prompt.box.xyxy, np.float32),
    )
    return prompt.object_id, encode_mask((logits[object_ids.index(prompt.object_id), 0] > 0).cpu().numpy())


def collect(arrived: Iterator[FrameMasks]) -> Masks:
    """Return all masks of a run by object and frame."""
    return {(object_id, masks.frame_index): mask.rle for masks in arrived for object_id, mask in masks.masks.items()}


def copy_state(value: Any) -> Any:
    """Return stock's state with dictionaries of its own and the same tensors, as if a run had not happened."""
    if isinstance(value, Mapping):
        return type(value)((key, copy_state(item)) for key, item in value.items())
    return list(value) if isinstance(value, list) else value


def write_clip(folder: Path, num_frames: int) -> None:
    """Write a clip of rectangles that move over noise, 256 px square."""
    rng = np.random.default_rng(0)
    background = rng.integers(0, 90, (256, 256, 3), dtype=np.uint8)
    for index in range(num_frames):
        picture = background.copy()
        picture[50:110, 45 + index % 60 : 115 + index % 60] = (220, 60, 40)
        picture[70:125, 155 - index % 40 : 215 - index % 40] = (40, 90, 230)
        picture[155:215, 65 + index % 30 : 155 + index % 30] = (60, 200, 90)
        Image.fromarray(picture).save(folder / f"{index:05d}.jpg", quality=95)


def write_film(path: Path, num_frames: int, size_wh: tuple[int, int] = (1920, 1080)) -> None:
    """Write an mp4 as a camera would make it: textures that pan, objects that move over them, grain."""
    width, height = size_wh
    rng = np.random.default_rng(0)
    wide, high = width + 4 * num_frames, height + 16

    def texture(columns: int, rows: int) -> np.ndarray:
        cells = Image.fromarray(rng.integers(0, 255, (rows, columns, 3), dtype=np.uint8))
        return np.asarray(cells.resize((wide, high), Image.Resampling.BICUBIC)).astype(np.int16)

    scenery = (texture(24, 14) + texture(wide // 8, high // 8)) // 2
    with VideoWriter(path, size_wh, 30) as writer:
        for index in range(num_frames):
            picture = scenery[:height, 3 * index : 3 * index + width] + rng.integers(-3, 4, (height, width, 1))
            for x, y, colour in ((330 + 5 * index, 220, (220, 60, 40)), (1150 - 4 * index, 300, (40, 90, 230))):
                picture[y : y + 280, x : x + 480] = np.array(colour) + picture[y : y + 280, x : x + 480] // 8
            writer.write(picture.clip(0, 255).astype(np.uint8))
