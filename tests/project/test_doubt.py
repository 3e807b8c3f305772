"""Doubt that learns from what people corrected and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.studio.visitor import make_frames
from veason.annotation import GotMasks, Marked, PutPrompt
from veason.masks import encode_mask
from veason.project import Project
from veason.project.doubt import Judged, fit_curve
from veason.types import Box, FrameMasks, ObjectMask, Prompt, Rle

DOUBTS = np.linspace(0.02, 0.98, 25)


def test_without_a_judgement_the_doubt_is_what_it_was() -> None:
    curve = fit_curve([])
    assert [curve(value) for value in (0.0, 0.3, 1.0)] == [0.0, 0.3, 1.0]


def test_where_people_leave_doubtful_masks_as_they_are_the_doubt_falls_and_never_turns_round() -> None:
    curve = fit_curve([Judged(float(value), False) for value in DOUBTS for _ in range(8)])
    found = [curve(float(value)) for value in DOUBTS]
    assert max(found) < 0.3
    assert found == sorted(found)


def test_where_people_correct_masks_that_looked_sure_the_doubt_rises() -> None:
    wrong = [Judged(0.1, True)] * 40 + [Judged(0.6, True)] * 40
    assert fit_curve(wrong)(0.1) > 0.5 > 0.1
    assert fit_curve(wrong)(0.8) >= fit_curve(wrong)(0.1)


def square(left: int) -> Rle:
    mask = np.zeros((24, 32), bool)
    mask[4:12, left : left + 8] = True
    return encode_mask(mask)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "labels")
    question = made.library.add_question(made.library.add_video(make_frames(tmp_path / "clip", 6)), "it")
    made.labels.follow(question, [PutPrompt(Prompt(1, 0, box=Box(2, 4, 10, 12)))], source="policy")
    masks = [GotMasks(FrameMasks(at, {1: ObjectMask(square(2), 9.0)})) for at in range(6)]
    made.labels.follow(question, masks, source="segmenter")
    return made


def test_a_verified_mask_was_right_and_one_that_was_moved_far_was_wrong(project: Project) -> None:
    (question,) = project.library.questions()
    project.labels.record(question.id, Marked(1, 1, 3, "verified"))
    for at, left in ((4, 16), (5, 2)):  # one is somewhere else, the other stays where it was
        project.labels.record(question.id, PutPrompt(Prompt(1, at, box=Box(left, 4, left + 8, 12))))
        arrived = FrameMasks(at, {1: ObjectMask(square(left), 8.0)})
        project.labels.follow(question.id, [GotMasks(arrived)], source="segmenter")
    assert [one.was_wrong for one in project.doubt.judged()] == [False, False, False, True]
    assert project.doubt.curve()(0.3) == pytest.approx(0.3, abs=0.3)
