"""Labels and predictions as other programs write them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from tests.formats.made import CLIP
from veason.errors import DataError, ProjectError
from veason.formats.datasets import WriteExpression, WriteVideo, write_dataset
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.label_studio.brush import encode_brush
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.from_project import from_project
from veason.formats.projects.to_project import to_project
from veason.masks import decode_mask, encode_mask, mask_area
from veason.project import Project
from veason.types import Box

SIZE_WH = (40, 30)


def block(x: int, y: int, width: int = 8, height: int = 6) -> np.ndarray:
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[y : y + height, x : x + width] = True
    return mask


def pictures(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((*SIZE_WH[::-1], 3), 20 * number, np.uint8)).save(folder / f"{name}.jpg")
    return folder


def one(source: Path, format: str, **options: object) -> LabelledVideo:
    (video,) = import_labels(source, format, **options)  # type: ignore[arg-type]
    return video


def test_predictions_of_one_object_in_grey_become_object_1(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "clip"
    folder.mkdir(parents=True)
    for index in (3, 4):
        Image.fromarray(block(index, 5).astype(np.uint8) * 255).save(folder / f"{index:05d}.png")
    Image.fromarray(np.zeros(SIZE_WH[::-1], np.uint8)).save(folder / "00005.png")
    video = one(tmp_path / "predictions", "davis")
    assert (video.name, video.info.num_frames, video.object_ids) == ("clip", 6, (1,))
    assert np.array_equal(decode_mask(video.tracks[1][4].rle), block(4, 5))
    assert video.tracks[1][5].is_empty
    assert 2 not in video.tracks[1]
    assert video.questions[0].status == "in review"


def test_a_colour_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    Image.fromarray(np.full((30, 40, 3), 77, np.uint8)).save(tmp_path / "clip" / "00000.png")
    with pytest.raises(DataError, match=r"00000\.png"):
        one(tmp_path, "davis")


def test_frames_that_carry_names_keep_them(tmp_path: Path) -> None:
    pictures(tmp_path / "JPEGImages" / "480p" / "walk", ["a", "b", "c"])
    folder = tmp_path / "Annotations" / "480p" / "walk"
    folder.mkdir(parents=True)
    Image.fromarray(block(3, 3).astype(np.uint8) * 2).save(folder / "b.png")
    video = one(tmp_path, "davis")
    assert (video.name, video.frame_names, list(video.tracks[2])) == ("walk", ("a", "b", "c"), [1])


def test_plain_coco_with_polygons_and_counts_and_no_videos(tmp_path: Path) -> None:
    mask = block(2, 4)
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel(order="F"), [0]]))), prepend=0)
    rest = mask.size - int(runs.sum())
    content = {
        "images": [
            {"id": 7, "file_name": "walk/00004.jpg", "width": 40, "height": 30},
            {"id": 9, "file_name": "walk/00006.jpg", "width": 40, "height": 30},
        ],
        "categories": [{"id": 0, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 0, "segmentation": [[2, 4, 10, 4, 10, 10, 2, 10]]},
            {"id": 2, "image_id": 9, "category_id": 3, "score": 0.5,
             "segmentation": {"size": [30, 40], "counts": [*map(int, runs), rest]}},
        ],
    }  # fmt: skip
    (tmp_path / "labels.json").write_text(json.dumps(content))
    video = one(tmp_path / "labels.json", "coco")
    assert (video.name, dict(video.object_names), video.object_ids) == ("walk", {1: "dog", 4: "cat"}, (1, 4))
    assert np.array_equal(decode_mask(video.tracks[1][4].rle), mask)
    assert np.array_equal(decode_mask(video.tracks[4][6].rle), mask)
    assert video.tracks[1][6].is_empty
    assert video.tracks[4][6].score == 0.5


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><job><size>10</size><start_frame>0</start_frame><stop_frame>9</stop_frame>
<original_size><width>40</width><height>30</height></original_size><labels/></job></meta>
<track id="0" label="dog" source="manual">
<polygon frame="2" keyframe="1" outside="0" occluded="0" points="2.00,4.00;10.00,4.00;10.00,10.00;2.00,10.00"/>
<polygon frame="3" keyframe="1" outside="1" occluded="0" points="2.00,4.00;10.00,4.00;10.00,10.00;2.00,10.00"/>
<polygon frame="6" keyframe="1" outside="0" occluded="0" points="2.00,4.00;10.00,4.00;10.00,10.00;2.00,10.00"/>
</track>
<track id="1" label="cat"><box frame="4" keyframe="1" outside="0" xtl="1" ytl="2" xbr="9.5" ybr="8"/>
<box frame="5" keyframe="0" outside="0" xtl="1" ytl="2" xbr="9.5" ybr="8"/>
<box frame="6" keyframe="1" outside="1" xtl="1" ytl="2" xbr="9.5" ybr="8"/></track>
</annotations>
"""


