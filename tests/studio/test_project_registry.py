"""Where projects lie: visitors are kept apart, within bounds, and nobody's folder is taken over."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from veason.errors import ProjectError, SessionError
from veason.folders import size_of
from veason.project.database import CONNECTION_BYTES
from veason.project.folder import pack
from veason.studio.server import project_registry
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


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_projects_that_nobody_uses_are_closed_and_descriptors_stay_flat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_registry, "OPEN_BYTES", 4 * CONNECTION_BYTES)
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    keys = [registry.get_or_make(None)[0] for _ in range(8)]
    few = descriptors()
    keys += [registry.get_or_make(None)[0] for _ in range(40)]
    assert descriptors() <= few + 4
    for key in keys:  # they are opened again as visitors come back
        registry.get(key)
        assert registry.open_holding is not None
        assert registry.open_holding.held <= registry.open_holding.most
    assert descriptors() <= few + 4
    monkeypatch.setattr(project_registry, "CLOSE_AFTER_S", 0.0)
    registry.sweep()
    assert descriptors() < few
    assert all(registry.get(key).library.questions() == () for key in keys[:4])  # all of them are there
    registry.close()


def test_a_project_in_use_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_registry, "CLOSE_AFTER_S", 0.0)
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    left: list[str] = []
    busy: set[str] = set()

    def leave(key: str) -> bool:
        if key not in busy:
            left.append(key)
        return key not in busy

    registry.before_closing(lambda key: None, leave)
    mine, project = registry.get_or_make(None)
    busy.add(mine)
    other, _ = registry.get_or_make(None)
    registry.sweep()
    assert registry.get(mine) is project
    assert left == [other]
    registry.close()


def test_a_project_that_is_opened_while_sizes_are_counted_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(visitors=tmp_path / "visitors", visitor_age_s=3600)
    before = ProjectRegistry(settings)
    keys = [before.get_or_make(None)[0] for _ in range(3)]
    before.close()
    for path in (tmp_path / "visitors").rglob("*"):
        os.utime(path, (0, 0))
    later = ProjectRegistry(settings)

    def size_while_they_come_back(folder: Path) -> int:
        later.get(keys[1])
        return size_of(folder)

    monkeypatch.setattr("veason.project.folder.size_of", size_while_they_come_back)
    later.sweep(is_due=True)
    assert [key for key in keys if (tmp_path / "visitors" / key / "project.sqlite").exists()] == [keys[1]]
    assert later.get(keys[1]).library.questions() == ()
    later.close()


def test_the_budget_of_all_visitors_counts_projects_opened_since_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_registry, "CLOSE_AFTER_S", 0.0)
    monkeypatch.setattr(project_registry, "_SWEEP_S", 0.0)
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors", visitors_bytes=400_000))
    keys = []
    for age in range(12, 0, -1):
        key, project = registry.get_or_make(None)
        keys.append(key)
        project.close()
        for path in project.folder.iterdir():
            os.utime(path, (path.stat().st_atime - 60 * age, path.stat().st_mtime - 60 * age))
    registry.sweep()
    there = [key for key in keys if (tmp_path / "visitors" / key).exists()]
    assert there == keys[-len(there) :]
    assert 0 < len(there) < 6
    registry.close()


def test_a_project_whose_folder_is_taken_away_is_told(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(project=tmp_path / "work"))
    assert registry.own_key is not None
    project = registry.get(registry.own_key)
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    with pytest.raises(SessionError, match="deleted or moved"):
        registry.get(registry.own_key)
    with pytest.raises(ProjectError, match="nothing of this change was kept"):
        project.library.keep_note("a", "b")
    (tmp_path / "elsewhere").rename(tmp_path / "work")
    project.library.keep_note("a", "b")
    registry.close()


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
