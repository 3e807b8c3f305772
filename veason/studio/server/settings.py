"""What the app runs on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from veason.types import ModelOptions


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app runs on; None means the best that is already here (see `veason.policy`, `veason.segmenter`).

    `models` says how the models are loaded and run; `max_upload_mb` bounds an upload, `max_works` how many videos the
    server keeps open for its visitors at once.
    `project` is the folder of the project (see `project_registry.default_folder`). Where `visitors` is
    given instead, every visitor gets a project of their own below that folder: `visitor_bytes` bounds each,
    `visitors_bytes` all together, and one that nobody wrote to for `visitor_age_s` seconds is deleted.
    """

    policy: str | None = None
    segmenter: str | None = None
    models: ModelOptions = field(default_factory=ModelOptions)
    max_upload_mb: int = 500
    max_works: int = 32
    project: Path | None = None
    visitors: Path | None = None
    visitor_bytes: int = 2_000_000_000
    visitors_bytes: int = 30_000_000_000
    visitor_age_s: float = 48 * 3600.0