def test_cvat_polygons_become_masks_and_boxes_become_prompts(tmp_path: Path) -> None:
    (tmp_path / "walk.xml").write_text(CVAT)
    video = one(tmp_path, "cvat")
    assert (video.name, video.info.num_frames, dict(video.object_names)) == ("walk", 10, {1: "dog", 2: "cat"})
    dog = video.tracks[1]
    assert {index for index, mask in dog.items() if not mask.is_empty} == {2, 6}
    assert {index for index, mask in dog.items() if mask.is_empty} == {3, 4, 5}
    assert np.array_equal(decode_mask(dog[2].rle), block(2, 4))
    assert not video.tracks[2]
    (prompt,) = video.questions[0].prompts
    assert (prompt.object_id, prompt.frame_index, prompt.box) == (2, 4, Box(1, 2, 9.5, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("<annotations", "is not XML", id="cut off"),
        pytest.param("<annotations/>", "does not tell the size of its video", id="no size"),
        pytest.param(CVAT.replace('frame="2" ', ""), "has no frame, which CVAT always writes", id="no frame"),
    ],
)
def test_broken_cvat_files_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "walk.xml").write_text(text)
    with pytest.raises(DataError, match=message):
        one(tmp_path, "cvat")


def test_label_studio_predictions_with_their_own_labels(tmp_path: Path) -> None:
    def task(frame: int, **masks: np.ndarray) -> dict:
        rows = [
            {"type": "brushlabels", "original_width": 40, "original_height": 30,
             "value": {"format": "rle", "rle": encode_brush(mask), "brushlabels": [label]}}
            for label, mask in masks.items()
        ]  # fmt: skip
        return {"data": {"image": f"/data/upload/walk/{frame:05d}.jpg"}, "predictions": [{"result": rows}]}

    tasks = [task(8, dog=block(2, 4)), task(9, cat=block(9, 9), dog=block(3, 4))]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    video = one(tmp_path / "export.json", "label-studio")
    assert (video.name, dict(video.object_names), video.info.num_frames) == ("walk", {1: "dog", 2: "cat"}, 10)
    assert np.array_equal(decode_mask(video.tracks[2][9].rle), block(9, 9))
    assert video.tracks[2][8].is_empty


