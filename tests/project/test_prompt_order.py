"""The order of prompts outlives a restart, undo and redo: a correction depends on those made before it."""

from __future__ import annotations

from pathlib import Path

from tests.project.made import box_prompt, make_project, mask
from tests.segmenter.clips import BOX, write_clip
from tests.tiny_sam2 import tiny_sam2
from veason.annotation import DropPrompt, Duplicated, GotMasks, MoveKeyframe, PutPrompt
from veason.project import Project
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Click, FrameMasks, ObjectMask, Prompt

ORDER = [(1, 2), (1, 4), (1, 0), (1, 3)]


def click(frame_index: int, object_id: int = 1) -> PutPrompt:
    return PutPrompt(Prompt(object_id, frame_index, clicks=(Click(20 + 3 * frame_index, 25),)))


def track(project: Project, question: int, prompts: list[Prompt] | None = None) -> dict[int, dict[int, ObjectMask]]:
    """Return the masks of the prompts of a question, or of others, each layer on the one before."""
    video = project.library.open_video(project.library.question(question).video_id)
    prompts = prompts or list(project.labels.state(question).prompts.values())
    with video:
        segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
        return {one.frame_index: dict(one.masks) for one in segmenter.track(video, prompts, order="nearest")}


def test_masks_after_a_reload_equal_those_before(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    write_clip(tmp_path / "clip")
    with Project.create(tmp_path / "project") as project:
        question = project.library.add_question(project.library.add_video(tmp_path / "clip"), "the red one")
        project.labels.record(question, PutPrompt(Prompt(1, 2, box=BOX)))
        for frame_index in (4, 0, 3):
            project.labels.record(question, click(frame_index))
        prompts = project.labels.state(question).prompts
        before = track(project, question)
        in_another_order = track(project, question, [prompts[place] for place in sorted(prompts)])
    with Project.open(tmp_path / "project") as project:
        assert list(project.labels.state(question).prompts) == ORDER
        assert track(project, question) == before != in_another_order


def test_undo_and_redo_keep_the_order_in_this_program_and_in_the_next(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    labels = project.labels
    edits = [
        PutPrompt(box_prompt(1, 2)), click(4), click(0), click(3), DropPrompt(1, 4), click(4), Duplicated(1, 2),
        DropPrompt(2, 0), MoveKeyframe(5), click(2),
    ]  # fmt: skip
    orders = [list(labels.state(question).prompts)]
    for edit in edits:
        labels.record(question, edit)
        orders.append(list(labels.state(question).prompts))
    assert orders[4] == ORDER
    for walk, expected in ((labels.undo, orders[-2::-1]), (labels.redo, orders[1:])):
        for order in expected:
            walk(question)
            with Project.open(project.folder) as again:
                assert list(labels.state(question).prompts) == list(again.labels.state(question).prompts) == order
    project.close()


def test_a_copy_of_a_question_has_its_prompts_in_the_same_order(tmp_path: Path) -> None:
    project, question = make_project(tmp_path)
    for edit in (PutPrompt(box_prompt(1, 2)), click(4), click(0), click(3)):
        project.labels.record(question, edit)
    copy = project.library.duplicate_question(question)
    assert list(project.labels.state(copy).prompts) == ORDER
    project.close()


def test_a_batch_of_masks_adds_to_a_step_what_it_changed_and_no_more(tmp_path: Path) -> None:
    project, question = make_project(tmp_path, 60)
    labels = project.labels
    labels.record(question, PutPrompt(box_prompt(1, 2)))
    labels.record(question, PutPrompt(box_prompt(2, 2)))
    labels.undo(question)
    before = labels.state(question)
    for frame_index in range(60):
        labels.follow(question, [GotMasks(FrameMasks(frame_index, {1: mask(4)}))], source="segmenter")
    after = labels.state(question)
    with project.database.read() as db:
        rows = db.execute("SELECT step, part, length(changes) FROM step_parts").fetchall()
    assert sorted((step, part) for step, part, _ in rows) == sorted(
        [(1, part) for part in range(1, 61)] + [(2, -part) for part in range(1, 61)]
    )
    assert max(length for *_, length in rows) < 200
    labels.redo(question)
    assert labels.state(question).tracks == before.tracks == {}
    labels.undo(question)
    assert labels.state(question) == after
    labels.undo(question)
    assert labels.state(question).tracks == {}
    labels.redo(question)
    assert labels.state(question) == after
    project.close()
