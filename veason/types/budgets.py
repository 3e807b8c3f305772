"""Cache budgets: the memory in which intermediate results are kept for the next correction or question."""

from __future__ import annotations

from dataclasses import dataclass, fields

from veason.errors import OptionError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of a budget.

    Attributes:
        name: what it is, such as "features of frames".
        held: bytes that are held now.
        most: bytes that may be held.
    """

    name: str
    held: int
    most: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """Cache budgets in megabytes (2**20 bytes); with 0 nothing of that kind is kept, and it is computed again.

    They change the time that work takes, and no result. The features of a frame take 16.8 MB at 1024 px (10.5 MB on a
    GPU, under autocast), and about 1 MB at 256 px.

    Attributes:
        feature_memory: features of frames in (pinned) memory; None is 1,024, and on a GPU a quarter of the machine's
            memory up to 8,192.
        feature_gpu: features of frames on the accelerator, before any go to memory.
        feature_disk: features of frames in temporary files, after memory is full.
        tracks: memories of tracked objects, 0.79 MB a frame and object at 1024 px.
        prefix: keys and values of the policy's prompts, on its device: 122 MB a video for 3B, 190 MB for 7B.
        shown: decoded frames that the policy was shown, 2.8 MB a frame of 720p.

    Raises:
        OptionError: a budget is not a whole number of megabytes, 0 or more.
    """

    feature_memory: int | None = None
    feature_gpu: int = 0
    feature_disk: int = 0
    tracks: int = 256
    prefix: int = 1024
    shown: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "feature_memory":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise OptionError(f"the budget {field.name} is a whole number of megabytes, 0 or more, got {value!r}")

    @classmethod
    def nothing(cls) -> Budgets:
        """Return budgets of 0 throughout: everything is computed anew each time, as stock does."""
        return cls(feature_memory=0, feature_gpu=0, feature_disk=0, tracks=0, prefix=0, shown=0)

    @property
    def keeps_features(self) -> bool:
        """Tell whether any tier may hold features."""
        return self.feature_memory is None or self.feature_memory + self.feature_gpu + self.feature_disk > 0
