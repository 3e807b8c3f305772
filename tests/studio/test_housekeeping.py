"""What nobody uses any more is closed or deleted while the server runs, without anybody asking for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from veason.studio.server import housekeeping, project_registry
from veason.studio.server.housekeeping import Housekeeping
from veason.studio.server.outbox import Outbox
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings


def test_old_uploads_files_to_download_and_projects_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(housekeeping, "EVERY_S", 0.05)
    monkeypatch.setattr(project_registry, "_SWEEP_S", 0.0)
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors", visitor_age_s=3600))
    outbox = Outbox()
    key, project = registry.get_or_make(None)
    upload = outbox.uploads / "1f3a" / "clip.mp4"
    upload.parent.mkdir()
    upload.touch()
    made = outbox.new_folder("me")
    for path in (upload, upload.parent, made, *project.folder.iterdir()):
        os.utime(path, (0, 0))
    young = outbox.new_folder("me")
    keeping = Housekeeping(registry, outbox, lambda: "holds nothing")
    with caplog.at_level("INFO"):
        keeping.tidy()
    assert "holds nothing" in caplog.text
    assert not upload.parent.exists()
    assert not made.exists()
    assert not (tmp_path / "visitors" / key).exists()
    assert young.is_dir()
    keeping.start()
    keeping.close()
    outbox.close()
    registry.close()
