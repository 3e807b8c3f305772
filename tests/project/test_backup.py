"""Backups while others write, and the way back to the program that made a project."""

from __future__ import annotations

import sqlite3
import threading
import zipfile
from pathlib import Path

import pytest

from tests.project.made import ask, box_prompt, make_frames, make_project
from veason.annotation import PutPrompt
from veason.cli import main
from veason.errors import ProjectError
from veason.project import Project, folder
from veason.project.database import earlier_file
from veason.project.folder import back_up, unpack

FILE = "project.sqlite"


def test_a_backup_holds_one_state_of_a_project_that_is_written_to(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    ask(project, question, 2)
    is_over, steps = threading.Event(), []

    def work() -> None:
        while not is_over.is_set():
            project.labels.record(question, PutPrompt(box_prompt(3 + len(steps) % 2)))
            steps.append(project.library.revision)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        made = back_up(project, tmp_path / "backups")
    finally:
        is_over.set()
        writer.join()
    assert steps
    with unpack(made, tmp_path / "back", keep_outside=True) as other:
        assert 1 <= other.library.revision <= project.library.revision
        assert other.labels.state(question).prompts
        with other.library.open_video(other.library.question(question).video_id) as video:
            video.frame(0)


def test_the_newest_backups_are_kept_and_nothing_else_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = make_project(tmp_path)
    backups = tmp_path / "backups"
    backups.mkdir()
    for name in (
        "mine.zip",
        "project-20200101T000000Z.zip",
        "project-20200102T000000Z.zip",
        "other-20200101T000000Z.zip",
    ):
        (backups / name).touch()
    made = back_up(project, backups, keep=2, with_videos=False)
    assert sorted(path.name for path in backups.iterdir()) == sorted(
        ["mine.zip", "other-20200101T000000Z.zip", "project-20200102T000000Z.zip", made.name]
    )
    monkeypatch.setattr(folder.time, "strftime", lambda *_: made.name.removeprefix("project-").removesuffix(".zip"))
    with pytest.raises(ProjectError, match="there already"):
        back_up(project, backups)


def test_a_backup_that_cannot_be_read_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, _ = make_project(tmp_path)

    def broken(project: Project, path: Path, **_: object) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(FILE, b"SQLite format 3\0" + b"\1" * 5000)

    monkeypatch.setattr(folder, "pack", broken)
    with pytest.raises(ProjectError, match=r"cannot be read back|is damaged"):
        back_up(project, tmp_path / "backups")


def test_the_commands_back_up_and_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, question = make_project(tmp_path)
    ask(project, question, 2)
    assert main(["project", "backup", str(project.folder), str(tmp_path / "backups"), "--keep", "3"]) == 0
    assert "wrote" in capsys.readouterr().out
    (made,) = (tmp_path / "backups").iterdir()
    assert main(["project", "restore", str(tmp_path / "back"), str(made)]) == 0
    assert main(["project", "restore", str(tmp_path / "back"), str(made)]) == 2  # it is not empty
    with Project.open(tmp_path / "back") as other:
        assert other.labels.state(question) == project.labels.state(question)


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as db:
        lines = list(db.iterdump())
    db.close()
    return lines


def test_the_file_of_an_earlier_version_is_kept_when_it_is_brought_up_to_date(tmp_path: Path) -> None:
    make_frames(tmp_path / "clip")
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript((Path(__file__).parent / "version2.sql").read_text())
    db.close()
    before = dump(tmp_path / FILE)
    with Project.open(tmp_path) as project:
        kept = earlier_file(tmp_path / FILE, 2)
        assert dump(kept) == before
        made = back_up(project, tmp_path / "backups", with_videos=False)
    with zipfile.ZipFile(made) as archive:
        assert kept.name not in archive.namelist()
    with Project.open(tmp_path):  # the second time nothing is brought up to date
        assert dump(kept) == before
    assert not list(tmp_path.glob(".*.part"))
