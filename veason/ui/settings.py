"""What the app runs on."""

from __future__ import annotations

from dataclasses import dataclass, field

from veason.types import Budgets


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app runs on; None means the best that is already here (see `veason.policy`, `veason.segmenter`).

    `budgets` says what is kept for corrections and further questions; `max_upload_mb` bounds an upload, `max_works` how
    many videos the server keeps open for its visitors at once.
    """

    policy: str | None = None
    profile: str | None = None
    quantization: str | None = None
    segmenter: str | None = None
    segmenter_config: str | None = None
    device: str = "auto"
    budgets: Budgets = field(default_factory=Budgets)
    max_upload_mb: int = 500
    max_works: int = 32
