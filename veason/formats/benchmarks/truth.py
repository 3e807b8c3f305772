"""Ground truth on demand: what the three ways of storing it have in common is `veason.types.Truth`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from veason.errors import DataError
from veason.formats.benchmarks.files import picture_size
from veason.formats.benchmarks.indices import VOID, read_indices
from veason.formats.benchmarks.rle_file import has_foreground, read_foreground, read_mask_row
from veason.formats.benchmarks.rows import RowError, check_row
from veason.masks import decode_mask, encode_mask, union_mask
from veason.types import Rle
from veason.video.images import is_system_file


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
        masks = read_mask_row(self.file, anno_id)
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
        mask: np.ndarray = self._picture(frame_index) == int(self.object_id)
        return mask

    def foreground(self, frame_index: int) -> Rle:
        """Return where any object is; void, of which nothing is said, is none."""
        picture = self._picture(frame_index)
        return encode_mask((picture > 0) & ((picture != VOID) | (self.object_id == str(VOID))))

    def _picture(self, frame_index: int) -> np.ndarray:
        return read_indices(self.folder / f"{self.frame_names[frame_index]}.png")


@dataclass(frozen=True, slots=True)
class GreyTruth:
    """Ground truth in grey pictures `folder`/<frame name>.png, above 0 is the object; not every frame has one."""

    folder: Path
    all_folders: tuple[Path, ...]
    frame_names: tuple[str, ...]
    object_id: str

    def frame_indices(self) -> Sequence[int]:
        """Return the frames whose names are in the Annotations folder."""
        return _listed(self.folder, self.frame_names)

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the object's mask, None where it is not in this frame."""
        mask = self.mask(frame_index)
        return {self.object_id: encode_mask(mask) if mask.any() else None}

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool mask of the object."""
        return read_indices(self.folder / f"{self.frame_names[frame_index]}.png") > 0

    def foreground(self, frame_index: int) -> Rle:
        """Return the union of the video's objects that have a mask for this frame."""
        union = self.mask(frame_index)
        for folder in self.all_folders:
            file = folder / f"{self.frame_names[frame_index]}.png"
            if folder != self.folder and file.is_file():
                other = read_indices(file) > 0
                wanted = f"masks of (H, W) {union.shape} as object {self.object_id} has"
                check_row(other.shape == union.shape, file, "size", wanted, other.shape, "size mismatch")
                union = union | other
        return encode_mask(union)


@lru_cache(maxsize=1024)
def _picture_size(file: Path) -> tuple[int, int]:
    return picture_size(file)


@lru_cache(maxsize=256)
def _listed(folder: Path, frame_names: tuple[str, ...]) -> tuple[int, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is missing; it should hold the object's masks, one PNG a frame")
    places = {name: index for index, name in enumerate(frame_names)}
    names = sorted(path.stem for path in folder.glob("*.png") if not is_system_file(path.name))
    unknown = [name for name in names if name not in places]
    if unknown or not names:
        raise DataError(f"{folder}: want PNG names out of the video's frames ({frame_names[0]}, ...), got {names[:4]}")
    return tuple(places[name] for name in names)
