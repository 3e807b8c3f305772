"""Names and locks are undone like every other edit, and a locked object refuses a person."""

from pathlib import Path

import pytest

from tests.project.made import box_prompt, make_project
from veason.annotation import Asked, DropPrompt, Locked, Marked, Named, PutPrompt
from veason.errors import SessionError
from veason.project import Project


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[Project, int]:
    project, question = make_project(tmp_path / "work")
    project.labels.record(question, PutPrompt(box_prompt(1, 4)))
    return project, question


def reopened(project: Project) -> Project:
    project.close()
    return Project.open(project.folder)


def test_a_name_is_undone_and_redone_also_after_a_restart(drawn: tuple[Project, int]) -> None:
    project, question = drawn
    project.labels.record(question, Named(1, "dog"))
    project = reopened(project)
    assert dict(project.labels.state(question).names) == {1: "dog"}
    project.labels.undo(question)
    assert dict(project.labels.state(question).names) == {}
    assert project.labels.objects(question)[0].name == ""
    project = reopened(project)
    project.labels.redo(question)
    assert project.labels.objects(question)[0].name == "dog"


def test_a_locked_object_refuses_a_person_until_it_is_unlocked(drawn: tuple[Project, int]) -> None:
    project, question = drawn
    project.labels.record(question, Locked(1, True))
    project = reopened(project)
    for edit in (DropPrompt(1, 4), Marked(1, 5, 8, "absent"), PutPrompt(box_prompt(1, 4, 9))):
        with pytest.raises(SessionError, match="object 1 is locked"):
            project.labels.record(question, edit)
    project.labels.record(question, Locked(1, False))
    project.labels.record(question, DropPrompt(1, 4))
    assert project.labels.state(question).object_ids == ()


def test_names_and_locks_go_with_their_object_and_come_back_with_it(drawn: tuple[Project, int]) -> None:
    project, question = drawn
    project.labels.record(question, Named(1, "dog"))
    project.labels.record(question, Locked(1, True))
    project.labels.record(question, Asked("the cat", (0,)))
    assert (dict(project.labels.state(question).names), project.labels.state(question).locked) == ({}, frozenset())
    project.labels.undo(question)
    assert (dict(project.labels.state(question).names), project.labels.state(question).locked) == (
        {1: "dog"},
        frozenset({1}),
    )
