"""The settings of the app."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from veason.errors import OptionError
from veason.types import ModelOptions


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app runs on.

    Attributes:
        policy: name of the policy, see `veason.policy.load_policy`; None is the best that is already here.
        segmenter: name of the segmenter, see `veason.segmenter.load_segmenter`; None likewise.
        models: how both are loaded and run.
        workers: processes in which the models run, 1 or more; 1 is this process itself.
        max_upload_mb: largest upload in megabytes, 1 or more.
        max_works: number of questions that the server keeps open at once while nobody uses them, 1 or more.
        are_models_locked: whether nobody may change the models in the app; None locks them where others reach it.
        project: folder of the one project that every page works on; None is `project_registry.default_folder`.
        visitors: folder in which every visitor gets a project of their own, instead of `project`.
        visitor_bytes: bytes that one visitor's project may hold, 1 or more.
        visitors_bytes: bytes that all visitors' projects may hold together, 1 or more.
        visitor_age_s: seconds without a change after which a visitor's project is deleted, above 0.
        video_mb: megabytes (2**20 bytes) that decoders and pictures of opened videos may take in memory, 0 or more.
        transfer_mb: megabytes that uploads and files to download may take on the disk, 1 or more.
        are_examples_recorded: whether an example opens with an answer that was made earlier, and masks.
        hosts: further names by which the server may be called, as a proxy or the network knows it.

    Raises:
        OptionError: a value is outside its range, or both `project` and `visitors` are given.
    """

    policy: str | None = None
    segmenter: str | None = None
    models: ModelOptions = field(default_factory=ModelOptions)
    are_models_locked: bool | None = None
    workers: int = 1
    max_upload_mb: int = 500
    max_works: int = 32
    project: Path | None = None
    visitors: Path | None = None
    visitor_bytes: int = 2_000_000_000
    visitors_bytes: int = 30_000_000_000
    visitor_age_s: float = 48 * 3600.0
    video_mb: int = 512
    transfer_mb: int = 20_000
    are_examples_recorded: bool = False
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("workers", "max_upload_mb", "max_works", "visitor_bytes", "visitors_bytes", "transfer_mb"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise OptionError(f"the setting {name} is a whole number, 1 or more, got {value!r}")
        if not isinstance(self.video_mb, int) or isinstance(self.video_mb, bool) or self.video_mb < 0:
            raise OptionError(f"the setting video_mb is a whole number, 0 or more, got {self.video_mb!r}")
        if not 0 < self.visitor_age_s < math.inf:
            raise OptionError(f"the setting visitor_age_s is a number of seconds above 0, got {self.visitor_age_s}")
        if self.project is not None and self.visitors is not None:
            raise OptionError(
                f"either one project for everybody or one a visitor, got both {self.project} and {self.visitors}: "
                "leave --project or --visitors out"
            )
