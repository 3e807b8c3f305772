"""What the app runs on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from veason.types import Budgets, Speedups


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app runs on; None means the best that is already here (see `veason.policy`, `veason.segmenter`).

    `budgets` says what is kept for corrections and further questions, `speedups` what may be done with other last bits
    than the stock way; `max_upload_mb` bounds an upload, `max_works` how many videos the server keeps open for its
    visitors at once.
    `project` is the folder of the project (see `project_registry.default_folder`). Where `visitors` is given instead,
    every visitor gets a project of their own below that folder: `visitor_bytes` bounds each, `visitors_bytes` all
    together, and one that nobody wrote to for `visitor_age_s` seconds is deleted.
    """

    policy: str | None = None
    profile: str | None = None
    quantization: str | None = None
    segmenter: str | None = None
    segmenter_config: str | None = None
    device: str = "auto"
    budgets: Budgets = field(default_factory=Budgets)
    speedups: Speedups = field(default_factory=Speedups)
    max_upload_mb: int = 500
    max_works: int = 32
    project: Path | None = None
    visitors: Path | None = None
    visitor_bytes: int = 2_000_000_000
    visitors_bytes: int = 30_000_000_000
    visitor_age_s: float = 48 * 3600.0
