"""Labels that cannot be right are refused where they are made."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.formats.made_datasets import moving, pictures
from veason.errors import DataError, ExportError
from veason.formats.datasets import WriteExpression, WriteVideo
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import empty_mask
from veason.types import Box, Prompt, VideoInfo

INFO = VideoInfo("", 5, (8, 6), 24.0, 0.0, 4 / 24, False, "")
MASK = LabelMask(empty_mask((8, 6)))
BOX = Prompt(1, 2, Box(0, 0, 4, 4))


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_is_a_finite_number(score: float) -> None:
    with pytest.raises(ExportError, match="is a finite number, got"):
        LabelMask(empty_mask((8, 6)), score)


def test_a_mask_comes_from_somewhere_known() -> None:
    with pytest.raises(ExportError, match=r"comes from one of model, propagated, .*, not from 'thin air'"):
        LabelMask(empty_mask((8, 6)), provenance="thin air")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"object_ids": (0,)}, "object ids start at 1", id="background"),
        pytest.param({"object_ids": (1, 1)}, "do not repeat", id="object twice"),
        pytest.param({"status": "done"}, "there is no status 'done'", id="status"),
        pytest.param({"reasoning": "good"}, "with reasoning 'good'", id="reasoning"),
        pytest.param({"keyframe": -1}, "frames count from 0", id="keyframe"),
        pytest.param({"shown": (0, -2)}, "frames count from 0", id="shown"),
        pytest.param({"prompts": (BOX,), "object_ids": (2,)}, "its prompts", id="prompt of another object"),
        pytest.param({"by_hand": frozenset({(1, 3)})}, "those by hand", id="by hand without prompt"),
    ],
)
def test_a_question_that_cannot_be_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        LabelledQuestion(**{"name": "0", "instruction": "it", "object_ids": (1,), **change})


@pytest.mark.parametrize(
    ("question", "tracks", "message"),
    [
        pytest.param({}, {1: {5: MASK}}, "has 5 frames of .* on frame 5", id="mask behind the end"),
        pytest.param({}, {1: {-1: MASK}}, "on frame -1", id="mask before the start"),
        pytest.param({}, {1: {0: LabelMask(empty_mask((6, 8)))}}, r"mask of \(8, 6\)", id="width for height"),
        pytest.param({"keyframe": 5}, {1: {}}, "on frame 5: name the video", id="keyframe"),
        pytest.param({"shown": (0, 9)}, {1: {}}, "on frame 9", id="shown"),
        pytest.param({"prompts": (Prompt(1, 7, BOX.box),)}, {1: {}}, "on frame 7", id="prompt"),
        pytest.param({}, {}, "both should be the same", id="object without track"),
    ],
)
def test_labels_that_lie_outside_their_video_are_refused(question: dict, tracks: dict, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        LabelledVideo("clip", INFO, (LabelledQuestion("0", "it", (1,), **question),), tracks)


def test_two_questions_of_one_name_are_refused() -> None:
    with pytest.raises(ExportError, match="two questions have one name"):
        LabelledVideo("clip", INFO, (LabelledQuestion("0", "this"), LabelledQuestion("0", "that")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"expressions": []}, "has no expression", id="no expression"),
        pytest.param({"frames": []}, "has no frame", id="no frame"),
        pytest.param({"frame_names": ["a", "b/c", "d", "e"]}, "without folder", id="frame in a folder"),
        pytest.param({"frames": [np.zeros((24, 32), np.uint8)] * 4}, "want uint8 RGB", id="grey"),
        pytest.param({"frames": [np.zeros((24, 32, 3))] * 4}, "want uint8 RGB", id="floats"),
        pytest.param({"objects": {-1: moving(2)}}, "ids are 0 or more", id="object id"),
        pytest.param({"name": "../up"}, "cannot be a path below", id="name"),
        pytest.param({"source": "a/../b"}, "cannot be a path below", id="source"),
    ],
)
def test_a_video_to_write_that_cannot_be_is_refused(change: dict, message: str, tmp_path: Path) -> None:
    fields = {"name": "a", "frames": pictures(0), "objects": {1: moving(2)}, "expressions": [WriteExpression("it")]}
    with pytest.raises(DataError, match=message):
        WriteVideo(**{**fields, **change})
