"""A project of every earlier version of the tables opens with all that a person left in it, and can be undone."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.project.digest import digest_history, digest_labels
from tests.project.made import NUM_FRAMES, make_frames
from tests.project.replayed import replay
from veason.annotation import RecomputePlan, RecomputeRequest, State
from veason.annotation.state import FrameRuns, frames_of
from veason.errors import SessionError
from veason.project import Project
from veason.project.schema import VERSION

FILE = "project.sqlite"

UNDONE = {
    1: [
        "8b65eccc95fe0b7b",
        "8c6279aab8903c23",
        "157ed3517dea3a36",
        "113c24fcd55ff2a5",
        "e3e1cc276d7402b7",
        "57ee74c0dfdd24fc",
        "918424410b601bd7",
        "44214656fb3aa139",
    ],
    2: ["02f674b158b09c3a", "590043b4cb18982c", "c590777dc1d4b402"],
    3: ["c5499f0618a5d051", "ed457679e73db184"],
}
"""Digests of the labels of version2.sql after each undo of a question, as the program of its time gave them."""

LAST_REDONE = "a91ffebdc1d52ace"


def opened_as_of(version: int, folder: Path) -> Project:
    make_frames(folder / "clip")
    with sqlite3.connect(folder / FILE) as db:
        db.executescript((Path(__file__).parent / f"version{version}.sql").read_text())
    db.close()
    shutil.copy(folder / FILE, folder / "before.sqlite")
    return Project.open(folder)


def are_in(pending: FrameRuns, others: FrameRuns) -> bool:
    return set(frames_of(pending)) <= set(frames_of(others))


def check_against_log(project: Project, question_id: int) -> None:
    """Check that the labels are what the log gives, and that nothing is forgotten that waits to be computed."""
    found, state = replay(project, question_id), project.labels.state(question_id)
    assert without_pending(found.now) == without_pending(state)
    for object_id, pending in found.now.pending.items():
        assert are_in(pending, state.pending.get(object_id, ()))


def without_pending(state: State) -> State:
    """Return the state without what waits, and without names, which were no part of the log's edits in version 1."""
    return replace(state, pending={}, touched=frozenset(), names={})


def test_every_earlier_version_has_its_project_here() -> None:
    for version in range(1, VERSION):
        assert (Path(__file__).parent / f"version{version}.sql").is_file(), "add a project of the version before"


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_label_prompt_mask_mark_name_and_step_is_there(tmp_path: Path, version: int) -> None:
    with opened_as_of(version, tmp_path) as project:
        for question in project.library.questions():
            check_against_log(project, question.id)
            with project.library.open_video(question.video_id) as video:
                assert video.info.num_frames == NUM_FRAMES
    before, after = tmp_path / "before.sqlite", tmp_path / FILE
    assert digest_labels(after) == digest_labels(before)
    assert digest_history(after) == digest_history(before)
    with sqlite3.connect(after) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT key FROM about WHERE key LIKE 'pending %'").fetchall() == []
    db.close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_step_can_be_undone_and_redone_and_no_mask_that_waits_is_forgotten(tmp_path: Path, version: int) -> None:
    with opened_as_of(version, tmp_path) as project:
        for question in project.library.questions():
            for walk in (project.labels.redo, project.labels.undo, project.labels.redo):
                while True:
                    try:
                        walk(question.id)
                    except SessionError:
                        break
                    check_against_log(project, question.id)


def test_undo_and_redo_lead_where_they_led_in_version_2(tmp_path: Path) -> None:
    with opened_as_of(2, tmp_path) as project:
        for question_id, expected in UNDONE.items():
            undone = []
            for _ in expected:
                project.labels.undo(question_id)
                undone.append(digest_labels(tmp_path / FILE))
            assert undone == expected
            with pytest.raises(SessionError, match="nothing to undo"):
                project.labels.undo(question_id)
            for digest in reversed(expected[:-1]):
                project.labels.redo(question_id)
                assert digest_labels(tmp_path / FILE) == digest
            while project.labels.look(question_id).undone:
                project.labels.redo(question_id)
        assert digest_labels(tmp_path / FILE) == LAST_REDONE


def test_what_waited_in_version_2_waits_still_where_its_note_was_up_to_date(tmp_path: Path) -> None:
    everything = ((0, NUM_FRAMES),)
    with opened_as_of(2, tmp_path) as project:
        assert project.labels.state(1).pending == {1: everything}, "an undo had made the app forget what it knew"
        assert project.labels.state(2).pending == {1: ((5, 6),), 2: everything}
        assert project.labels.state(3).pending == {1: everything}, "the question went on after the note"
        state = project.labels.state(2)
        plan = RecomputePlan.of(state, RecomputeRequest((0, NUM_FRAMES)))
        assert [(job.object_ids, job.frames) for job in plan.jobs] == [({1}, (5, 6)), ({2}, (0, NUM_FRAMES))]
        before = project.labels.state(2).pending
        project.labels.undo(2)
        project.labels.redo(2)
        assert project.labels.state(2).pending == before


def test_a_project_of_version_1_can_be_commented_on(tmp_path: Path) -> None:
    with opened_as_of(1, tmp_path) as project:
        (question,) = project.library.questions(status="in review")
        assert (question.original_id, question.reasoning) == (None, "stale")
        assert [one.name for one in project.labels.objects(question.id)] == ["left ball", ""]
        project.queue.comment(question.id, "from an old file", 3)
        project.labels.redo(question.id)
        assert set(project.labels.state(question.id).marks.values()) == {"verified"}
    with Project.open(tmp_path) as project:
        assert len(project.queue.comments(question.id)) == 1


def test_the_log_of_version_4_gives_its_prompts_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    with opened_as_of(4, tmp_path) as project:
        (question,) = [one for one in project.library.questions() if one.instruction == "the cone"]
        order = [3, 5, 4, 0]  # the drop of 5 was undone, 0 was dropped and clicked again
        assert list(project.labels.state(question.id).prompts) == [(one, at) for one in (1, 2) for at in order]


@pytest.mark.parametrize("version", range(1, VERSION))
def test_an_object_that_waits_in_an_older_project_is_computed_again_as_a_whole(tmp_path: Path, version: int) -> None:
    with opened_as_of(version, tmp_path) as project:
        for question in project.library.questions():
            state = project.labels.state(question.id)
            for object_id in {one for one, _ in state.prompts} & set(state.pending):
                assert {place for place in state.prompts if place[0] == object_id} <= state.touched
            plan = RecomputePlan.of(state, RecomputeRequest((0, NUM_FRAMES)))
            assert all(job.follows is None for job in plan.jobs)
