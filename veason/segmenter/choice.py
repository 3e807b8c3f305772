"""What a segmenter remembers of the frames that it tracked, as its config.json may say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from veason.errors import ProfileError

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor


@dataclass(frozen=True, slots=True)
class MemoryChoice:
    """What is remembered and where an object may be; config.json holds these under "memory".

    Attributes:
        recent: how many tracked frames are read beside the prompted ones, the nearest good ones first.
        every: beyond the nearest of those only frames whose index is a multiple of this are read, so that as many reach
            farther back.
        pointers: of how many tracked frames the object pointers are read.
        least_area: a frame is good from this share of the reference's area on.
        most_area: a frame is good up to this many times the reference's area.
        least_quality: a frame is good from this IoU on, as the network itself estimates it, from 0 to 1.
        reach: how many frames back anything is looked for. The reference is the median of the masks there.
        margin: how far a mask may leave the box of the one before, in widths and heights of that box; it grows with the
            square root of the frames since an object was last seen. 0 sets no bounds.
    """

    recent: int = 6
    every: int = 1
    pointers: int = 15
    least_area: float = 0.0
    most_area: float = 1e9
    least_quality: float = 0.0
    reach: int = 15
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what could not be computed."""
        shares = (self.least_area, self.least_quality, self.margin)
        if min(self.recent, self.pointers, *shares) < 0 or min(self.reach, self.every) < 1:
            raise ProfileError(
                f"a choice of memories has no negative figures, and 'reach' and 'every' of 1 or more, got {self}"
            )

    @property
    def is_choosy(self) -> bool:
        """Whether any tracked frame may be found not good: one that says the object is gone then is not."""
        return self.least_area > 0 or self.least_quality > 0

    @classmethod
    def read(cls, given: object, source: str) -> MemoryChoice:
        """Return the choice that a config holds. Raises ProfileError where a name or value is not one of these."""
        kinds = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(given, Mapping) or not given.keys() <= kinds.keys():
            raise ProfileError(f"{source}: 'memory' holds some of {', '.join(kinds)}, got {given!r}")
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, (int, kinds[name])):
                raise ProfileError(f"{source}: memory.{name} is {kinds[name].__name__}, got {value!r}")
        return cls(**given)


def frames_read_back(model: SAM2VideoPredictor) -> int:
    """Return how many frames back what is found on a frame depends on.

    In stock: 15 object pointers, or the memories where they reach farther; else as the model's choice says.

    Source: sam2/modeling/sam2_base.py `_prepare_memory_conditioned_features` (sam2 1.1.0).
    """
    choice = getattr(model, "choice", None)
    if isinstance(choice, MemoryChoice):
        return choice.reach
    return int(max(model.max_obj_ptrs_in_encoder - 1, model.num_maskmem * model.memory_temporal_stride_for_eval))
