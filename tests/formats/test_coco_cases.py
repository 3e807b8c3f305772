"""COCO as other tools write it: objects, frames and masks come in as they were meant, or it is said why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.formats.reading import CASE_CLIP, CASES, boxes, coco_file, read_one, seen, square
from veason.errors import DataError
from veason.formats.projects.into_project import into_project
from veason.masks import encode_mask
from veason.project import Project

A, B = (10.0, 10.0, 30.0, 30.0), (30.0, 10.0, 50.0, 30.0)
SQUARE = {"segmentation": [square(10, 10)]}
OTHER = {"segmentation": [square(30, 10)]}


@pytest.mark.parametrize(
    ("case", "found"),
    [
        pytest.param(
            "coco-trackid",
            {1: dict.fromkeys(range(3), A), 2: dict.fromkeys(range(3), (80.0, 10.0, 100.0, 30.0))},
            id="ids in attributes.track_id",
        ),
        pytest.param("coco-frame-names", {1: {40: A, 50: B}}, id="frames by name"),
        pytest.param("coco-id-text", {1: {0: A, 1: A}}, id="image_id as text"),
    ],
)
def test_cases_with_masks(case: str, found: dict[int, dict[int, tuple[float, ...]]]) -> None:
    video, left = read_one(CASES / case, "coco")
    assert (video.name, video.info.num_frames, seen(video), left) == ("clip", 60, found, ())
    assert set(video.object_names.values()) == {"car"}


def test_boxes_without_masks_become_prompts() -> None:
    video, left = read_one(CASES / "coco-boxes", "coco")
    assert (boxes(video), seen(video), left) == ({(1, 0): A}, {}, ())


def test_a_polygon_of_two_points_is_left_out_and_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="left out: 1 polygon of fewer than 3 points"):
        read_one(CASES / "coco-two-points", "coco")
    file = coco_file(tmp_path, [{"segmentation": [[100, 50, 110, 60]], "category_id": 2}, SQUARE])
    video, left = read_one(file, "coco")
    assert (seen(video), left) == ({1: {0: A}}, ("1 polygon of fewer than 3 points",))


def test_two_pictures_of_one_name_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'000006\.png' and '000006\.png' are both frame 6"):
        read_one(CASES / "coco-same-names", "coco")


@pytest.mark.parametrize("key", ["track_id", "instance_id", "attributes"])
@pytest.mark.parametrize("ids", [(1, 2), (0, 1), ("a", "b"), ("7", "8")])
def test_objects_by_their_ids(key: str, ids: tuple[Any, Any], tmp_path: Path) -> None:
    told = [{"attributes": {"track_id": id}} if key == "attributes" else {key: id} for id in ids]
    rows = [SQUARE | told[0], OTHER | told[1], SQUARE | told[0] | {"image_id": 2}]
    video, left = read_one(coco_file(tmp_path, rows, "clip/000003.png", "clip/000004.png"), "coco")
    assert (list(seen(video).values()), left) == ([{3: A, 4: A}, {3: B}], ())


def test_several_of_one_category_on_a_frame_are_several_objects(tmp_path: Path) -> None:
    rows = [SQUARE, OTHER, {**SQUARE, "image_id": 2}]
    video, left = read_one(coco_file(tmp_path, rows, "clip/000003.png", "clip/000004.png"), "coco")
    assert (sorted(map(str, seen(video).values())), left) == (sorted(map(str, [{3: A}, {3: B}, {4: A}])), ())


def test_one_id_in_two_categories_is_two_objects(tmp_path: Path) -> None:
    rows = [SQUARE | {"track_id": 1}, OTHER | {"track_id": 1, "category_id": 2}]
    video, left = read_one(coco_file(tmp_path, rows), "coco")
    assert (seen(video), sorted(video.object_names.values()), left) == ({1: {0: A}, 2: {0: B}}, ["car", "dog"], ())


def test_a_second_mask_of_an_object_on_a_frame_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [SQUARE | {"track_id": 1}, OTHER | {"track_id": 1}]
    video, left = read_one(coco_file(tmp_path, rows), "coco")
    assert (seen(video), left) == ({1: {0: A}}, ("1 polygon of an object that has another one on the same frame",))


@pytest.mark.parametrize(
    ("names", "more", "frames"),
    [
        pytest.param(["clip\\000041.png", "clip\\000051.png"], {}, [41, 51], id="backslashes"),
        pytest.param(["C:\\a\\clip\\f_41.png", "C:\\a\\clip\\f_51.png"], {}, [41, 51], id="a drive"),
        pytest.param(["frame_000041.PNG", "frame_000051.PNG"], {}, [41, 51], id="no folder"),
        pytest.param(["images/clip_41.jpg", "images/clip_51.jpg"], {}, [41, 51], id="a folder that names nothing"),
        pytest.param(["clip/img1/000041.jpg", "clip/img1/000051.jpg"], {}, [41, 51], id="as MOT has it"),
        pytest.param(
            [f"clip/frame_{at}_png.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f{at % 10}.jpg" for at in (41, 52)],
            {},
            [41, 52],
            id="as Roboflow renames",
        ),
        pytest.param(["clip/a.jpg", "clip/b.jpg"], {"frame_id": (7, 9)}, [7, 9], id="frame_id"),
        pytest.param(["clip/f8.jpg", "clip/f10.jpg"], {"frame_id": (7, 9)}, [7, 9], id="names that count from 1"),
        pytest.param(["clip/00000.jpg", "clip/00005.jpg"], {"frame_id": (0, 1)}, [0, 5], id="frame_id as a place"),
    ],
)
def test_frames_by_name(names: list[str], more: dict[str, Any], frames: list[int], tmp_path: Path) -> None:
    file = coco_file(tmp_path, [SQUARE, {**SQUARE, "image_id": 2}], *names)
    content = json.loads(file.read_text())
    for key, values in more.items():
        for image, value in zip(content["images"], values, strict=True):
            image[key] = value
    file.write_text(json.dumps(content))
    video, left = read_one(file, "coco")
    assert (video.name, seen(video), left) == ("clip", {1: dict.fromkeys(frames, A)}, ())


def test_frames_by_place_only_where_every_frame_is_listed(tmp_path: Path) -> None:
    letters = [f"clip/{chr(97 + at // 26)}{chr(97 + at % 26)}.jpg" for at in range(60)]
    rows = [{**SQUARE, "image_id": 8}]
    assert seen(read_one(coco_file(tmp_path, rows, *letters), "coco")[0]) == {1: {7: A}}
    from_1 = [f"clip/{at:05d}.jpg" for at in range(1, 61)]
    assert seen(read_one(coco_file(tmp_path, rows, *from_1), "coco")[0]) == {1: {7: A}}
    for names in (letters[:59], [*letters[1:], letters[0]]):
        with pytest.raises(DataError, match="which frame of the video is picture 'clip/"):
            read_one(coco_file(tmp_path, rows, *names), "coco")


@pytest.mark.parametrize(
    "segmentation",
    [
        pytest.param(square(10, 10), id="flat"),
        pytest.param([[10, 10], [30, 10], [30, 30], [10, 30]], id="pairs"),
        pytest.param([[[10, 10], [30, 10], [30, 30], [10, 30]]], id="polygons of pairs"),
        pytest.param([[10, 10, 30, 10, 30, 20, 10, 20], [10, 20, 30, 20, 30, 30, 10, 30]], id="two parts"),
        pytest.param({"size": [120, 160], "counts": [1210, *[20, 100] * 19, 20, 15610 + 100]}, id="runs"),
    ],
)
def test_polygons_in_any_form(segmentation: Any, tmp_path: Path) -> None:
    if isinstance(segmentation, dict):
        segmentation["counts"][-1] = 160 * 120 - sum(segmentation["counts"][:-1])
    video, left = read_one(coco_file(tmp_path, [{"segmentation": segmentation}]), "coco")
    assert (seen(video), left) == ({1: {0: A}}, ())


def test_a_part_of_a_polygon_that_is_a_line_is_told(tmp_path: Path) -> None:
    video, left = read_one(coco_file(tmp_path, [{"segmentation": [square(10, 10), [1, 1, 2, 2]]}]), "coco")
    assert (seen(video), left) == ({1: {0: A}}, ("1 part of a polygon of fewer than 3 points",))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("clip_2024-05-01_12-33-59.jpg", id="a time of day"),
        pytest.param("clip_2024-05-01.jpg", id="a date"),
        pytest.param("clip_12_of_60.jpg", id="a place among many"),
        pytest.param("clip_1280x59.jpg", id="a size"),
        pytest.param("0e02b2c3d40.jpg", id="a hash"),
        pytest.param("f47ac10b-58cc-4372-a567-0e02b2c3d42.jpg", id="an id of many digits"),
    ],
)
def test_digits_that_are_no_frame_are_not_taken_for_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which frame of the video"):
        read_one(coco_file(tmp_path, [SQUARE], name), "coco")


def test_a_hash_before_the_number_does_no_harm(tmp_path: Path) -> None:
    video, _ = read_one(coco_file(tmp_path, [SQUARE], "0e02b2c3d479-0042.jpg"), "coco")
    assert seen(video) == {1: {42: A}}


def test_boxes_as_two_corners_are_refused_where_they_can_be_told(tmp_path: Path) -> None:
    rows = [{"bbox": [10, 10, 40, 40]}, {"bbox": [100, 80, 150, 110], "category_id": 2}]
    with pytest.raises(DataError, match=r"annotation 2 .* fits it as two corners: COCO wants the size"):
        read_one(coco_file(tmp_path, rows), "coco")


def test_boxes_in_shares_of_the_picture_are_left_out(tmp_path: Path) -> None:
    rows = [SQUARE, {"bbox": [0.1, 0.2, 0.4, 0.4], "category_id": 2}]
    video, left = read_one(coco_file(tmp_path, rows), "coco")
    assert not boxes(video)
    assert left == ("1 box smaller than a pixel, as shares of the picture would be",)


@pytest.mark.parametrize("key", ["track_id", "instance_id", "object_id", "tracking_id"])
def test_objects_are_told_by_whatever_a_tool_calls_their_id(key: str, tmp_path: Path) -> None:
    rows = [
        {"image_id": image, key: id, "segmentation": [square(10 + 40 * id, 10)]} for image in (1, 2) for id in (1, 2)
    ]
    video, left = read_one(coco_file(tmp_path, rows, "clip/00003.jpg", "clip/00004.jpg"), "coco")
    assert {key: sorted(track) for key, track in seen(video).items()} == {1: [3, 4], 2: [3, 4]}
    assert not left


def test_what_is_left_out_is_counted_by_kind_and_reason(tmp_path: Path) -> None:
    rows = [
        SQUARE,
        {"bbox": [50, 50, 0, 10], "segmentation": []},
        {"segmentation": [square(200, 10)], "category_id": 2},
        {"keypoints": [1, 2, 2]},
        {**SQUARE, "image_id": 99},
        {**SQUARE, "category_id": 2, "attributes": {"colour": "red", "occluded": True, "blurred": False}},
    ]
    video, left = read_one(coco_file(tmp_path, rows), "coco")
    assert seen(video) == {1: {0: A}, 2: {0: A}}
    assert [mask.is_occluded for track in video.tracks.values() for mask in track.values()] == [False, True]
    assert sorted(left) == [
        "1 annotation drawing neither a mask nor a box",
        "1 attribute of annotations, for which a project has no place",
        "1 box covering no pixel of the picture",
        "1 polygon covering no pixel of the picture",
        "1 polygon of pictures that are not listed",
    ]


def test_a_box_that_a_mask_has_as_well_is_no_prompt(tmp_path: Path) -> None:
    rows = [
        SQUARE | {"track_id": 1},
        {"bbox": [10, 10, 20, 20], "track_id": 1},
        {"bbox": [70, 70, 9, 9], "track_id": 1},
    ]
    video, left = read_one(coco_file(tmp_path, [*rows[:2]]), "coco")
    assert (seen(video), boxes(video), left) == ({1: {0: A}}, {}, ())
    video, left = read_one(coco_file(tmp_path, [rows[0], rows[2]]), "coco")
    assert (boxes(video), left) == ({}, ("1 box beside a mask of the same object that says otherwise",))


def test_a_turned_box_is_the_box_around_its_corners(tmp_path: Path) -> None:
    row = {"bbox": [40, 55, 80, 10], "segmentation": [], "attributes": {"rotation": 90.0}}
    assert boxes(read_one(coco_file(tmp_path, [row]), "coco")[0]) == {(1, 0): (75.0, 20.0, 85.0, 100.0)}


def test_a_list_of_nothing_is_no_outline_and_what_is_outside_is_not_there(tmp_path: Path) -> None:
    rows = [{"bbox": [10, 10, 20, 20], "segmentation": [[]]}, SQUARE | {"attributes": {"track_id": 9, "outside": True}}]
    video, left = read_one(coco_file(tmp_path, rows), "coco")
    assert (seen(video), list(boxes(video).values())) == ({}, [A])
    assert left == ("1 polygon marked as outside, so not to be seen",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"segmentation": [[float("nan"), 1, 2, 3, 4, 5]]}, "want a number from", id="nan"),
        pytest.param({"segmentation": [[1e308, 1, 2, 3, 4, 5]]}, "want a number from", id="huge"),
        pytest.param({"segmentation": [[1, 2, 3, 4, 5]]}, "5 numbers are not pairs", id="odd"),
        pytest.param({"segmentation": [["x", 2, 3, 4, 5, 6]]}, "want a number from", id="text"),
        pytest.param({"segmentation": "x"}, "should be polygons or run-length code", id="a word"),
        pytest.param({"segmentation": [{"a": 1}]}, "want points|should be polygons|numbers are not", id="object"),
        pytest.param({"segmentation": {"size": [120, 160], "counts": [5]}}, "add up to 5 pixels", id="short runs"),
        pytest.param({"segmentation": {"size": [9, 9], "counts": [81]}}, "the mask is 9x9, its picture", id="size"),
        pytest.param({"segmentation": {"size": [10**6] * 2, "counts": [1]}}, "want a whole number", id="big size"),
        pytest.param({"segmentation": {"counts": [1]}}, "want a mask as", id="no size"),
        pytest.param({"bbox": [1, 2, float("inf"), 4]}, "want a number from", id="inf box"),
        pytest.param({"bbox": [1, 2, 3]}, "want x, y, width and height", id="short box"),
        pytest.param({"track_id": 2**70, **SQUARE}, "more than 64 bits", id="id beyond 64 bits"),
        pytest.param({"image_id": None, **SQUARE}, "image_id: want a whole number", id="no picture"),
        pytest.param({"score": float("nan"), **SQUARE}, "score: want a number", id="score"),
    ],
)
def test_numbers_that_no_shape_has_are_refused_with_their_place(
    row: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "project") as project:
        with pytest.raises(DataError, match=message) as told:
            into_project(project, coco_file(tmp_path, [SQUARE, row]), "coco", videos=CASE_CLIP)
        assert "annotation 2" in str(told.value)
        assert not project.library.questions()
        assert not project.library.videos()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"images": 3, "annotations": []}', id="images a number"),
        pytest.param('{"images": [{"id": 1, "file_name": 3}], "annotations": []}', id="name a number"),
        pytest.param('{"images": [], "annotations": [3]}', id="annotation a number"),
        pytest.param('[{"image_id": 1, "score": 0.5}]', id="results alone"),
        pytest.param("[" * 100_000, id="depth"),
        pytest.param('{"images": [], "annotations": [], "expressions": [{"video_id": 1}]}', id="half an instruction"),
    ],
)
def test_files_of_another_form_are_refused_in_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(DataError, match=r"labels\.json"):
        read_one(tmp_path / "labels.json", "coco")


def test_labels_without_a_name_are_about_the_only_video_of_the_project(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [SQUARE], "frame_000040.PNG")
    with Project.create(tmp_path / "project") as project:
        project.library.add_video(CASE_CLIP)
        told = into_project(project, file, "coco")
        assert (told.num_videos, told.num_masks) == (1, 1)


def test_equal_names_in_two_folders_are_two_videos(tmp_path: Path) -> None:
    from veason.formats.importing import import_labels

    rows = [SQUARE, OTHER | {"image_id": 2}]
    file = coco_file(tmp_path, rows, "a/000003.png", "b/000003.png")
    found = {video.name: seen(video) for video in import_labels(file, "coco")}
    assert found == {"a": {1: {3: A}}, "b": {1: {3: B}}}


def test_youtube_vis_boxes_become_prompts_and_lists_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    mask = np.zeros((120, 160), bool)
    mask[10:30, 10:30] = True
    code = {"size": [120, 160], "counts": encode_mask(mask).counts}
    rows = [
        {"id": 1, "video_id": "1", "category_id": 1, "segmentations": [code, None], "bboxes": [None, None]},
        {"id": 2, "video_id": 1, "category_id": 1, "segmentations": [None, None], "bboxes": [[10, 10, 20, 20], None]},
        {"id": 3, "video_id": 9, "category_id": 1, "segmentations": [code, None]},
    ]
    video = {"id": 1, "width": 160, "height": 120, "file_names": ["clip/00040.jpg", "clip\\00050.jpg"]}
    content: dict[str, Any] = {"videos": [video], "annotations": rows, "categories": [{"id": 1, "name": "car"}]}
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(content))
    found, left = read_one(tmp_path, "youtube-vis")
    assert (seen(found), boxes(found)) == ({1: {40: A}}, {(2, 40): A})
    assert found.tracks[1][50].is_empty
    assert left == ("1 mask of videos that are not listed",)
    rows[0]["segmentations"] = [code]
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="has 1 segmentations, its video lists 2 frames"):
        read_one(tmp_path, "youtube-vis")
