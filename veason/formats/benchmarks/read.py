"""What all readers share: messages that name file and key, checks of a video's entry, and ground truth on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.formats.benchmarks.rle_file import has_foreground, read_foreground, read_masks
from veason.formats.benchmarks.write import check_relative, picture_size
from veason.masks import decode_mask, encode_mask, union_mask
from veason.types import Rle

Category = Literal["malformed", "missing frame", "missing mask", "size mismatch", "unsorted frames", "missing file"]


class RowError(DataError):
    """A DataError that knows its category, so that a check can count it."""

    def __init__(self, message: str, category: Category = "malformed") -> None:
        super().__init__(message)
        self.category = category

    def __reduce__(self) -> tuple[type[RowError], tuple[str, Category]]:
        """Keep the category when the error crosses a process border."""
        return type(self), (str(self), self.category)


class Complaints:
    """What is wrong with a dataset. Normally the first complaint raises; a check collects them all."""

    def __init__(self, *, is_strict: bool = True) -> None:
        self.is_strict = is_strict
        self.found: list[RowError] = []

    @contextmanager
    def row(self) -> Iterator[None]:
        """Run the reading of one row; what is wrong with it does not stop a check."""
        try:
            yield
        except DataError as error:
            self.add(error if isinstance(error, RowError) else RowError(str(error)))

    def note(self, message: str) -> None:
        """Keep what is odd but has a meaning: it never raises."""
        if not self.is_strict:
            self.found.append(RowError(message))

    def add(self, error: RowError) -> None:
        """Raise the error, or keep it where all are collected."""
        if self.is_strict:
            raise error
        self.found.append(error)


def check_row(is_good: bool, file: Path, key: str, wanted: str, got: object, category: Category = "malformed") -> None:
    """Raise RowError "FILE: KEY: want ..., got ..." unless `is_good`."""
    if not is_good:
        text = repr(got)
        raise RowError(f"{file}: {key}: want {wanted}, got {text[:120]}{'...' if len(text) > 120 else ''}", category)


def get(entry: Any, key: str, kind: type, file: Path, where: str) -> Any:
    """Return `entry[key]`, which must be there and of type `kind`. Raises RowError."""
    names = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}
    check_row(isinstance(entry, dict), file, where, "an object", entry)
    check_row(key in entry, file, where, f"the key {key!r}", sorted(entry))
    value = entry[key]
    is_good = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    check_row(is_good, file, f"{where}.{key}", names.get(kind, kind.__name__), value)
    return value


def read_json(file: Path) -> Any:
    """Return the content of a JSON file. Raises RowError where it is missing or broken."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise RowError(
            f"{file}: cannot be read ({error.strerror}); it should hold the expressions: check the dataset's root, "
            "kind and split",
            "missing file",
        ) from error
    except ValueError as error:
        raise RowError(f"{file}: is not JSON ({error}); download or write it again") from error


