"""Labels in the dialects of other tools: read as they were meant, or refused or left out with a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.formats.reading import CASE_CLIP, boxes, coco_file, cvat_file, read_one, seen, square
from veason.errors import DataError
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.masks import coco_dict, encode_mask

A, B = (10.0, 10.0, 30.0, 30.0), (30.0, 10.0, 50.0, 30.0)
SQUARE = {"segmentation": [square(10, 10)]}
BOX = {"segmentation": [], "bbox": [10, 10, 30, 30]}
PICTURES = ("clip/00003.jpg", "clip/00004.jpg")


@pytest.mark.parametrize(
    ("row", "found"),
    [
        pytest.param(BOX | {"bbox_mode": 0}, A, id="Detectron2, two corners"),
        pytest.param(BOX | {"bbox_mode": 1, "bbox": [10, 10, 20, 20]}, A, id="Detectron2, corner and size"),
        pytest.param(BOX | {"bbox": [10, 10, 20, 20], "keypoints": [1, 2, 2], "num_keypoints": 1}, A, id="keypoints"),
        pytest.param(BOX | {"bbox": [10, 10, 20, 20], "iscrowd": 1, "ignore": 1}, A, id="a crowd"),
    ],
)
def test_boxes_of_coco(row: dict[str, Any], found: tuple[float, ...], tmp_path: Path) -> None:
    video, left = read_one(coco_file(tmp_path, [row], *PICTURES), "coco")
    assert (boxes(video), left) == ({(1, 3): found}, ())


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        pytest.param("clip_mp4-0041_jpg.rf.3b1c9f5e0d7a4c2b8e6f1a2b3c4d5e6f.jpg", 41, id="Roboflow"),
        pytest.param("images\\a1b2c3d4-clip_00041.jpg", 41, id="Label Studio's converter"),
        pytest.param("clip.mp4___00041.jpg", 41, id="SuperAnnotate"),
        pytest.param("clip-000041.jpg", 41, id="FiftyOne"),
        pytest.param("https://x.org/data/clip/00041.jpg?token=777", 41, id="an address"),
        pytest.param("clip%2F00041.jpg", 41, id="a quoted path"),
        pytest.param("shot01.0041.png", 41, id="film, name.number"),
    ],
)
def test_pictures_are_the_frames_they_were(name: str, frame: int, tmp_path: Path) -> None:
    assert seen(read_one(coco_file(tmp_path, [SQUARE], name), "coco")[0]) == {1: {frame: A}}


@pytest.mark.parametrize(
    "name",
    ["clip/12.0.jpg", "clip/t_1.5.jpg", "clip/t_1.5s.jpg", "clip_v2.jpg", "frame_12_aug1.jpg", "frame12 (1).jpg",
     "frame12 copy.jpg", "frame12 copy 2.jpg", "frame_12-part3.jpg", "00012_mask.png"],
)  # fmt: skip
def test_numbers_of_something_else_are_no_frames(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which frame of the video is picture"):
        read_one(coco_file(tmp_path, [SQUARE], name), "coco")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "'a' and 'b' have the same id 1"
        ),
        pytest.param({"videos": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "two videos have the id 1: 'b'"),
        pytest.param({"annotations": [{"image_id": 1, **BOX, "bbox_mode": 4}]}, "want bbox_mode 0"),
        pytest.param({"annotations": [{"image_id": 1, **SQUARE, "attributes": {"outside": "half"}}]}, "true or false"),
        pytest.param({"images": {"1": {}}}, "got no images"),
    ],
)
def test_what_coco_cannot_mean_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = coco_file(tmp_path, [SQUARE], *PICTURES)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(DataError, match=message):
        read_one(file, "coco")


def test_categories_by_name_and_switches_as_text(tmp_path: Path) -> None:
    rows = [
        {"category_id": None, "category_name": "van", **SQUARE, "attributes": {"occluded": "True"}},
        {**SQUARE, "image_id": 2, "attributes": {"occluded": "partly"}},
    ]
    video, left = read_one(coco_file(tmp_path, rows, *PICTURES), "coco")
    hidden = {
        video.object_names[key]: mask.is_occluded
        for key, track in video.tracks.items()
        for mask in track.values()
        if not mask.is_empty
    }
    assert hidden == {"van": True, "car": False}
    assert left == ("1 attribute of annotations, for which a project has no place",)


@pytest.mark.parametrize("format", ["coco", "youtube-vis", "label-studio", "mevis", "veason"])
def test_a_key_that_stands_twice_hides_nothing(format: str, tmp_path: Path) -> None:
    name = "meta_expressions.json" if format == "mevis" else "labels.json"
    file = tmp_path / "train" / name
    file.parent.mkdir()
    file.write_text('{"images": [], "annotations": [1], "annotations": []}')
    with pytest.raises(DataError, match="'annotations' stands twice"):
        list(import_labels(tmp_path if format == "mevis" else file, format))


RLE = {"size": [120, 160], "counts": [10 * 120 + 10, *[20, 100] * 19, 20, 15_690]}


def test_results_that_name_their_pictures_come_in(tmp_path: Path) -> None:
    rows = [
        {"image_id": at, "file_name": f"clip_{at:05d}.jpg", "category_id": 1, "segmentation": RLE, "score": 0.5}
        for at in (4, 9)
    ]
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps(rows))
    video, left = read_one(file, "coco")
    assert (video.name, seen(video), left) == ("clip", {1: {4: A, 9: A}}, ())
    assert {mask.score for track in video.tracks.values() for mask in track.values()} == {0.5}
    file.write_text(json.dumps([{**row, "image_id": "clip_4"} | {"file_name": "clip_4"} for row in rows[:1]]))
    assert seen(read_one(file, "coco")[0]) == {1: {4: A}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"image_id": 12}, "result 1: tells its picture by the id 12 alone", id="a number"),
        pytest.param({"image_id": "12"}, "result 1: tells its picture by the id '12' alone", id="a number as text"),
        pytest.param({"image_id": 1, "file_name": None}, "tells its picture by the id 1 alone", id="no name"),
        pytest.param({"video_id": 1}, "row 1 is no result with an image_id", id="YouTube-VIS"),
    ],
)
def test_results_without_names_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([{"category_id": 1, "segmentation": RLE, "score": 0.5} | change]))
    with pytest.raises(DataError, match=message):
        read_one(file, "coco")


def test_one_picture_under_two_names_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([{"image_id": 1, "file_name": f"{at}.jpg", "segmentation": RLE} for at in (1, 2)]))
    with pytest.raises(DataError, match=r"result 2: is of '2\.jpg', an earlier one"):
        read_one(file, "coco")


BUNDLED: dict[str, Any] = {
    "version": 1, "video": "clip", "path": "", "num_frames": 60, "width": 160, "height": 120, "fps": 12.0,
    "first_timestamp": 0.0, "last_timestamp": 4.9, "has_variable_rate": False, "decoder": "", "question": "0",
    "instruction": "the car", "type": "referring", "status": "in review", "reasoning": "", "reasoning_state": None,
    "answer_text": "", "frames_shown": [0], "keyframe": 3, "policy": "", "segmenter": "", "original": "",
    "objects": [{"object_id": 1, "name": "car"}], "prompts": [],
    "masks": [{"object_id": 1, "frame_index": 3, **RLE, "score": 4.5, "provenance": "propagated"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"status": "x"}, "there is no status 'x'", id="status"),
        pytest.param({"type": "x"}, "a type that is null or one of", id="type"),
        pytest.param({"frames_shown": "0"}, "want a list of frames_shown", id="frames as text"),
        pytest.param({"keyframe": -1}, "want a whole number from 0", id="a keyframe below 0"),
        pytest.param({"keyframe": 60}, "is on frame 60, the video has 60", id="a keyframe behind the end"),
        pytest.param({"objects": BUNDLED["objects"] * 2}, "do not repeat", id="an object twice"),
        pytest.param({"objects": []}, "of object 1, which the question does not name", id="masks of no object"),
        pytest.param({"instruction": 7}, "want a text, got 7", id="a number for words"),
        pytest.param({"version": 2}, "want a question of bundle version 1", id="another version"),
        pytest.param({"masks": None}, "a value is of another kind", id="no list of masks"),
    ],
)
def test_a_bundle_that_was_changed_by_hand_is_refused_in_words(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps(BUNDLED))
    assert seen(read_one(file, "veason")[0]) == {1: {3: A}}
    file.write_text(json.dumps(BUNDLED | change))
    with pytest.raises(DataError, match=message) as told:
        read_one(file, "veason")
    assert "Error" not in str(told.value)


def vis_file(folder: Path, rows: list[dict[str, Any]], **more: Any) -> Path:
    mask = np.zeros((120, 160), bool)
    mask[10:30, 10:30] = True
    code = coco_dict(encode_mask(mask))
    rows = [{"video_id": 1, "category_id": 1, "segmentations": [code, None]} | row for row in rows]
    video = {"id": 1, "width": 160, "height": 120, "file_names": ["clip\\00000.jpg", "clip\\00005.jpg"]}
    file = folder / "vis.json"
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    content = {"videos": [video], "annotations": rows, "categories": categories}
    file.write_text(json.dumps(content | more))
    return file


def test_rows_of_youtube_vis_with_one_id_are_objects_of_their_own(tmp_path: Path) -> None:
    video, left = read_one(vis_file(tmp_path, [{"id": 7}, {"id": 7}, {"id": None}, {"id": 3}]), "youtube-vis")
    assert (sorted(map(str, seen(video).values())), left) == ([str({0: A})] * 4, ())


def test_one_track_in_two_categories_is_two_objects(tmp_path: Path) -> None:
    rows = [{"id": 1, "track_id": 7}, {"id": 2, "track_id": 7, "category_id": 2}]
    video, left = read_one(vis_file(tmp_path, rows), "youtube-vis")
    assert (sorted(video.object_names.values()), len(seen(video)), left) == (["car", "dog"], 2, ())


def test_the_id_of_a_row_is_no_track_of_another(tmp_path: Path) -> None:
    video, left = read_one(vis_file(tmp_path, [{"id": 5}, {"id": 9, "track_id": 5}]), "youtube-vis")
    assert (len(seen(video)), left) == (2, ())


@pytest.mark.parametrize(
    ("format", "rows"),
    [
        pytest.param("youtube-vis", [{"id": 7}, {"id": 7}, {"id": 3}], id="one id twice"),
        pytest.param(
            "youtube-vis", [{"id": 1, "track_id": 7}, {"id": 2, "track_id": 7, "category_id": 2}, {"id": 3}],
            id="one track in two categories",
        ),
        pytest.param("coco", [{"track_id": 7}, {"track_id": 7, "category_id": 2}, {"track_id": 3}], id="coco"),
    ],
)  # fmt: skip
def test_an_instruction_is_about_every_object_that_has_its_id(
    format: str, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    words = {"expressions": [{"video_id": 1, "name": "0", "text": "both", "track_ids": [7]}]}
    if format == "coco":
        videos = {"videos": [{"id": 1, "name": "clip"}]}
        shapes = [{"segmentation": [square(10, 10)]} | row for row in rows]
        file = coco_file(tmp_path, shapes, **words, **videos)
        content = json.loads(file.read_text())
        content["images"][0]["video_id"] = 1
        file.write_text(json.dumps(content))
    else:
        file = vis_file(tmp_path, rows, **words)
    video, left = read_one(file, format)
    (question,) = [one for one in video.questions if one.instruction == "both"]
    assert left == ()
    assert len(seen(video)) == 3
    assert len(question.object_ids) == 2
    assert set(question.object_ids) <= set(seen(video))


def test_occlusions_that_are_not_one_a_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 1 occlusion, its video lists 2 frames"):
        read_one(vis_file(tmp_path, [{"id": 1, "occlusion": ["slight_occlusion"]}]), "youtube-vis")


@pytest.mark.parametrize("word", ["no_occlusion", "slight_occlusion", "severe_occlusion"])
def test_ovis_tells_what_is_hidden(word: str, tmp_path: Path) -> None:
    video, _ = read_one(vis_file(tmp_path, [{"id": 1, "occlusion": [word, None]}]), "youtube-vis")
    assert video.tracks[1][0].is_occluded == (word != "no_occlusion")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"annotations": None}, "annotations is no list", id="a split without annotations"),
        pytest.param({"videos": None}, "videos is no list", id="BURST, or a list of results"),
        pytest.param({"categories": [{"id": 1, "name": "a"}, {"id": "1", "name": "b"}]}, "have the same id", id="ids"),
    ],
)
def test_what_youtube_vis_cannot_mean_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_one(vis_file(tmp_path, [{"id": 1}], **change), "youtube-vis")


POLYGON = 'points="10,10;30,10;30,30;10,30"'


def picture(inner: str, number: int = 4) -> str:
    return f'<image id="{number}" name="frame_{number:06d}" width="160" height="120">{inner}</image>'


@pytest.mark.parametrize(
    ("inner", "left"),
    [
        pytest.param('<tag label="day"/>', "1 tag", id="a tag"),
        pytest.param('<skeleton label="p"><points label="1" points="1,2"/></skeleton>', "1 skeleton", id="a skeleton"),
        pytest.param('<cuboid label="c" xtl1="1"/><polyline label="l" points="1,2;3,4"/>', "1 cuboid", id="a cuboid"),
        pytest.param('<rectangle label="car" xtl="1"/>', "1 element of an unknown kind", id="an unknown one"),
        pytest.param(f'<polygon label="car" outside="true" {POLYGON}/>', "", id="outside in words"),
    ],
)
def test_shapes_beside_masks_in_cvat(inner: str, left: str, tmp_path: Path) -> None:
    file = cvat_file(tmp_path, picture(f'{inner}<polygon label="car" {POLYGON}/>'))
    video, told = read_one(file, "cvat")
    assert seen(video) == {1: {4: A}}
    assert " ".join(told).startswith(left)


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "false"), ("True", "False")])
def test_switches_of_cvat_in_words(yes: str, no: str, tmp_path: Path) -> None:
    shapes = "".join(
        f'<polygon frame="{at}" keyframe="{yes}" outside="{outside}" occluded="{yes}" {POLYGON}/>'
        for at, outside in ((3, no), (4, yes))
    )
    video, _ = read_one(cvat_file(tmp_path, f'<track id="0" label="car">{shapes}</track>'), "cvat")
    assert seen(video) == {1: {3: A}}
    assert video.tracks[1][3].is_occluded
    assert video.tracks[1][4].is_empty
    with pytest.raises(DataError, match="outside should be 0 or 1, got 'maybe'"):
        read_one(cvat_file(tmp_path, '<track id="0" label="a"><box frame="1" outside="maybe"/></track>'), "cvat")


def task(result: list[dict[str, Any]], **data: str) -> dict[str, Any]:
    return {"id": 1, "data": data or {"image": "clip/00005.jpg"}, "annotations": [{"result": result}]}


def region(x: float, **more: Any) -> dict[str, Any]:
    points = [[x, 10], [x + 20, 10], [x + 20, 30], [x, 30]]
    size = {"original_width": 160, "original_height": 120}
    return {"id": str(x), "type": "polygonlabels", "value": {"points": points, "polygonlabels": ["car"]}} | size | more


@pytest.mark.parametrize(("names", "num_taken"), [(("image", "right"), 1), (("left", "right"), 0), (("a", "a"), 2)])
def test_regions_of_several_pictures_are_not_mixed(names: tuple[str, str], num_taken: int, tmp_path: Path) -> None:
    rows = [region(10, to_name=names[0]), region(50, to_name=names[1])]
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task(rows, image="clip/00005.jpg", right="clip/00006.jpg")]))
    tally = ImportTally()
    if num_taken:
        list(import_labels(file, "label-studio", videos={"clip": CASE_CLIP}, tally=tally))
    else:
        with pytest.raises(DataError, match="2 polygons on another picture of their task"):
            list(import_labels(file, "label-studio", videos={"clip": CASE_CLIP}, tally=tally))
    assert (tally.taken["polygon"], tally.found["polygon"]) == (num_taken, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param([{"id": 1, "image": "clip_5.jpg", "label": []}], "export as JSON", id="JSON-MIN"),
        pytest.param([task([region(10)]) | {"annotations": [{"result": {"a": 1}}]}], "result", id="no list"),
        pytest.param([task([region(10)], images="5")], "tasks without a picture or a video", id="no picture"),
        pytest.param([task([region(10, image_rotation=90)])], "pictures that were turned", id="turned"),
        pytest.param([{**task([]), "predictions": [{"result": [region(10)]}]}], "beside what counts", id="predictions"),
        pytest.param([{"id": 1, "data": {"image": "clip/5.jpg"}, "drafts": [{"result": [region(10)]}]}], "of drafts"),
    ],
)
def test_what_label_studio_cannot_mean_is_told(content: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_one(file, "label-studio")


def palette_png(file: Path, values: np.ndarray, *colors: tuple[int, int, int], **options: Any) -> None:
    picture = Image.new("P", values.shape[::-1])
    picture.putdata(values.ravel().tolist())
    picture.putpalette([value for color in colors for value in color])
    picture.save(file, **options)


BLACK, RED, GREEN = (0, 0, 0), (128, 0, 0), (0, 128, 0)


@pytest.fixture
def values() -> np.ndarray:
    found = np.zeros((120, 160), np.uint8)
    found[10:30, 10:30] = 1
    found[10:30, 30:50] = 2
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "Annotations" / "480p" / "clip"
    found.mkdir(parents=True)
    return found


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"bits": 2}], ids=["plain", "transparent", "few bits"])
def test_palettes_of_any_kind(options: dict[str, Any], values: np.ndarray, folder: Path, tmp_path: Path) -> None:
    palette_png(folder / "00005.png", values, BLACK, RED, GREEN, **options)
    assert seen(read_one(tmp_path, "davis")[0]) == {1: {5: A}, 2: {5: B}}


def test_a_palette_in_another_order_holds_no_ids(values: np.ndarray, folder: Path, tmp_path: Path) -> None:
    moved = np.array([1, 0, 2], np.uint8)[values]
    palette_png(folder / "00005.png", moved, RED, BLACK, GREEN)
    with pytest.raises(DataError, match=r"00005\.png: its palette was put in another order: black.* is 1"):
        read_one(tmp_path, "davis")


def test_an_id_that_changes_its_colour_is_none(values: np.ndarray, folder: Path, tmp_path: Path) -> None:
    palette_png(folder / "00005.png", values, BLACK, RED, GREEN)
    palette_png(folder / "00006.png", values, BLACK, GREEN, RED)
    with pytest.raises(DataError, match=r"00006\.png: 1 is the colour \(0, 128, 0\) here and \(128, 0, 0\) in 00005"):
        read_one(tmp_path, "davis")


@pytest.mark.parametrize("mode", ["I;16", "LA", "RGB", "RGBA", "CMYK"])
def test_other_modes_are_read_as_ids_or_refused(mode: str, values: np.ndarray, folder: Path, tmp_path: Path) -> None:
    grey = Image.fromarray(values)
    picture = Image.fromarray(values.astype(np.uint16)) if mode == "I;16" else grey.convert(mode)
    picture.save(folder / "00005.png", format="TIFF" if mode == "CMYK" else "PNG")
    with pytest.raises(DataError, match=r"00005\.png"):
        read_one(tmp_path, "davis")


@pytest.mark.parametrize(
    ("entry", "name"), [({"frames": ["00005"]}, None), ({"category": "dog"}, "dog"), ({"category": None}, None)]
)
def test_meta_of_youtube_vos_may_lack_what_it_need_not(
    entry: dict[str, Any], name: str | None, values: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "train" / "Annotations" / "clip"
    folder.mkdir(parents=True)
    palette_png(folder / "00005.png", values, BLACK, RED, GREEN)
    meta = {"videos": {"clip": {"objects": {"1": entry}}}}
    (tmp_path / "train" / "meta.json").write_text(json.dumps(meta))
    assert read_one(tmp_path, "youtube-vos")[0].object_names.get(1) == name
    (tmp_path / "train" / "meta.json").write_text(json.dumps({"videos": {"clip": {"objects": [1]}}}))
    with pytest.raises(DataError, match="should list the objects of each video by number") as told:
        read_one(tmp_path, "youtube-vos")
    assert "Error" not in str(told.value)


def revos(folder: Path, row: dict[str, Any], masks: Any) -> Path:
    entry = {"frames": ["00000"], "width": 160, "height": 120, "vid_id": 0, "expressions": {"0": row}}
    (folder / "meta_expressions_train_.json").write_text(json.dumps({"videos": {"clip": entry}}))
    (folder / "mask_dict.json").write_text(json.dumps({"5": masks}))
    return folder


ROW = {"exp": "the car", "obj_id": [0], "anno_id": [5], "type_id": 0}


@pytest.mark.parametrize(
    ("row", "masks", "message"),
    [
        pytest.param(ROW | {"obj_id": [], "anno_id": []}, [None], "without objects, though its type", id="no objects"),
        pytest.param({**ROW, "exp": None}, [None], "want a text", id="no words"),
        pytest.param({key: ROW[key] for key in ROW if key != "type_id"}, [None], "the key 'type_id'", id="no type"),
        pytest.param({key: ROW[key] for key in ROW if key != "exp"}, [None], "the key 'exp'", id="no expression"),
        pytest.param({**ROW, "obj_id": [0, 1]}, [None], "as many obj_id as anno_id", id="another number of ids"),
        pytest.param({**ROW, "anno_id": [6]}, [None], "has no key '6'", id="no masks"),
        pytest.param(ROW, [{}], "should be a list of null and", id="an empty object for a mask"),
        pytest.param(ROW, [None, None], "want 1 masks", id="too many masks"),
        pytest.param(ROW, [{"size": [60, 80], "counts": [4800]}], "the mask is 80x60", id="another size"),
    ],
)
def test_expressions_that_contradict_their_masks_are_told(
    row: dict[str, Any], masks: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message) as told:
        list(import_labels(revos(tmp_path, row, masks), "revos"))
    assert "Error" not in str(told.value)
