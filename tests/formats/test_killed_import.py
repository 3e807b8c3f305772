"""An import that is killed: every question is there whole or not at all, and importing again brings the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.crash import check_whole
from veason.errors import ProjectError
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import to_project
from veason.project import Project
from veason.project.database import PROJECT_FILE

EVERYTHING = ExportOptions(is_everything=True)


@pytest.fixture
def bundle(videos: list[LabelledVideo], tmp_path: Path) -> Path:
    """Six questions with answers, prompts, masks, marks, names and a second version."""
    export_labels(videos, "veason", tmp_path / "bundle", EVERYTHING)
    return tmp_path / "bundle"


def bring_in(project: Project, bundle: Path) -> None:
    for video in import_labels(bundle, "veason", is_owners=True):
        to_project(project, video)


def count_statements(project: Project, each: Callable[[int], None]) -> None:
    """Call `each` with the number of every statement that this thread gives to the project's file from now on."""
    number = 0

    def count(_: str) -> None:
        nonlocal number
        number += 1
        each(number)

    with project.database.write() as db:
        db.set_trace_callback(count)


def killed_at(folder: Path, bundle: Path, statement: int) -> bool:
    """Import in a process that is killed at that statement; tell whether it lived to see it."""
    child = os.fork()
    if child == 0:
        try:
            with Project.open(folder) as project:
                count_statements(project, lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == statement else None)
                bring_in(project, bundle)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def labels_of(project: Project, out: Path) -> str:
    export_labels(from_project(project), "veason", out, ExportOptions(is_everything=True, is_forced=True))
    return (out / "labels.jsonl").read_text()


def test_an_import_that_is_killed_leaves_whole_questions_and_goes_on(bundle: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    with Project.create(tmp_path / "unhurt") as unhurt:
        count_statements(unhurt, seen.append)
        bring_in(unhurt, bundle)
        num_statements = len(seen)
        wanted = labels_of(unhurt, tmp_path / "wanted")
        whole = {one.instruction: len(list(unhurt.labels.masks(one.id))) for one in unhurt.library.questions()}
    left = set()
    for place in range(1, 20):
        folder = tmp_path / f"killed-{place}"
        Project.create(folder).close()
        assert killed_at(folder, bundle, num_statements * place // 20)
        with Project.open(folder) as project:
            questions = project.library.questions()
            for one in questions:
                check_whole(project, one.id)
                assert len(list(project.labels.masks(one.id))) == whole[one.instruction]
            assert all(one.status != "new" for one in questions)
            left.add(len(questions))
            bring_in(project, bundle)
            assert labels_of(project, tmp_path / "again") == wanted
    assert len(left) > 3  # the kills fell into several questions


def test_an_import_that_the_disk_ends_leaves_whole_questions_and_goes_on(bundle: Path, tmp_path: Path) -> None:
    folder, whole = tmp_path / "project", tmp_path / "whole"
    Project.create(folder).close()
    empty = (folder / PROJECT_FILE).stat().st_size
    with Project.create(whole) as project:
        bring_in(project, bundle)
    with Project.open(folder, max_bytes=(empty + (whole / PROJECT_FILE).stat().st_size) // 2) as small:
        with pytest.raises(ProjectError, match=r"full.*free some space"):
            bring_in(small, bundle)
        num_left = len(small.library.questions())
        for one in small.library.questions():
            check_whole(small, one.id)
    with Project.open(folder) as project:
        assert len(project.library.questions()) == num_left < 6
        bring_in(project, bundle)
        assert len(project.library.questions()) == 6
