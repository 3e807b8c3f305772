"""A copy of an object has all that is said of it, in the state and on the disk; undo brings everything back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.made import NUM_FRAMES, ask, box_prompt, make_project
from veason.errors import SessionError
from veason.project import Locked, Project, State
from veason.session import Duplicated, PutPrompt


def kinds(project: Project, question: int, object_id: int) -> list[str]:
    """Return where the masks of an object come from, by frame."""
    return [one.provenance for one in project.masks(question) if one.object_id == object_id]


def reopened(project: Project, question: int) -> State:
    """Return the state as another program reads it from the disk."""
    with Project.open(project.folder) as fresh:
        return fresh.state(question)


def test_a_copy_has_the_prompts_masks_marks_and_provenance_of_its_object(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.record(question, PutPrompt(box_prompt(2, 4)))
        project.mark(question, 2, (0, 2), "verified")
        before = project.state(question)
        project.record(question, Duplicated(2, 3))
        now = reopened(project, question)
        assert now == project.state(question)
        assert now.session.tracks[3].frames == before.session.tracks[2].frames
        assert [prompt.box for (one, _), prompt in sorted(now.session.prompts.items()) if one == 3] == [
            before.session.prompts[2, 2].box,
            box_prompt(2, 4).box,
        ]
        assert (3, 4) in now.by_hand
        assert (3, 2) not in now.by_hand
        assert kinds(project, question, 3) == kinds(project, question, 2)
        assert kinds(project, question, 3)[:3] == ["verified", "verified", "model"]
        assert now.reasoning == "stale"
        project.undo(question)
        assert reopened(project, question) == before
        project.redo(question)
        assert reopened(project, question) == now


def test_a_locked_object_can_be_copied_and_its_copy_is_free(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question)
        project.record(question, Locked(1, True))
        project.record(question, Duplicated(1, 2))
        assert project.state(question).locked == frozenset({1})
        assert len(project.session(question).tracks[2].frames) == NUM_FRAMES


@pytest.mark.parametrize(
    ("edit", "message"),
    [(Duplicated(7, 8), "no object 7"), (Duplicated(1, 2), "object 2 already")],
)
def test_an_edit_of_objects_that_does_not_fit_changes_nothing(tmp_path: Path, edit: Duplicated, message: str) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        before = project.state(question)
        with pytest.raises(SessionError, match=message):
            project.record(question, edit)
        assert reopened(project, question) == before
