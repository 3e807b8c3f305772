"""The labels that all tests of this folder share; they are frozen."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.formats.made import labelled
from tests.project.made import put_mark
from veason.annotation import Asked, GotAnswer, PutPrompt, Reasoned, Tracked
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.masks import encode_mask
from veason.project import Project, StoredMask
from veason.types import Answer, Prompt


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledVideo]:
    return labelled(tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="session")
def real_video(real_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> LabelledVideo:
    """Two hand-drawn objects and their shadow a few pixels off, with the frames on which one is away."""
    folder = next(path for path in sorted(real_clips.iterdir()) if path.is_dir())
    objects = sorted(path for path in folder.iterdir() if path.is_dir())[:2]
    with Project.create(tmp_path_factory.mktemp("real") / "project") as project:
        question = project.library.add_question(project.library.add_video(folder / "clip.mp4"), "all that moves")
        answer = Answer("Three things move.", 0, (), (), "<think>Three things move.</think>")
        project.labels.follow(question, [Asked("all that moves", (0, 48, 104)), GotAnswer(answer, ())], source="nano")
        masks = []
        for object_id, place in enumerate(objects, start=1):
            for file in sorted(place.glob("*.png")):
                drawn = np.asarray(Image.open(file)) > 127
                masks.append(StoredMask(int(file.stem), object_id, encode_mask(drawn), 5.0, "propagated"))
                if object_id == 1:
                    moved = np.roll(drawn, (6, 9), (0, 1))
                    masks.append(StoredMask(int(file.stem), 3, encode_mask(moved), 4.0, "propagated"))
        project.labels.put_masks(question, masks, source="hand")
        away = masks[0].frame_index
        put_mark(project, question, 3, (away, away + 3), "absent", annotator="ann")
        project.labels.record(question, PutPrompt(Prompt(1, away, mask=masks[0].rle)), annotator="ann")
        project.labels.put_masks(question, [StoredMask(away, 1, masks[0].rle, 9.0, "corrected")])
        project.labels.follow(question, [Tracked(frozenset({1, 2, 3}))])
        project.labels.record(question, Reasoned("At (0s) two things move, one has a shadow."), annotator="ann")
        project.queue.accept(question, annotator="ann")
        (video,) = from_project(project)
    return video


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of the other environment."""
    path = os.environ.get("VEASON_READERS")
    if not path:
        pytest.skip("VEASON_READERS is not set: run `make readers`, which makes the environment")
    return path
