"""Labels name videos, folders and pictures; what strangers name is looked up among what came along, never opened."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.formats.made import CLIP
from veason.errors import DataError, ProjectError
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.to_project import to_project
from veason.project import Project

RLE = {"size": [4, 4], "counts": [8, 8]}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder of pictures outside of everything that is uploaded."""
    folder = tmp_path / "secret" / "clip"
    folder.mkdir(parents=True)
    for index in range(2):
        Image.fromarray(np.full((4, 4, 3), 90 * index, np.uint8)).save(folder / f"{index:05d}.jpg")
        Image.fromarray(np.full((4, 4), index, np.uint8)).save(folder / f"{index:05d}.png")
    return folder


@pytest.mark.parametrize("is_owners", [True, False], ids=["owner", "stranger"])
def test_a_bundle_that_names_a_path_gets_the_clip_only_from_its_owner(
    is_owners: bool, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    (video,) = import_labels(tmp_path / "out", "veason", is_owners=is_owners)
    assert video.info.path == (str(CLIP) if is_owners else "")


def test_a_strangers_bundle_finds_the_clip_of_its_name_in_the_project_and_nowhere_else(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    (video,) = import_labels(tmp_path / "out", "veason")
    with Project.create(tmp_path / "project") as project:
        with pytest.raises(ProjectError, match="come without a video"):
            to_project(project, video, copy=True)
        assert not project.library.videos()
        project.library.add_video(CLIP)
        assert to_project(project, video, copy=True).num_questions == 4


def test_a_clip_that_came_along_is_found_by_its_name(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "veason", tmp_path / "out")
    shutil.copy(CLIP, tmp_path / "out" / "hide.mp4")
    (video,) = import_labels(tmp_path / "out", "veason")
    assert video.info.path == str(tmp_path / "out" / "hide.mp4")


def coco(name: str) -> dict[str, Any]:
    row = {"id": 1, "image_id": 1, "category_id": 1, "track_id": 1, "segmentation": RLE}
    return {
        "images": [{"id": 1, "file_name": f"{name}/00000.jpg", "width": 4, "height": 4, "video_id": 1}],
        "annotations": [row],
        "categories": [{"id": 1, "name": "object"}],
        "videos": [{"id": 1, "name": name}],
    }


def youtube_vis(name: str) -> dict[str, Any]:
    video = {"id": 1, "name": name, "file_names": [f"{name}/00000.jpg"], "width": 4, "height": 4, "length": 1}
    shape = {"id": 1, "video_id": 1, "category_id": 1, "segmentations": [RLE]}
    return {"videos": [video], "annotations": [shape], "categories": [{"id": 1, "name": "object"}]}


def mevis(name: str) -> dict[str, Any]:
    expressions = {"0": {"exp": "it", "obj_id": [1], "anno_id": [1]}}
    return {"videos": {name: {"frames": ["00000", "00001"], "expressions": expressions}}}


def ref_youtube_vos(name: str) -> dict[str, Any]:
    return {"videos": {name: {"frames": ["00000", "00001"], "expressions": {"0": {"exp": "it", "obj_id": "1"}}}}}


def reasonvos(name: str) -> dict[str, Any]:
    row = {"exp_text": "it", "obj_id": f"/../{name}", "exp_id": "0"}
    return {"videos": {"clip": {"source": "made", "frames": ["00000", "00001"], "expressions": [row]}}}


FILES = {
    "coco": ("annotations/instances_train.json", coco),
    "youtube-vis": ("train/instances.json", youtube_vis),
    "mevis": ("train/meta_expressions.json", mevis),
    "ref-youtube-vos": ("meta_expressions/train/meta_expressions.json", ref_youtube_vos),
    "reasonvos": ("meta_expressions.json", reasonvos),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("way", ["climbing", "absolute"])
@pytest.mark.parametrize("has_folder", [True, False])
def test_a_name_that_leads_elsewhere_opens_nothing(
    kind: str, way: str, has_folder: bool, secret: Path, tmp_path: Path
) -> None:
    place, content = FILES[kind]
    file = tmp_path / "upload" / place
    file.parent.mkdir(parents=True)
    for below in ("images", "JPEGImages", "train/JPEGImages", "Annotations/made_clip_"):
        (tmp_path / "upload" / below).mkdir(parents=True, exist_ok=True)
    name = str(secret) if way == "absolute" else "/".join([".."] * 8) + str(secret)
    file.write_text(json.dumps(content(name)))
    source = tmp_path / "upload" if has_folder or kind not in ("coco", "youtube-vis") else file
    try:
        found = list(import_labels(source, kind))
    except DataError:
        return
    assert [(video.info.path, video.frame_files) for video in found] == [("", {})]


@pytest.mark.parametrize("name", ["\0", "x" * 3000, "..", "/", "~", "", "a\nb", "CON", "http://127.0.0.1/clip.mp4"])
def test_a_name_that_no_disk_takes_is_not_found(name: str, tmp_path: Path) -> None:
    for is_owners in (False, True):
        finder = VideoFinder({}, tmp_path, beside=tmp_path, is_owners=is_owners)
        assert finder.find(name, tmp_path / name).info is None
        assert finder.named(name) is None or is_owners
