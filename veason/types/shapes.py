"""Boxes, clicks, masks and prompts, and what a segmenter makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from veason.errors import PromptError

FrameRange = tuple[int, int]
"""Half-open `(start, stop)` of absolute frame indices."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels: float xyxy, half-open, finite, `x1 <= x2` and `y1 <= y2`.

    It may be empty and may leave the picture, as boxes that a model answers do: `veason.boxes.clip_box` cuts it, and a
    segmenter refuses what is left of nothing.

    Raises:
        PromptError: a number is not finite, or the corners are swapped.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        values = self.xyxy
        if not all(math.isfinite(value) for value in values) or self.x1 > self.x2 or self.y1 > self.y2:
            raise PromptError(
                f"a box is x1,y1,x2,y2 with x1 <= x2 and y1 <= y2, got {values}: swap the corners or draw it again"
            )

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The four numbers `(x1, y1, x2, y2)`."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def area(self) -> float:
        """Width times height in square pixels."""
        return (self.x2 - self.x1) * (self.y2 - self.y1)


@dataclass(frozen=True, slots=True)
class Click:
    """A point in source pixels that lies on the object (`is_positive`) or off it; it may leave the picture.

    Raises:
        PromptError: a number is not finite.
    """

    x: float
    y: float
    is_positive: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise PromptError(f"a click is two finite numbers x,y, got ({self.x}, {self.y}): click again")


@dataclass(frozen=True, slots=True)
class Rle:
    """A binary mask as compressed COCO run-length code; `size_hw` is (height, width), `counts` is ASCII text.

    That the runs add up to the size is checked when they are decoded: masks arrive by the thousand.

    Raises:
        PromptError: the size is not two positive numbers, or the code is not text.
    """

    size_hw: tuple[int, int]
    counts: str

    def __post_init__(self) -> None:
        size = self.size_hw
        is_code = isinstance(self.counts, str) and self.counts.isascii()
        if len(size) != 2 or not size[0] >= 1 or not size[1] >= 1 or not is_code:
            raise PromptError(
                f"a mask is (height, width), both 1 or more, and its code as text, got {size} and a "
                f"{type(self.counts).__name__}: encode it anew"
            )


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person or the policy says about one object on one frame.

    At least one of `box`, `clicks` and `mask` is given; a mask stands alone, since SAM2 takes either a mask or points.

    Raises:
        PromptError: nothing is given, a mask comes together with a box or clicks, or an index is negative.
    """

    object_id: int
    frame_index: int
    box: Box | None = None
    clicks: tuple[Click, ...] = ()
    mask: Rle | None = None

    def __post_init__(self) -> None:
        if self.object_id < 1:
            raise PromptError(f"object ids start at 1 (0 is background in palette masks), got {self.object_id}")
        if self.frame_index < 0:
            raise PromptError(f"a frame index is 0 or more, got {self.frame_index}")
        if self.mask is None and self.box is None and not self.clicks:
            raise PromptError(f"object {self.object_id} on frame {self.frame_index}: give a box, a click or a mask")
        if self.mask is not None and (self.box is not None or self.clicks):
            raise PromptError(
                f"object {self.object_id} on frame {self.frame_index}: a mask stands alone, drop the box and clicks"
            )


@dataclass(frozen=True, slots=True)
class ObjectMask:
    """One object on one frame. `score` is SAM2's object score (a logit: below 0 means "not visible").

    Raises:
        PromptError: the score is not finite.
    """

    rle: Rle
    score: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise PromptError(f"the score of a mask is a finite number, got {self.score}: compute the mask again")


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The masks of all tracked objects on one frame, by object id (from 1).

    Raises:
        PromptError: the frame index is negative, or an object's id is below 1.
    """

    frame_index: int
    masks: Mapping[int, ObjectMask]

    def __post_init__(self) -> None:
        if self.frame_index < 0:
            raise PromptError(f"a frame index is 0 or more, got {self.frame_index}")
        if self.masks and min(self.masks) < 1:
            raise PromptError(f"object ids start at 1 (0 is background in palette masks), got {min(self.masks)}")


@dataclass(frozen=True, slots=True)
class MaskTrack:
    """One object through the video: its mask by absolute frame index. Frames not done yet are missing.

    Raises:
        PromptError: the object's id is below 1, or a frame index is negative.
    """

    object_id: int
    frames: Mapping[int, ObjectMask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.object_id < 1:
            raise PromptError(f"object ids start at 1 (0 is background in palette masks), got {self.object_id}")
        _check_frames(self.object_id, self.frames)

    def with_masks(self, masks: Mapping[int, ObjectMask]) -> MaskTrack:
        """Return the track with `masks`, by absolute frame index, laid over it; this one stays as it is.

        Only the new masks are checked. The mapping of all frames is still copied once, so lay what arrives together
        over a track in one call.

        >>> mask = ObjectMask(Rle((1, 1), "1"), 2.5)
        >>> sorted(MaskTrack(1, {4: mask}).with_masks({5: mask, 3: mask}).frames)
        [3, 4, 5]

        Raises:
            PromptError: a frame index is negative.
        """
        _check_frames(self.object_id, masks)
        track = object.__new__(MaskTrack)  # the constructor would check every frame again
        object.__setattr__(track, "object_id", self.object_id)
        object.__setattr__(track, "frames", {**self.frames, **masks})
        return track


def _check_frames(object_id: int, frames: Mapping[int, ObjectMask]) -> None:
    if frames and min(frames) < 0:
        raise PromptError(f"a frame index is 0 or more, got {min(frames)} for object {object_id}")
