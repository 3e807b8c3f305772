"""Labels that come in a second time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.formats.made import CLIP, SIZE_WH, shape
from tests.project.made import put_mark
from veason.annotation import PutPrompt
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import Imported, to_project
from veason.masks import empty_mask, encode_mask
from veason.project import Project
from veason.types import Box, Prompt
from veason.video import open_video


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "project")


def labels(instruction: str = "the disc", object_id: int = 1, shown: int = 1, **options: object) -> LabelledVideo:
    """Return one question about four frames of one object, drawn as the object `shown`."""
    with open_video(CLIP) as video:
        info = video.info
    track = {index: LabelMask(encode_mask(shape(shown, index))) for index in range(4)}
    question = LabelledQuestion("0", instruction, (object_id,), **options)  # type: ignore[arg-type]
    return LabelledVideo("hide", info, (question,), {object_id: track})


@pytest.mark.parametrize("instruction", ["the disc", ""], ids=["with words", "without words"])
def test_the_same_labels_are_there_already(project: Project, instruction: str) -> None:
    assert to_project(project, labels(instruction)) == Imported(1, 1, 4)
    revision = project.library.revision
    assert to_project(project, labels(instruction, object_id=7)) == Imported(num_known=1)
    assert project.library.revision == revision


def test_a_frame_without_the_object_is_no_other_label(project: Project) -> None:
    to_project(project, labels())
    video = labels()
    track = {**video.tracks[1], 9: LabelMask(empty_mask(SIZE_WH))}
    assert to_project(project, replace(video, tracks={1: track})).num_known == 1


def test_other_masks_are_another_answer_to_review_and_overwrite_nothing(project: Project) -> None:
    to_project(project, labels())
    (first,) = project.library.questions()
    before = list(project.labels.masks(first.id))
    project.queue.accept(first.id)
    told = to_project(project, labels(shown=2))
    assert told == Imported(1, 1, 4, num_changed=1)
    assert "1 differ" in told.summary()
    old, new = project.library.questions()
    assert (old.status, new.status, new.original_id) == ("accepted", "in review", first.id)
    assert list(project.labels.masks(first.id)) == before
    assert to_project(project, labels(shown=2)) == Imported(num_known=1)


def test_other_words_or_other_reasoning_are_new(project: Project) -> None:
    to_project(project, labels(thought="I see it.", reasoning="fresh"))
    assert to_project(project, labels("the ring")) == Imported(1, 1, 4)
    assert to_project(project, labels(thought="It is round.", reasoning="fresh")).num_changed == 1
    assert to_project(project, labels(thought="I see it.", reasoning="fresh")).num_known == 1


def test_labels_that_were_corrected_since_are_not_taken_for_new(project: Project) -> None:
    to_project(project, labels())
    (question,) = project.library.questions()
    project.labels.record(question.id, PutPrompt(Prompt(2, 1, box=Box(1, 2, 30, 40))))
    put_mark(project, question.id, 1, (0, 2), "absent")
    assert to_project(project, labels()) == Imported(num_known=1)
    (now,) = from_project(project)
    assert to_project(project, now) == Imported(num_known=1)


def test_an_untouched_question_is_no_absent_one(project: Project) -> None:
    video = project.library.add_video(CLIP)
    project.library.add_question(video, "the otter")
    nothing = replace(labels(), questions=(LabelledQuestion("0", "the otter"),), tracks={})
    assert to_project(project, nothing) == Imported(1, 1, 0)
    assert to_project(project, nothing) == Imported(num_known=1)


def test_a_whole_bundle_comes_once(videos: list[LabelledVideo], project: Project, tmp_path: Path) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    for known in (0, 4):
        (video,) = import_labels(tmp_path / "out", "veason", is_owners=True)
        assert to_project(project, video).num_known == known
    assert len(project.library.questions()) == 4


def test_the_frames_beside_labels_are_not_taken_for_another_video(tmp_path: Path, project: Project) -> None:
    for place, step, ending in (("clip", 90, "png"), ("beside/clip", 90, "jpg"), ("other/clip", 30, "jpg")):
        (tmp_path / place).mkdir(parents=True)
        for index in range(3 if place == "clip" else 2):
            picture = np.full((24, 32, 3), step * index, np.uint8)
            Image.fromarray(picture).save(tmp_path / place / f"{index:05d}.{ending}")
    project.library.add_video(tmp_path / "clip")
    for name, count in (("beside", 1), ("other", 2)):
        with open_video(tmp_path / name / "clip") as video:
            empty = LabelledVideo("clip", video.info, (LabelledQuestion("0", "the otter"),))
        to_project(project, empty)
        assert len(project.library.videos()) == count
