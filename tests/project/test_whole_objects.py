"""Whole objects are copied and merged, in the state and on the disk; undo brings everything back bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.made import NUM_FRAMES, ask, box_prompt, make_project, mask, masks_on, put_mark
from veason.annotation import Duplicated, Locked, Merged, Occluded, PutPrompt, State, Tracked
from veason.errors import SessionError
from veason.masks import mask_area, union_mask
from veason.project import Project


def kinds(project: Project, question: int, object_id: int) -> list[str]:
    """Return where the masks of an object come from, by frame."""
    return [one.provenance for one in project.labels.masks(question) if one.object_id == object_id]


def reopened(project: Project, question: int) -> State:
    """Return the state as another program reads it from the disk."""
    with Project.open(project.folder) as fresh:
        return fresh.labels.state(question)


def test_a_copy_has_the_prompts_masks_marks_and_provenance_of_its_object(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.labels.record(question, PutPrompt(box_prompt(2, 4)))
        put_mark(project, question, 2, (0, 2), "verified")
        before = project.labels.state(question)
        project.labels.record(question, Duplicated(2, 3))
        now = reopened(project, question)
        assert now == project.labels.state(question)
        assert now.tracks[3].frames == before.tracks[2].frames
        assert [prompt.box for (one, _), prompt in sorted(now.prompts.items()) if one == 3] == [
            before.prompts[2, 2].box,
            box_prompt(2, 4).box,
        ]
        assert (3, 4) in now.by_hand
        assert (3, 2) not in now.by_hand
        assert kinds(project, question, 3) == kinds(project, question, 2)
        assert kinds(project, question, 3)[:3] == ["verified", "verified", "model"]
        assert now.reasoning == "stale"
        project.labels.undo(question)
        assert reopened(project, question) == before
        project.labels.redo(question)
        assert reopened(project, question) == now


def test_a_locked_object_can_be_copied_and_its_copy_is_free(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question)
        project.labels.record(question, Locked(1, True))
        project.labels.record(question, Duplicated(1, 2))
        assert project.labels.state(question).locked == frozenset({1})
        assert len(project.labels.state(question).tracks[2].frames) == NUM_FRAMES


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Duplicated(7, 8), "no object 7"),
        (Duplicated(1, 2), "object 2 already"),
        (Merged(1, 7), "no object 7"),
        (Merged(1, 1), "into itself"),
    ],
)
def test_an_edit_of_objects_that_does_not_fit_changes_nothing(
    tmp_path: Path, edit: Duplicated | Merged, message: str
) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        before = project.labels.state(question)
        with pytest.raises(SessionError, match=message):
            project.labels.record(question, edit)
        assert reopened(project, question) == before


def merge(project: Project, question: int, source: int, target: int) -> None:
    project.labels.record(question, Merged(source, target, project.labels.state(question).confirmed_frames(target)))


def test_a_merged_object_covers_both_and_one_undo_brings_both_back(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.labels.follow(question, masks_on(range(NUM_FRAMES), 2, 20))
        project.labels.name_object(question, 2, "tail")
        before = project.labels.state(question)
        merge(project, question, 2, 1)
        now = reopened(project, question)
        assert now == project.labels.state(question)
        both = union_mask([mask(0).rle, mask(20).rle])
        assert {one.rle for one in now.tracks[1].frames.values()} == {both}
        assert mask_area(both) == 2 * mask_area(mask(0).rle)
        assert now.object_ids == (1,)
        assert now.stale == frozenset()
        assert now.prompts[1, 2].mask == both  # a box around one part would take the other away
        assert kinds(project, question, 1) == [*["propagated"] * 2, "corrected", *["propagated"] * 3]
        project.labels.undo(question)
        assert reopened(project, question) == before
        project.labels.redo(question)
        assert reopened(project, question) == now


def test_two_halves_of_a_track_become_one_with_their_prompts_and_marks(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        project.labels.record(question, PutPrompt(box_prompt(1, 0)))
        project.labels.follow(question, [*masks_on(range(3), 1), Tracked(frozenset({1}))])
        put_mark(project, question, 1, (3, 5), "absent")
        project.labels.follow(
            question, [PutPrompt(box_prompt(2, 4, 8)), *masks_on(range(4, 6), 2, 8), Tracked(frozenset({2}))]
        )
        put_mark(project, question, 2, (5, 6), "verified")
        merge(project, question, 2, 1)
        now = reopened(project, question)
        track = now.tracks[1].frames
        assert [track[at] for at in (0, 1, 2, 4, 5)] == [*[mask(4)] * 3, *[mask(8)] * 2]
        assert now.marks == {(1, 3): "absent", (1, 5): "verified"}  # frame 4 was absent, and is not
        assert set(now.prompts) == {(1, 0), (1, 4)}
        assert now.by_hand == {(1, 0)}
        assert kinds(project, question, 1) == ["corrected", *["propagated"] * 2, "absent", "model", "verified"]


def test_a_merge_never_overwrites_what_a_person_corrected_or_verified(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.labels.follow(question, masks_on(range(NUM_FRAMES), 2, 20))
        project.labels.record(question, PutPrompt(box_prompt(1, 4)))
        put_mark(project, question, 1, (0, 1), "verified")
        before = project.labels.state(question)
        with pytest.raises(SessionError, match="verified on frame 0"):
            project.labels.record(question, Merged(2, 1, frozenset({4})))
        merge(project, question, 2, 1)
        now = reopened(project, question)
        own = before.tracks[1].frames
        assert [at for at, one in now.tracks[1].frames.items() if one == own[at]] == [0, 4]
        assert now.prompts[1, 4] == before.prompts[1, 4]
        assert now.marks == before.marks


@pytest.mark.parametrize("locked", [1, 2])
def test_a_locked_object_is_not_merged(tmp_path: Path, locked: int) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.labels.record(question, Locked(locked, True))
        with pytest.raises(SessionError, match=f"object {locked} is locked"):
            merge(project, question, 2, 1)


def occluded(project: Project, question: int, object_id: int) -> list[int]:
    """Return the frames on which an object is occluded, as an export reads them."""
    return [one.frame_index for one in project.labels.masks(question) if one.object_id == object_id and one.is_occluded]


def test_an_occluded_stretch_is_kept_undone_and_copied(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question)
        project.labels.record(question, Occluded(1, 1, 5))
        project.labels.record(question, Occluded(1, 2, 3, False))
        assert occluded(project, question, 1) == [1, 3, 4]
        assert reopened(project, question) == project.labels.state(question)
        assert project.labels.state(question).reasoning == "fresh"  # it says nothing against the answer
        project.labels.record(question, Duplicated(1, 2))
        assert occluded(project, question, 2) == [1, 3, 4]
        put_mark(project, question, 1, (3, 6), "absent")
        assert occluded(project, question, 1) == [1]
        for _ in range(3):
            project.labels.undo(question)
        assert occluded(project, question, 1) == [1, 2, 3, 4]


def test_a_union_is_occluded_where_one_of_its_parts_was(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        ask(project, question, 2)
        project.labels.record(question, Occluded(1, 0, 1))
        project.labels.record(question, Occluded(2, 3, 5))
        merge(project, question, 2, 1)
        assert occluded(project, question, 1) == [0, 3, 4]


def test_what_is_absent_or_has_no_mask_is_not_occluded(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    with project:
        project.labels.record(question, PutPrompt(box_prompt(1, 0)))
        project.labels.follow(question, masks_on(range(4), 1))
        put_mark(project, question, 1, (2, 4), "absent")
        with pytest.raises(SessionError, match="marked absent there"):
            project.labels.record(question, Occluded(1, 2, 4))
        with pytest.raises(SessionError, match="no mask on frame 4 yet"):
            project.labels.record(question, Occluded(1, 0, 6))
        project.labels.record(question, Occluded(1, 0, 4))
        assert occluded(project, question, 1) == [0, 1]
