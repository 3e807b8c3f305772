"""What strangers send is read in a process of its own: what comes back is the same, and what goes wrong stays there."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.formats.generated_sets import mevis_folder
from tests.formats.made import CLIP, labelled
from tests.formats.reading import square
from veason.errors import DataError, ProjectError
from veason.formats.labels.carried import carried, info_to, labels_of
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects import confined
from veason.formats.projects.confined import ImportBounds, read_upload, strangers_into_project
from veason.project import Project
from veason.project.listings import read_instructions, read_strangers_instructions
from veason.types import VideoInfo
from veason.video import UNTRUSTED


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledVideo]:
    return labelled(tmp_path_factory.mktemp("made"))


def test_labels_come_back_from_json_as_they_were(made: list[LabelledVideo], tmp_path: Path) -> None:
    for video in made:
        line = carried(video)
        assert labels_of(json.loads(line), CLIP.parent) == dataclasses.replace(video, limits=UNTRUSTED)
        with pytest.raises(DataError, match="do not have the form"):
            labels_of(json.loads(line), tmp_path)  # its file lies elsewhere


def changed(record: Any, place: tuple[int, ...], value: Any) -> Any:
    """Return JSON with one value changed."""
    copy = json.loads(json.dumps(record))
    inner = copy
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((0,), 3),
        ((1, 1), 1.5),
        ((1, 1), True),
        ((1, 3), "24"),
        ((1, 3), float("nan")),
        ((2,), {}),
        ((3, 0, 1, 0, 1, 0, 1), "0"),
        ((3, 0, 1, 0, 1, 1), float("inf")),
        ((3, 0, 1, 0, 1, 0, 0), [2**40, 2**40]),
        ((3, 0, 0), -1),
        ((3,), [[1]]),
    ],
    ids=str,
)
def test_a_reader_that_was_taken_over_brings_nothing_else_in(made: list[LabelledVideo], place: Any, value: Any) -> None:
    record = json.loads(carried(made[0]))
    with pytest.raises(DataError, match="do not have the form"):
        labels_of(changed(record, place, value), CLIP.parent)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "visitor", is_untrusted=True)
    made.library.add_video(CLIP, copy=True)
    return made


def send(project: Project, upload: Path, **options: Any) -> Any:
    room = upload.parent / "room"
    room.mkdir(exist_ok=True)
    options = {"bounds": ImportBounds(), "check": lambda count: None} | options
    return strangers_into_project(project, upload, room, "coco", **options)


def coco(tmp_path: Path, **more: Any) -> Path:
    labels = {
        "images": [{"id": 1, "file_name": f"{CLIP.stem}/00003.jpg", "width": 640, "height": 360}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [square(9, 9)]}],
        "categories": [{"id": 1, "name": "ball"}],
    } | more
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(labels))
    return path


def test_a_strangers_labels_come_in(project: Project, tmp_path: Path) -> None:
    seen: list[int] = []
    imported = send(project, coco(tmp_path), check=seen.append)
    assert (imported.num_masks, imported.num_questions, seen) == (1, 1, [0])
    project.close()


@pytest.mark.parametrize("above", ["", "dataset/"])
def test_a_dataset_of_a_single_folder_comes_in_however_it_was_packed(above: str, tmp_path: Path) -> None:
    root, _ = mevis_folder(random.Random(0), tmp_path)
    packed, room = tmp_path / "labels.zip", tmp_path / "room"
    room.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in (root / "train").iterdir():
            archive.write(file, f"{above}train/{file.name}")
    own = {"clip": info_to(VideoInfo("", 60, (160, 120), 12.0, 0.0, 4.9, False, ""))}
    read_upload(str(packed), str(room), str(tmp_path / "read"), "mevis", own, 10**9)
    assert json.loads((tmp_path / "read").read_text().splitlines()[0])
    with pytest.raises(DataError, match="holds no"):  # what is told is about what was likeliest
        read_upload(str(packed), str(room), str(tmp_path / "read"), "revos", own, 10**9)


def folder_of_masks(tmp_path: Path, *, num_frames: int) -> Path:
    """Return a ZIP of masks in clip/1/ and clip/2/: two objects of a video, or two videos in a folder."""
    packed = tmp_path / "masks.zip"
    mask = np.zeros((120, 160), np.uint8)
    mask[10:40, 10:40] = 1
    palette = Image.fromarray(mask, "P")
    palette.putpalette([0, 0, 0, 255, 0, 0])
    with zipfile.ZipFile(packed, "w") as archive:
        for name in "12":
            for index in range(num_frames):
                content = io.BytesIO()
                palette.save(content, "PNG")
                archive.writestr(f"clip/{name}/{index:05d}.png", content.getvalue())
    (tmp_path / "room").mkdir()
    return packed


def test_a_folder_called_as_a_video_is_that_videos_unless_videos_are_called_as_what_is_in_it(tmp_path: Path) -> None:
    packed = folder_of_masks(tmp_path, num_frames=3)
    clip, short = (info_to(VideoInfo("", count, (160, 120), 12.0, 0.0, 4.9, False, "")) for count in (60, 2))
    read_upload(str(packed), str(tmp_path / "room"), str(tmp_path / "read"), "davis", {"clip": clip}, 10**9)
    (line,) = (tmp_path / "read").read_text().splitlines()
    assert labels_of(json.loads(line), tmp_path).name == "clip"
    own = {"clip": clip, "1": short, "2": short}
    with pytest.raises(DataError, match="the video has 2 frames"):  # and not as two objects of the other one
        read_upload(str(packed), str(tmp_path / "room"), str(tmp_path / "read"), "davis", own, 10**9)


def test_no_room_for_what_was_unpacked_keeps_nothing_of_it(project: Project, tmp_path: Path) -> None:
    packed = tmp_path / "labels.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(coco(tmp_path), "labels.json")

    def full(count: int) -> None:
        raise ProjectError(f"no room for {count} bytes")

    with pytest.raises(ProjectError, match="no room for"):
        send(project, packed, check=full)
    assert project.library.questions() == ()
    project.close()


@pytest.mark.skipif(sys.platform != "linux", reason="bounds of memory are those of Linux")
def test_a_file_that_fills_the_memory_or_crashes_ends_in_an_error(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.json"
    path.write_text('{"images": [' + '{"a": {}},' * 1_500_000 + "{}]}")  # 15 MB, 1 GB as Python holds it
    start = time.monotonic()
    with pytest.raises(DataError, match="too much memory"):
        send(project, path, bounds=ImportBounds(memory=200_000_000))
    assert time.monotonic() - start < 100
    listing = tmp_path / "list.jsonl"
    listing.write_text('{"instruction": [' + "{}," * 12_000_000 + "1]}")
    with pytest.raises(ProjectError, match="too much memory"):
        read_strangers_instructions(listing)
    assert project.library.questions() == ()
    project.close()


@pytest.mark.parametrize("num_files", [1, 60_000])
def test_an_archive_with_very_much_in_it_is_refused(project: Project, tmp_path: Path, num_files: int) -> None:
    packed = tmp_path / "labels.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(num_files):
            archive.writestr(f"{number}.txt", b"" if num_files > 1 else bytes(150_000_000))
    with pytest.raises(DataError, match="send it in parts"):
        send(project, packed)
    project.close()


def test_a_strangers_list_reads_as_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("instruction,video,assignee\nthe ball,clip,Ann\n,clip,\nthe hat,,\n")
    assert read_strangers_instructions(path) == read_instructions(path)


def test_labels_beyond_the_bound_of_an_import_are_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "MAX_LABELS", 10)
    with pytest.raises(DataError, match="more labels than can be imported"):
        send(project, coco(tmp_path))
    project.close()