def test_label_studio_boxes_alone_become_prompts(tmp_path: Path) -> None:
    steps = [
        {"frame": 3, "enabled": True, "x": 25, "y": 10, "width": 50, "height": 20, "rotation": 0},
        {"frame": 5, "enabled": False, "x": 25, "y": 10, "width": 50, "height": 20, "rotation": 0},
    ]
    result = {"type": "videorectangle", "value": {"sequence": steps, "labels": ["dog"]}}
    tasks = [{"data": {"video": "/data/upload/hide.mp4"}, "annotations": [{"result": [result]}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    video = one(tmp_path / "export.json", "label-studio", videos={"hide": CLIP})
    prompts = {prompt.frame_index: prompt.box for prompt in video.questions[0].prompts}
    assert prompts == {2: Box(160, 36, 480, 108), 4: Box(160, 36, 480, 108)}  # a disabled step is the last one shown
    with pytest.raises(DataError, match="nothing tells the size of the video: name the video as well"):
        one(tmp_path / "export.json", "label-studio")


def test_a_benchmark_counted_from_0_and_every_fifth_frame(tmp_path: Path) -> None:
    frames = [np.full((30, 40, 3), shade, np.uint8) for shade in (10, 60)]
    write_dataset(
        tmp_path / "data",
        "mevis",
        [
            WriteVideo(
                "walk",
                frames,
                {0: [encode_mask(block(1, 1)), None]},
                [WriteExpression("the dog", (0,))],
                ["00000", "00005"],
            )
        ],
        "train",
    )
    video = one(tmp_path / "data", "mevis")
    assert (video.object_ids, list(video.tracks[1]), sorted(video.frame_files)) == ((1,), [0, 5], [0, 5])
    with Project.create(tmp_path / "project") as project:
        to_project(project, video)  # the pictures are all there is, so they become the video
        (back,) = from_project(project)
    assert (back.info.num_frames, back.frame_names, list(back.tracks[1])) == (2, ("00000", "00005"), [0, 1])
    assert mask_area(back.tracks[1][0].rle) == 48


def test_predictions_come_into_a_project_to_be_reviewed(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "hide"
    folder.mkdir(parents=True)
    picture = np.zeros((360, 640), np.uint8)
    picture[100:200, 100:200] = 1
    Image.fromarray(picture).save(folder / "00017.png")
    with Project.create(tmp_path / "project") as project:
        with pytest.raises(ProjectError, match="come without a video: add it first, or name it with --videos"):
            to_project(project, one(tmp_path / "predictions", "davis"))
        project.library.add_video(CLIP)
        to_project(project, one(tmp_path / "predictions", "davis"))
        (question,) = project.library.questions()
        assert (question.instruction, question.status) == ("", "in review")
        assert [(mask.frame_index, mask.provenance) for mask in project.labels.masks(question.id)] == [
            (17, "propagated")
        ]
        (back,) = from_project(project)
        assert back.questions[0].instruction == ""


def test_a_copied_video_keeps_its_name(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.library.add_question(project.library.add_video(CLIP, copy=True), "what hides")
        project.library.add_question(project.library.add_video(CLIP.with_name("chase.mp4"), copy=True), "the pursuer")
        assert [video.name for video in from_project(project)] == ["hide", "chase"]


def test_labels_of_another_video_are_refused_before_anything_changes(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "hide"
    folder.mkdir(parents=True)
    Image.fromarray(block(1, 1).astype(np.uint8)).save(folder / "00500.png")
    with Project.create(tmp_path / "project") as project:
        project.library.add_video(CLIP)
        with pytest.raises(ProjectError, match="their video has 96 frames"):
            to_project(project, one(tmp_path / "predictions", "davis"))
        assert not project.library.questions()


@pytest.mark.parametrize(
    ("format", "file", "text"),
    [
        pytest.param("coco", "labels.json", "{", id="coco that is cut off"),
        pytest.param("coco", "labels.json", "[]", id="coco that is a list"),
        pytest.param("coco", "labels.json", '{"images": [{"id": 1}], "annotations": []}', id="coco without names"),
        pytest.param("youtube-vis", "labels.json", '{"videos": [{}], "annotations": []}', id="youtube-vis"),
        pytest.param("label-studio", "labels.json", '[{"data": {}}]', id="label studio"),
        pytest.param("veason", "labels.jsonl", "{]", id="bundle that is cut off"),
        pytest.param("veason", "labels.jsonl", '{"version": 99}', id="bundle of tomorrow"),
        pytest.param("veason", "labels.jsonl", '{"version": 1, "video": "a"}', id="bundle without anything"),
    ],
)
def test_broken_files_are_named(format: str, file: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match="labels"):
        list(import_labels(tmp_path / file, format))


@pytest.mark.parametrize(
    ("format", "wanted"),
    [
        ("mevis", "valid_u/meta_expressions.json or train/meta_expressions.json"),
        ("revos", "meta_expressions_valid.json or meta_expressions_valid_.json"),
    ],
)
def test_a_folder_below_the_one_that_is_meant_is_told_what_is_looked_for(
    format: str, wanted: str, tmp_path: Path
) -> None:
    (tmp_path / "meta_expressions.json").write_text('{"videos": {}}')
    with pytest.raises(DataError, match=re.escape(f"wanted the folder that holds {wanted}")):
        list(import_labels(tmp_path, format))


def test_pycocotools_agrees_on_what_a_polygon_covers() -> None:
    polygon = coco_mask.merge(coco_mask.frPyObjects([[2, 4, 10, 4, 10, 10, 2, 10]], 30, 40))
    assert np.array_equal(coco_mask.decode(polygon).astype(bool), block(2, 4))


def test_a_bundle_about_a_video_that_has_other_frames_now_is_refused(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    clip = pictures(tmp_path / "hide", [f"{index:05d}" for index in range(4)])
    only = videos[0].only(videos[0].questions[3:4])
    export_labels([only], "veason", tmp_path / "out", ExportOptions(is_everything=True))
    with pytest.raises(DataError, match=r"has 4 frames of .*, the video that was labelled 96 of"):
        list(import_labels(tmp_path / "out", "veason", videos={"hide": clip}))
    changed = replace(only, info=replace(only.info, path=str(clip)))
    with Project.create(tmp_path / "project") as project:
        with pytest.raises(ProjectError, match=r"has 4 frames of .*, the labels 'hide' are about 96 of"):
            to_project(project, changed)
        assert not project.library.questions()