def read_videos(file: Path, complaints: Complaints) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, entry) for each video of a file with expressions. Raises RowError."""
    content = read_json(file)
    videos = get(content, "videos", dict, file, "top level")
    for name, entry in videos.items():
        with complaints.row():
            try:
                check_relative(name, "video")
            except DataError as error:
                raise RowError(f"{file}: videos: {error}") from error
            check_row(isinstance(entry, dict), file, f"videos.{name}", "an object", entry)
            yield name, entry


def video_frames(entry: dict[str, Any], file: Path, where: str, complaints: Complaints) -> tuple[str, ...]:
    """Return the frame names of a video.

    Masks are stored by position in this list and some loaders sort it, so an unsorted one has no safe meaning.
    """
    frames = get(entry, "frames", list, file, where)
    check_row(bool(frames), file, f"{where}.frames", "at least one frame", frames)
    for name in frames:
        check_row(isinstance(name, str) and bool(name) and "/" not in name, file, f"{where}.frames", "names", name)
    if list(frames) != sorted(set(frames)):
        complaints.add(
            RowError(
                f"{file}: {where}.frames: want ascending names without repeats (masks go by position, and loaders "
                f"sort), got {str(frames[:6])[:-1]}, ...]: sort the frames and the masks together",
                "unsorted frames",
            )
        )
    return tuple(frames)


def video_size(entry: dict[str, Any], file: Path, where: str) -> tuple[int, int]:
    """Return (width, height) as stored."""
    size_wh = (get(entry, "width", int, file, where), get(entry, "height", int, file, where))
    check_row(min(size_wh) > 0, file, where, "a positive width and height", size_wh)
    return size_wh


@dataclass(frozen=True, slots=True)
class RleTruth:
    """Ground truth by annotation id in a mask_dict.json. `size_wh` None: the pictures tell."""

    file: Path
    foreground_file: Path | None
    video: str
    object_ids: tuple[str, ...]
    anno_ids: tuple[str, ...]
    all_anno_ids: tuple[str, ...]
    num_frames: int
    size_wh: tuple[int, int] | None
    first_frame: Path

    def frame_indices(self) -> Sequence[int]:
        """Return all frames."""
        return range(self.num_frames)

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the mask of each target object, None where it is not in this frame."""
        return {
            object_id: self._rle(anno_id, frame_index)
            for object_id, anno_id in zip(self.object_ids, self.anno_ids, strict=True)
        }

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool union of the target objects."""
        return self._union([self._rle(anno_id, frame_index) for anno_id in self.anno_ids])

    def foreground(self, frame_index: int) -> Rle:
        """Return the foreground file's mask, or else the union of all objects that any expression names."""
        if self.foreground_file is not None and has_foreground(self.foreground_file, self.video):
            masks = read_foreground(self.foreground_file, self.video)
            self._check_length(self.foreground_file, self.video, len(masks))
            return masks[frame_index] or encode_mask(self._union([]))
        rles = [self._rle(anno_id, frame_index) for anno_id in self.all_anno_ids]
        visible = [rle for rle in rles if rle is not None]
        return union_mask(visible) if visible else encode_mask(self._union([]))

    def _rle(self, anno_id: str, frame_index: int) -> Rle | None:
        masks = read_masks(self.file, anno_id)
        self._check_length(self.file, anno_id, len(masks))
        return masks[frame_index]

    def _check_length(self, file: Path, key: str, length: int) -> None:
        wanted = f"{self.num_frames} masks, one a frame of video {self.video!r}"
        check_row(length == self.num_frames, file, f"key {key!r}", wanted, length, "missing mask")

    def _union(self, rles: Sequence[Rle | None]) -> np.ndarray:
        size_wh = self.size_wh or _picture_size(self.first_frame)
        union = np.zeros(size_wh[::-1], bool)
        for rle in rles:
            if rle is not None:
                wanted = f"masks of (H, W) {size_wh[::-1]} in video {self.video!r}"
                check_row(rle.size_hw == union.shape, self.file, "size", wanted, rle.size_hw, "size mismatch")
                union |= self._decode(rle)
        return union

    def _decode(self, rle: Rle) -> np.ndarray:
        try:
            return decode_mask(rle)
        except ValueError as error:
            text = f"{rle.counts[:20]}..."
            raise RowError(f"{self.file}: counts {text!r} of video {self.video!r} are no RLE ({error})") from error


@dataclass(frozen=True, slots=True)
class PaletteTruth:
    """Ground truth in palette pictures `folder`/<frame name>.png, where a pixel's value is the object id."""

    folder: Path
    frame_names: tuple[str, ...]
    object_id: str

    def frame_indices(self) -> Sequence[int]:
        """Return all frames."""
        return range(len(self.frame_names))

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the object's mask, None where it is not in this frame."""
        mask = self.mask(frame_index)
        return {self.object_id: encode_mask(mask) if mask.any() else None}

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool mask of the object."""
        return self._picture(frame_index) == int(self.object_id)

    def foreground(self, frame_index: int) -> Rle:
        """Return where any object is."""
        return encode_mask(self._picture(frame_index) > 0)

    def _picture(self, frame_index: int) -> np.ndarray:
        return read_indices(self.folder / f"{self.frame_names[frame_index]}.png")


def read_indices(file: Path) -> np.ndarray:
    """Return the `(H, W)` uint8 pixel values of a palette or grey PNG: object ids, or 0 and not 0.

    Raises:
        DataError: the file is missing, broken, or a colour picture, whose ids are lost.
    """
    try:
        with Image.open(file) as picture:
            if picture.mode not in ("P", "L", "1"):
                raise RowError(f"{file}: want a palette or grey picture, got mode {picture.mode}: its ids are lost")
            return np.asarray(picture.convert("L") if picture.mode == "1" else picture, dtype=np.uint8)
    except FileNotFoundError as error:
        raise RowError(f"{file}: is missing; every listed frame needs its mask", "missing mask") from error
    except OSError as error:
        raise RowError(f"{file}: not a readable PNG ({error})") from error


@lru_cache(maxsize=1024)
def _picture_size(file: Path) -> tuple[int, int]:
    return picture_size(file)
