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
    """A rectangle in source pixels: float xyxy, half-open, `x1 <= x2` and `y1 <= y2`."""

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
    """A point in source pixels that lies on the object (`is_positive`) or off it."""

    x: float
    y: float
    is_positive: bool = True


@dataclass(frozen=True, slots=True)
class Rle:
    """A binary mask as compressed COCO run-length code; `size_hw` is (height, width), `counts` is ASCII text."""

    size_hw: tuple[int, int]
    counts: str


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
    """One object on one frame. `score` is SAM2's object score (a logit: below 0 means "not visible")."""

    rle: Rle
    score: float


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The masks of all tracked objects on one frame, by object id."""

    frame_index: int
    masks: Mapping[int, ObjectMask]


@dataclass(frozen=True, slots=True)
class MaskTrack:
    """One object through the video: its mask by absolute frame index. Frames not done yet are missing."""

    object_id: int
    frames: Mapping[int, ObjectMask] = field(default_factory=dict)
