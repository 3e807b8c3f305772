"""What a made dataset is written from, and the parts that all writers share.

A writer takes videos one at a time, so that a dataset larger than memory can be written. Files appear by rename, and
the file with the expressions comes last (an earlier one goes first): a dataset cut short does not open.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.masks import davis_palette, decode_mask
from veason.types import Rle, SampleType

JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class WriteExpression:
    """One expression and the objects it is about; `object_ids` is () where the target is absent.

    `type` None means "referring", or "absent" without objects. `expression_id` "" means: numbered in order.

    Raises:
        DataError: the type says absent and objects are named, or the other way round.
    """

    text: str
    object_ids: tuple[int, ...] = ()
    type: SampleType | None = None
    expression_id: str = ""

    def __post_init__(self) -> None:
        if self.type is not None and (self.type == "absent") == bool(self.object_ids):
            raise DataError(
                f"expression {self.text!r}: type {self.type!r} with objects {self.object_ids}; "
                'exactly the "absent" ones name no object'
            )


@dataclass(frozen=True, slots=True, eq=False)
class WriteVideo:
    """One video to write.

    Attributes:
        name: unique in the dataset; may hold slashes.
        frames: `(H, W, 3)` uint8 RGB pictures, or files: a .jpg is copied as it is, anything else becomes one.
        objects: each object's mask in every frame, None where it is not visible; ids as the format wants them.
        expressions: at least one.
        frame_names: ascending, without ending; () gives 00000, 00001, ...
        source: ReasonVOS only: the dataset that the video comes from.

    Raises:
        DataError: a length, name or id does not fit the rest.
    """

    name: str
    frames: Sequence[np.ndarray | Path]
    objects: Mapping[int, Sequence[Rle | None]]
    expressions: Sequence[WriteExpression]
    frame_names: Sequence[str] = ()
    source: str = "made"
    size_wh: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        check_relative(self.name, "video")
        if not self.frames:
            raise DataError(f"video {self.name!r} has no frame: give at least one")
        names = tuple(self.frame_names) or tuple(f"{index:05d}" for index in range(len(self.frames)))
        if len(names) != len(self.frames) or list(names) != sorted(set(names)):
            raise DataError(f"video {self.name!r}: {len(self.frames)} frames need as many ascending names, got {names}")
        object.__setattr__(self, "frame_names", names)
        object.__setattr__(self, "size_wh", picture_size(self.frames[0]))
        for index, frame in enumerate(self.frames):
            if picture_size(frame) != self.size_wh:
                raise DataError(
                    f"video {self.name!r}: frame {index} is {picture_size(frame)}, the first one {self.size_wh}: "
                    "the frames of a video have one width and height"
                )
        size_hw = self.size_wh[::-1]
        for object_id, masks in self.objects.items():
            if len(masks) != len(names):
                raise DataError(f"video {self.name!r}: object {object_id} has {len(masks)} masks, want {len(names)}")
            for index, mask in enumerate(masks):
                if mask is not None and tuple(mask.size_hw) != size_hw:
                    raise DataError(
                        f"video {self.name!r}: object {object_id} frame {index}: "
                        f"mask of (H, W) {mask.size_hw}, picture of {size_hw}"
                    )
        for expression in self.expressions:
            if not set(expression.object_ids) <= set(self.objects):
                raise DataError(
                    f"video {self.name!r}: expression {expression.text!r} names objects {expression.object_ids}, "
                    f"masks are given for {sorted(self.objects)}"
                )

    def numbered(self) -> list[tuple[str, WriteExpression]]:
        """Return (expression id, expression) in order. Raises DataError where an id comes twice."""
        pairs = [(item.expression_id or str(number), item) for number, item in enumerate(self.expressions)]
        if len({name for name, _ in pairs}) != len(pairs):
            raise DataError(f"video {self.name!r}: expression ids come twice in {[name for name, _ in pairs]}")
        return pairs


def check_relative(name: str, what: str) -> None:
    """Raise DataError unless `name` can be joined into a path and stays below it; slashes are fine."""
    if not name or name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise DataError(f"{what} name {name!r} cannot be a path below the dataset: rename it")


def picture_size(frame: np.ndarray | Path) -> tuple[int, int]:
    """Return (width, height) of an array or of a picture file, reading its header only. Raises DataError."""
    if isinstance(frame, np.ndarray):
        return frame.shape[1], frame.shape[0]
    try:
        with Image.open(frame) as picture:
            return picture.size
    except OSError as error:
        raise DataError(f"{frame}: not a readable picture ({error})") from error


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
        write_palette(beside / f"{name}.png", palette_index(video, index))
    put_folder(beside, folder)


def palette_index(video: WriteVideo, frame_index: int) -> np.ndarray:
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


def write_palette(file: Path, indices: np.ndarray) -> None:
    """Write an `(H, W)` uint8 array of object ids as palette PNG in the DAVIS colours."""
    picture = Image.fromarray(indices, mode=None).convert("L")
    picture.putpalette(davis_palette().tobytes())
    picture.save(file)


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file beside its place and rename it into it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(file.name + ".partial")
    beside.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    beside.replace(file)


def fresh_folder(folder: Path) -> Path:
    """Return an empty folder beside `folder`, to be filled and then put in its place."""
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    return beside


def put_folder(beside: Path, folder: Path) -> None:
    """Rename a filled folder into its place; what was there before is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    beside.replace(folder)
