"""Export, import, export: the same files, bit for bit; and a bundle through a new project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.formats.made import AWAY, CLIP, FIRST, LAST, NEARLY_AWAY, fingerprint, visible
from veason.errors import ExportError
from veason.formats.catalogue import IMPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import to_project
from veason.masks import mask_area
from veason.project import Project

EVERYTHING = ExportOptions(is_everything=True)


@pytest.mark.parametrize("format", IMPORTABLE)
def test_export_then_import_then_export_is_identical(format: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, format, tmp_path / "first")
    again = list(import_labels(tmp_path / "first", format, is_owners=True))
    export_labels(again, format, tmp_path / "second", EVERYTHING)
    first, second = fingerprint(tmp_path / "first"), fingerprint(tmp_path / "second")
    first.pop("veason_export.json")  # its report counts what was left out, of which the second has nothing
    second.pop("veason_export.json")
    assert first == second
    assert len(first) >= 1


@pytest.mark.parametrize("format", IMPORTABLE)
def test_a_project_that_imported_an_export_exports_the_same(
    format: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, format, tmp_path / "first")
    with Project.create(tmp_path / "project") as project:
        for video in import_labels(tmp_path / "first", format, videos={"hide": CLIP}):
            to_project(project, video)
        export_labels(from_project(project), format, tmp_path / "second", EVERYTHING)
    first, second = fingerprint(tmp_path / "first"), fingerprint(tmp_path / "second")
    first.pop("veason_export.json")
    second.pop("veason_export.json")
    assert first == second


def test_questions_that_were_here_keep_their_names_beside_imported_ones(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "mevis", tmp_path / "out")
    with Project.create(tmp_path / "project") as project:
        project.library.add_question(project.library.add_video(CLIP), "what was here")
        for video in import_labels(tmp_path / "out", "mevis", videos={"hide": CLIP}):
            to_project(project, video)
        (now,) = from_project(project)
    names = {question.instruction: question.name for question in now.questions}
    assert names["what was here"] == "0"
    assert names["the <image>"] == "5"
    assert len(set(names.values())) == len(now.questions) == 5


@pytest.mark.parametrize("format", [name for name in IMPORTABLE if name not in ("davis", "youtube-vos")])
def test_masks_come_back_bit_for_bit_at_their_frames(format: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, format, tmp_path / "out")
    (back,) = import_labels(tmp_path / "out", format, videos={"hide": videos[0].info.path})
    assert visible(back, is_everything=True) == visible(videos[0])
    assert back.info == videos[0].info


@pytest.mark.parametrize("format", ["coco", "youtube-vis", "mevis", "revos", "label-studio", "veason"])
def test_words_and_their_objects_come_back(format: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, format, tmp_path / "out")
    (back,) = import_labels(tmp_path / "out", format)
    accepted = [question for question in videos[0].questions if question.is_accepted]
    assert [(q.instruction, q.object_ids) for q in back.questions] == [(q.instruction, q.object_ids) for q in accepted]


@pytest.mark.parametrize("format", ["veason", "cvat", "coco"])
def test_where_an_object_is_occluded_comes_back(format: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    report = export_labels(videos, format, tmp_path / "first")
    assert not [kind for kind in report.lost if "occluded" in kind]
    with Project.create(tmp_path / "project") as project:
        for video in import_labels(tmp_path / "first", format, videos={"hide": CLIP}):
            to_project(project, video)
        (now,) = from_project(project)
    hidden = {(key, at) for key, track in now.tracks.items() for at, mask in track.items() if mask.is_occluded}
    assert hidden == {(2, at) for at in range(*NEARLY_AWAY)}


def test_a_project_comes_back_through_cvat_with_what_is_absent_and_occluded(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    (before,) = videos
    accepted = {key for question in before.questions if question.is_accepted for key in question.object_ids}
    export_labels(videos, "cvat", tmp_path / "first")
    with Project.create(tmp_path / "project") as project:
        for video in import_labels(tmp_path / "first", "cvat", videos={"hide": CLIP}):
            to_project(project, video)
        (now,) = from_project(project)
        marks = {
            place
            for question in project.library.questions()
            for place, kind in project.labels.state(question.id).marks.items()
            if kind == "absent" and FIRST <= place[1] < LAST
        }
    seen = [
        {
            (key, at): (mask.rle, mask.is_occluded)
            for key, track in one.tracks.items()
            for at, mask in track.items()
            if key in accepted and mask_area(mask.rle)
        }
        for one in (before, now)
    ]
    assert seen[0] == seen[1]
    assert len({key for key, _ in seen[0]}) >= 3
    assert any(is_occluded for _, is_occluded in seen[0].values())
    assert {at for _, at in marks} >= {*range(*AWAY)}


def test_a_bundle_from_before_objects_could_be_occluded_is_read(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    file = tmp_path / "out" / "labels.jsonl"
    file.write_text(re.sub(r', "is_occluded": (true|false)', "", file.read_text()))
    (back,) = import_labels(tmp_path / "out", "veason", is_owners=True)
    assert visible(back) == visible(videos[0])


def test_a_bundle_makes_the_same_project_again(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "veason", tmp_path / "first", EVERYTHING)
    with Project.create(tmp_path / "again") as project:
        for video in import_labels(tmp_path / "first", "veason", is_owners=True):
            to_project(project, video)
        export_labels(from_project(project), "veason", tmp_path / "second", EVERYTHING)
    first, second = (
        [json.loads(line) for line in (tmp_path / name / "labels.jsonl").read_text().splitlines()]
        for name in ("first", "second")
    )
    assert first == second


def test_labels_without_pictures_come_back_and_refuse_formats_that_need_them(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    bare = ExportOptions(has_pictures=False)
    export_labels(videos, "coco", tmp_path / "coco", bare)
    (back,) = import_labels(tmp_path / "coco", "coco")
    assert (back.info.path, back.info.num_frames, back.info.size_wh) == ("", 96, (640, 360))
    assert not (tmp_path / "coco" / "images").exists()
    with pytest.raises(ExportError, match="no picture of frame 20: name its file"):
        export_labels([back], "revos", tmp_path / "revos", EVERYTHING)
    assert not (tmp_path / "revos").exists()
