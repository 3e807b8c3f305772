"""Where projects lie: visitors are kept apart, within bounds, and nobody's folder is taken over."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from veason.errors import ProjectError, SessionError
from veason.project.folder import pack
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings


def test_every_visitor_has_a_project_within_a_quota_that_cannot_be_guessed(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors", visitor_bytes=400_000))
    (first, project), (second, _) = registry.get_or_make(None), registry.get_or_make("guess")
    assert first != second
    assert min(len(first), len(second)) >= 16
    assert registry.get_or_make(first) == (first, project)
    with pytest.raises(ProjectError, match="download everything"):
        registry.check_space(project, 400_000)
    for key in ("../visitors", "", "guess"):
        with pytest.raises(SessionError):
            registry.get(key)
    registry.close()


def test_a_visitors_project_is_gone_after_its_lifetime_and_no_other_one(tmp_path: Path) -> None:
    settings = Settings(visitors=tmp_path / "visitors", visitor_age_s=3600)
    before = ProjectRegistry(settings)
    (old, project), (young, _) = before.get_or_make(None), before.get_or_make(None)
    folder = project.folder
    before.close()
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_atime - 7200, path.stat().st_mtime - 7200))
    later = ProjectRegistry(settings)
    later.get_or_make(None)  # somebody new comes by
    assert not folder.exists()
    with pytest.raises(SessionError, match="no longer on the server"):
        later.get(old)
    assert later.get(young).library.questions() == ()
    later.close()


def test_the_key_of_a_project_of_ones_own_is_random_and_kept_and_not_given_away(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b", "a"):
        registry = ProjectRegistry(Settings(project=tmp_path / name))
        assert registry.own_key is not None
        keys.append(registry.own_key)
        pack(registry.get(registry.own_key), tmp_path / f"{name}.zip")
        registry.close()
    assert keys[0] == keys[2] != keys[1]
    assert len(keys[0]) >= 16
    assert keys[0].encode() not in (tmp_path / "a" / "project.sqlite").read_bytes()
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["project.sqlite"]


def test_a_folder_with_other_files_is_not_made_a_project(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ProjectError, match="holds other files"):
        ProjectRegistry(Settings(project=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
