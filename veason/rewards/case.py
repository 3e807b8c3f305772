"""What is true of one question: where its target is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from veason.answer import AnswerContext
from veason.masks import empty_mask, mask_area, mask_box, union_mask
from veason.types import Box, Rle


@dataclass(frozen=True, slots=True)
class RewardCase:
    """What is true of one question.

    `objects` holds each target object's masks by absolute frame index, at source size, for at least the frames shown
    (`context.shown`); a frame without the object is missing. No object, or no pixel on any frame: the target is absent.
    """

    context: AnswerContext
    objects: tuple[Mapping[int, Rle], ...]

    @property
    def is_absent(self) -> bool:
        """True where the target is nowhere."""
        return not any(mask_area(rle) for masks in self.objects for rle in masks.values())

    def union(self, frame_index: int) -> Rle:
        """Return the mask of all target objects on one frame."""
        found = [masks[frame_index] for masks in self.objects if frame_index in masks]
        return union_mask(found) if found else empty_mask(self.context.source_wh)

    def boxes(self, frame_index: int) -> list[Box | None]:
        """Return the tight box of every object on one frame in source pixels, None where it is not there."""
        return [mask_box(masks[frame_index]) if frame_index in masks else None for masks in self.objects]
