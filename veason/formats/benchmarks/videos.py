"""What a dataset is written from: a video's pictures, its objects' masks, and the expressions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from veason.errors import DataError
from veason.formats.benchmarks.files import check_relative, picture_size
from veason.types import Rle, SampleType


@dataclass(frozen=True, slots=True)
class WriteExpression:
    """One expression and the objects it is about; `object_ids` is () where the target is absent.

    `type` None means "referring", or "absent" without objects. `expression_id` "" means: numbered in order. `models`
    are (key, name) of those that labelled it, as `made_with` has them.

    Raises:
        DataError: the type says absent and objects are named, or the other way round.
    """

    text: str
    object_ids: tuple[int, ...] = ()
    type: SampleType | None = None
    expression_id: str = ""
    models: tuple[tuple[str, str], ...] = ()

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
        frames: `(H, W, 3)` uint8 RGB pictures of one size, or files: a .jpg is copied as it is, anything else becomes
            one.
        objects: each object's mask in every frame, None where it is not visible; ids as the format wants them.
        expressions: at least one.
        frame_names: ascending, without ending; () gives 00000, 00001, ...
        source: ReasonVOS only: the dataset that the video comes from.

    Raises:
        DataError: a length, size, name or id does not fit the rest, or there is no frame or no expression.
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
        check_relative(self.source, "source")
        if not self.frames or not self.expressions:
            raise DataError(f"video {self.name!r} has no {'expression' if self.frames else 'frame'}: give at least one")
        names = tuple(self.frame_names) or tuple(f"{index:05d}" for index in range(len(self.frames)))
        if len(names) != len(self.frames) or list(names) != sorted(set(names)):
            raise DataError(f"video {self.name!r}: {len(self.frames)} frames need as many ascending names, got {names}")
        if any(not name or "/" in name or "\\" in name for name in names):
            raise DataError(f"video {self.name!r}: frames are called by file names without folder, got {names}")
        object.__setattr__(self, "frame_names", names)
        object.__setattr__(self, "size_wh", picture_size(self.frames[0]))
        self._check_frames()
        for object_id, masks in self.objects.items():
            self._check_masks(object_id, masks)
        for expression in self.expressions:
            if not set(expression.object_ids) <= set(self.objects):
                raise DataError(
                    f"video {self.name!r}: expression {expression.text!r} names objects {expression.object_ids}, "
                    f"masks are given for {sorted(self.objects)}"
                )

    def _check_frames(self) -> None:
        for index, frame in enumerate(self.frames):
            if isinstance(frame, np.ndarray) and (frame.dtype != np.uint8 or frame.shape[2:] != (3,)):
                raise DataError(
                    f"video {self.name!r}: frame {index} is {frame.dtype} of shape {frame.shape}, want uint8 RGB of "
                    "shape (H, W, 3)"
                )
            if picture_size(frame) != self.size_wh:
                raise DataError(
                    f"video {self.name!r}: frame {index} is {picture_size(frame)}, the first one {self.size_wh}: "
                    "the frames of a video have one width and height"
                )

    def _check_masks(self, object_id: int, masks: Sequence[Rle | None]) -> None:
        if object_id < 0:
            raise DataError(f"video {self.name!r}: object ids are 0 or more, got {object_id}")
        if len(masks) != len(self.frames):
            raise DataError(f"video {self.name!r}: object {object_id} has {len(masks)} masks, want {len(self.frames)}")
        size_hw = self.size_wh[::-1]
        for index, mask in enumerate(masks):
            if mask is not None and tuple(mask.size_hw) != size_hw:
                raise DataError(
                    f"video {self.name!r}: object {object_id} frame {index}: "
                    f"mask of (H, W) {mask.size_hw}, picture of {size_hw}"
                )

    def numbered(self) -> list[tuple[str, WriteExpression]]:
        """Return (expression id, expression) in order. Raises DataError where an id comes twice."""
        pairs = [(item.expression_id or str(number), item) for number, item in enumerate(self.expressions)]
        if len({name for name, _ in pairs}) != len(pairs):
            raise DataError(f"video {self.name!r}: expression ids come twice in {[name for name, _ in pairs]}")
        return pairs
