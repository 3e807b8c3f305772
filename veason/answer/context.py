"""The context of an answer: the frames shown, the length and size of the video, the model's box space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from veason.boxes import clip_box, scale_box
from veason.errors import PromptError
from veason.profile import Profile
from veason.types import Box, Note

_CLOCK_SLACK_S = 0.5
"""How far in seconds a time may exceed the end of the video: times are often written in whole seconds."""


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """The information needed to convert text to an Answer and back.

    Attributes:
        shown: absolute indices of the frames shown to the policy, in that order.
        num_frames: length of the video.
        source_wh: size of the video's frames.
        space_wh: the space in which the policy writes boxes.
        keyframe_key: JSON key of the keyframe.
        boxes_key: JSON key of the list of boxes.
        labels: "absolute" if a written number is a frame index, "relative" if it is a 0-based position in `shown`.
        fps: frames per second, for a keyframe written as a time; None if unknown.

    Raises:
        PromptError: no frame is shown, one is outside the video, or a size is not positive.
    """

    shown: tuple[int, ...]
    num_frames: int
    source_wh: tuple[int, int]
    space_wh: tuple[int, int] = (560, 560)
    keyframe_key: str = "keyframe_timestamp"
    boxes_key: str = "bbox_2d_list"
    labels: Literal["absolute", "relative"] = "absolute"
    fps: float | None = None

    def __post_init__(self) -> None:
        if not self.shown or not all(0 <= index < self.num_frames for index in self.shown):
            raise PromptError(f"the frames shown must lie in 0 to {self.num_frames - 1}, got {self.shown}")
        if min(*self.source_wh, *self.space_wh) < 1:
            raise PromptError(
                f"sizes are width and height above 0, got a video of {self.source_wh} and a space of {self.space_wh}"
            )

    def frame_of(self, label: int) -> int | None:
        """Return the absolute index of the frame with number `label`, or None if there is no such frame."""
        if self.labels == "absolute":
            return label if 0 <= label < self.num_frames else None
        return self.shown[label] if 0 <= label < len(self.shown) else None

    def frame_at(self, seconds: float) -> int | None:
        """Return the absolute index of the frame displayed at a time; None outside the video or without `fps`.

        Times count from the first frame; the end of the video is its last frame.
        """
        if not self.fps or not 0 <= seconds <= self.num_frames / self.fps + _CLOCK_SLACK_S:
            return None
        return min(math.floor(seconds * self.fps + 1e-3), self.num_frames - 1)

    @property
    def labels_shown(self) -> tuple[int, ...]:
        """The numbers of the frames shown, as the policy writes them."""
        return self.shown if self.labels == "absolute" else tuple(range(len(self.shown)))

    def label_of(self, frame_index: int) -> int:
        """Return the number of a shown frame, as the policy writes it.

        Raises:
            PromptError: that frame was not shown, so it has no label.
        """
        if frame_index not in self.shown:
            raise PromptError(f"a keyframe is one of the frames shown {self.shown}, got {frame_index}: show it too")
        return frame_index if self.labels == "absolute" else self.shown.index(frame_index)

    @property
    def valid_labels(self) -> str:
        """A description of the valid labels, for messages."""
        if self.labels == "absolute":
            return f"the video has {self.num_frames} frames (0 to {self.num_frames - 1})"
        return f"{len(self.shown)} frames were shown (0 to {len(self.shown) - 1})"

    def to_source(self, numbers: Sequence[float], *, is_fraction: bool = False) -> tuple[Box | None, tuple[Note, ...]]:
        """Convert four numbers of the model to a box in source pixels; return it with a note for every repair.

        The box is None if they are not a box in the picture; a note says why. Numbers that are all in [0, 1] are
        fractions of the picture if one of them is not whole or they have a decimal point (`is_fraction`). A mixture of
        fractions and pixels is not a box.
        """
        wanted = f"[{', '.join(f'{number:g}' for number in numbers[:8])}]"
        if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
            return None, (Note("box_dropped", f"{wanted} is not a box: four numbers are wanted"),)
        has_share = any(0 < number < 1 for number in numbers)
        scaled: tuple[Note, ...] = ()
        if all(0 <= number <= 1 for number in numbers) and (has_share or is_fraction):
            width, height = self.space_wh
            numbers = [number * side for number, side in zip(numbers, (width, height, width, height), strict=True)]
            scaled = (Note("box_scaled", f"{wanted} was read as shares of the picture"),)
        elif has_share:
            return None, (Note("box_dropped", f"{wanted} mixes pixels with shares of the picture between 0 and 1"),)
        xs, ys = sorted(numbers[0::2]), sorted(numbers[1::2])
        drawn = Box(xs[0], ys[0], xs[1], ys[1])
        is_straight = drawn.xyxy == tuple(numbers)
        swapped = () if is_straight else (Note("corners_swapped", f"the corners of {wanted} were swapped"),)
        if drawn.x1 == drawn.x2 or drawn.y1 == drawn.y2:
            return None, (Note("box_dropped", f"the box {wanted} has no area"),)
        if min(drawn.x2 - drawn.x1, drawn.y2 - drawn.y1) < 1:
            return None, (Note("box_dropped", f"the box {wanted} is smaller than a pixel"),)
        inside = clip_box(drawn, self.space_wh)
        if inside is None:
            return None, (Note("box_dropped", f"the box {wanted} lies outside the {_size(self.space_wh)} picture"),)
        box = clip_box(scale_box(inside, self.space_wh, self.source_wh), self.source_wh)
        if box is None:
            return None, (Note("box_dropped", f"the box {wanted} has no area"),)
        is_clipped = inside.xyxy != drawn.xyxy
        clipped = (
            (Note("box_clipped", f"{wanted} was cut to the {_size(self.space_wh)} picture"),) if is_clipped else ()
        )
        return box, scaled + swapped + clipped

    def to_model(self, box: Box) -> tuple[int, int, int, int]:
        """Convert a box in source pixels to integers in the model's space, at least one wide and high.

        Raises:
            PromptError: the box is outside the picture.
        """
        inside = clip_box(box, self.source_wh)
        if inside is None:
            raise PromptError(f"a box lies inside the {_size(self.source_wh)} picture, got {box.xyxy}: draw it again")
        scaled = scale_box(inside, self.source_wh, self.space_wh)
        x1, x2 = _whole_span(scaled.x1, scaled.x2, self.space_wh[0])
        y1, y2 = _whole_span(scaled.y1, scaled.y2, self.space_wh[1])
        return x1, y1, x2, y2


def context_for(
    profile: Profile, shown: Sequence[int], *, num_frames: int, source_wh: tuple[int, int], fps: float | None = None
) -> AnswerContext:
    """Return the context of answers with `profile` about the frames `shown`. Raises PromptError as AnswerContext."""
    return AnswerContext(
        shown=tuple(shown),
        num_frames=num_frames,
        source_wh=source_wh,
        space_wh=profile.space_wh,
        keyframe_key=profile.keyframe_key,
        boxes_key=profile.boxes_key,
        labels=profile.labels,
        fps=fps,
    )


def _whole_span(low: float, high: float, size: int) -> tuple[int, int]:
    start, stop = round(low), min(round(high), size)
    if start < stop:
        return start, stop
    start = min(start, size - 1)
    return start, start + 1


def _size(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"
