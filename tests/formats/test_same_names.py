"""Two videos of one file name in one project: every format brings the labels of each back to it, in any order."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.formats.generated import labels_of
from tests.project.made import make_frames
from veason.annotation import Tracked
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.projects.from_project import from_project
from veason.formats.projects.into_project import into_project
from veason.masks import decode_mask, encode_mask
from veason.project import Project, StoredMask

FORMATS = ("veason", "coco", "youtube-vis", "davis", "youtube-vos", "cvat", "label-studio", "mevis", "revos")


def block(place: int, size_wh: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size_wh[::-1], bool)
    mask[1 + place : 9, 2 + place : 12] = True
    return mask


def add(project: Project, folder: Path, place: int) -> int:
    video = project.library.add_video(folder, copy=True)
    question = project.library.add_question(video, f"the thing {place}")
    rle = encode_mask(block(place, project.library.video(video).size_wh))
    project.labels.put_masks(question, [StoredMask(index, 1, rle, 6.0, "propagated") for index in range(2)])
    project.labels.follow(question, [Tracked(frozenset({1}))])
    project.queue.accept(question)
    return video


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("has_pictures", [True, False], ids=["with pictures", "alone"])
def test_labels_find_their_own_video(format: str, has_pictures: bool, tmp_path: Path) -> None:
    folders = [tmp_path / name / "clip" for name in "ab"]
    for place, folder in enumerate(folders):
        make_frames(folder, shade=place)
    with Project.create(tmp_path / "first") as project:
        for place, folder in enumerate(folders):
            add(project, folder, place)
        report = export_labels(
            from_project(project), format, tmp_path / "out", ExportOptions(has_pictures=has_pictures)
        )
    assert report.counts["videos"] == 2
    with Project.create(tmp_path / "second") as project:
        videos = [project.library.add_video(folder, copy=True) for folder in reversed(folders)][::-1]
        assert into_project(project, tmp_path / "out", format, copy=True).num_questions == 2
        assert len(project.library.videos()) == 2
        for place, video in enumerate(videos):
            (question,) = project.library.questions(video_id=video)
            found = (decode_mask(one.rle) for one in project.labels.masks(question.id))
            masks = [mask for mask in found if mask.any()]
            size_wh = project.library.video(video).size_wh
            assert len(masks) == 2
            assert all(np.array_equal(mask, block(place, size_wh)) for mask in masks)


@pytest.mark.parametrize("name", ["a:b", "shots/con", "NUL.take1", "what?", "end.", "end /clip", 'a"b'])
def test_names_that_windows_cannot_hold_are_told(name: str, tmp_path: Path) -> None:
    video = replace(labels_of(random.Random(3)), name=name)
    report = export_labels([video], "davis", tmp_path / "out", ExportOptions(has_pictures=False))
    assert any("Windows" in line for line in report.lines())
    (back,) = import_labels(tmp_path / "out", "davis")
    assert back.name == name
    in_text = export_labels([video], "veason", tmp_path / "bundle")
    assert not any("Windows" in line for line in in_text.lines())


@pytest.mark.parametrize("name", ["clip", "console/auxiliary", "a.b", "été 2", "comb1"])
def test_other_names_are_not(name: str, tmp_path: Path) -> None:
    video = replace(labels_of(random.Random(3)), name=name)
    report = export_labels([video], "davis", tmp_path / "out", ExportOptions(has_pictures=False))
    assert not any("Windows" in line for line in report.lines())
