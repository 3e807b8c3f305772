"""Pictures of a dataset: frames as JPEG and object ids as palette PNG, a folder of them at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.formats.benchmarks.files import fresh_folder, put_folder
from veason.formats.benchmarks.videos import WriteVideo
from veason.masks import davis_palette, decode_mask

JPEG_QUALITY = 95
"""Of frames that are written as JPEG, without chroma subsampling."""


def write_frames(folder: Path, video: WriteVideo) -> None:
    """Write the pictures of `video` as `folder`/<frame name>.jpg; the folder appears whole or not at all."""
    beside = fresh_folder(folder)
    for name, frame in zip(video.frame_names, video.frames, strict=True):
        target = beside / f"{name}.jpg"
        if isinstance(frame, np.ndarray):
            Image.fromarray(frame).save(target, quality=JPEG_QUALITY, subsampling=0)
        elif frame.suffix.lower() in (".jpg", ".jpeg"):
            shutil.copyfile(frame, target)
        else:
            Image.open(frame).convert("RGB").save(target, quality=JPEG_QUALITY, subsampling=0)
    put_folder(beside, folder)


def write_palettes(folder: Path, video: WriteVideo) -> None:
    """Write `folder`/<frame name>.png, palette pictures whose pixel value is the object id.

    Raises:
        DataError: an id is not in 1..255, or two objects cover the same pixel, which this format cannot hold.
    """
    beside = fresh_folder(folder)
    for index, name in enumerate(video.frame_names):
        _write_palette(beside / f"{name}.png", _palette_index(video, index))
    put_folder(beside, folder)


def _palette_index(video: WriteVideo, frame_index: int) -> np.ndarray:
    """Return the `(H, W)` uint8 picture of object ids of one frame. Raises DataError as `write_palettes`."""
    width, height = video.size_wh
    picture = np.zeros((height, width), np.uint8)
    for object_id, masks in video.objects.items():
        if not 1 <= object_id <= 255:
            raise DataError(f"video {video.name!r}: object id {object_id}: a palette picture holds ids 1 to 255")
        rle = masks[frame_index]
        if rle is None:
            continue
        mask = decode_mask(rle)
        if picture[mask].any():
            raise DataError(
                f"video {video.name!r}: object {object_id} overlaps another on frame {frame_index}; "
                "a palette picture holds one object a pixel: cut the masks apart, or write revos or mevis"
            )
        picture[mask] = object_id
    return picture


def _write_palette(file: Path, indices: np.ndarray) -> None:
    """Write an `(H, W)` uint8 array of object ids as palette PNG in the DAVIS colours."""
    picture = Image.fromarray(indices, mode=None).convert("L")
    picture.putpalette(davis_palette().tobytes())
    picture.save(file)
