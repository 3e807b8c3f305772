"""The ground truth of one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from veason.answer import AnswerContext
from veason.masks import empty_mask, mask_area, mask_box, union_mask
from veason.types import Box, Rle


@dataclass(frozen=True, slots=True)
class RewardCase:
    """The ground truth of one question.

    Attributes:
        context: the frames shown and the coordinate spaces.
        objects: for each target object its masks at source size by absolute frame index, for at least the frames shown;
            frames without the object are left out. Without any object or pixel the target is absent.
    """

    context: AnswerContext
    objects: tuple[Mapping[int, Rle], ...]

    @property
    def is_absent(self) -> bool:
        """True if the target is on no frame."""
        return not any(mask_area(rle) for masks in self.objects for rle in masks.values())

    def union(self, frame_index: int) -> Rle:
        """Return the union of the target objects' masks on one frame."""
        found = [masks[frame_index] for masks in self.objects if frame_index in masks]
        return union_mask(found) if found else empty_mask(self.context.source_wh)

    def boxes(self, frame_index: int) -> list[Box | None]:
        """Return each object's tight box on one frame in source pixels, None for an object not on it."""
        return [mask_box(masks[frame_index]) if frame_index in masks else None for masks in self.objects]
