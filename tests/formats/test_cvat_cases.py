"""CVAT's XML as CVAT and others write it: for video and for images, of tasks, jobs and projects."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.formats import cvat_rules
from tests.formats.made import AWAY, CLIP, visible
from tests.formats.reading import CASE_CLIP, CASES, boxes, cvat_file, read_one, seen
from veason.errors import DataError
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.into_project import into_project
from veason.masks import decode_mask, encode_mask
from veason.project import Project

A = (10.0, 10.0, 30.0, 30.0)
POINTS = 'points="10,10;30,10;30,30;10,30"'
RLE = 'rle="0, 400" left="10" top="10" width="20" height="20"'
SIZE = "<original_size><width>160</width><height>120</height></original_size>"


def track(shapes: str, *, label: str = "car", more: str = "") -> str:
    return f'<track id="0" label="{label}" {more}>{shapes}</track>'


def mask_track(frame: int, *, label: str = "car", more: str = "", inner: str = "") -> str:
    head = f'<mask frame="{frame}" keyframe="1" outside="0" {RLE}>{inner}</mask>'
    return track(f'{head}<mask frame="{frame + 1}" keyframe="1" outside="1" {RLE}/>', label=label, more=more)


def polygon(frame: int, points: str = POINTS) -> str:
    return f'<polygon frame="{frame}" keyframe="1" outside="0" {points}/>'


@pytest.mark.parametrize(
    ("case", "found"),
    [
        pytest.param("cvat-mask-tracks", {f: (10.0 + f, 10.0, 30.0 + f, 30.0) for f in range(5)}, id="masks"),
        pytest.param("cvat-for-images", dict.fromkeys(range(4), A), id="images"),
        pytest.param("cvat-job-export", {5: A}, id="job"),
    ],
)
def test_cases_with_masks(case: str, found: dict[int, tuple[float, ...]], tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.library.add_video(CASE_CLIP)
        told = into_project(project, CASES / case, "cvat")
        assert (told.num_questions, told.left_out) == (1, ())
    video, left = read_one(CASES / case, "cvat")
    assert (video.name, video.info.num_frames, seen(video), left) == ("clip", 60, {1: found}, ())
    assert video.object_names == {1: "car"}


def said_absent(video: LabelledVideo) -> set[tuple[int, int]]:
    return {
        (key, at) for key, track in video.tracks.items() for at, mask in track.items() if mask.provenance == "absent"
    }


@pytest.mark.parametrize(
    ("shapes", "absent"),
    [
        pytest.param(mask_track(0) + mask_track(20) + mask_track(40), set(), id="masks, each ended by CVAT itself"),
        pytest.param(track(polygon(0) + polygon(1).replace('outside="0"', 'outside="1"')), set(), id="one shape"),
        pytest.param(
            track(polygon(0) + polygon(10) + polygon(20).replace('outside="0"', 'outside="1"')),
            {(1, at) for at in range(20, 60)},
            id="a track that a person ended",
        ),
        pytest.param(
            track(polygon(0) + polygon(9).replace('outside="0"', 'outside="1"')),
            {(1, at) for at in range(9, 60)},
            id="a track of one shape that a person ended later",
        ),
    ],
)
def test_only_what_a_person_said_is_marked_absent(shapes: str, absent: set[tuple[int, int]], tmp_path: Path) -> None:
    video, _ = read_one(cvat_file(tmp_path, shapes), "cvat")
    assert said_absent(video) == absent
    assert any(mask.is_empty for track in video.tracks.values() for mask in track.values())


def test_nothing_is_said_of_frames_beyond_the_job(tmp_path: Path) -> None:
    shapes = track(polygon(0) + polygon(10) + polygon(20).replace('outside="0"', 'outside="1"'))
    file = cvat_file(tmp_path, shapes)
    text = file.read_text()
    assert "<stop_frame>" not in text
    file.write_text(text.replace(SIZE, f"{SIZE}<start_frame>0</start_frame><stop_frame>29</stop_frame>"))
    video, _ = read_one(file, "cvat")
    assert said_absent(video) == {(1, at) for at in range(20, 30)}
    assert max(video.tracks[1]) == 29


def test_a_partly_labelled_object_comes_back_without_marks_that_nobody_made(tmp_path: Path) -> None:
    video, _ = read_one(CASES / "cvat-mask-tracks", "cvat")
    export_labels([video], "cvat", tmp_path / "out", ExportOptions(is_everything=True))
    (again,) = import_labels(tmp_path / "out", "cvat", videos={"clip": CASE_CLIP})
    assert said_absent(again) == set()
    assert seen(again) == seen(video)


@pytest.mark.parametrize("text", ["in the rain", "5-9, 7", "9-5", "4294967296", "5,", "0-999999999, 3"])
def test_an_attribute_called_absent_that_holds_something_else_is_counted(text: str, tmp_path: Path) -> None:
    inner = f'<attribute name="object_id">1</attribute><attribute name="absent">{text}</attribute>'
    video, left = read_one(cvat_file(tmp_path, mask_track(0, inner=inner)), "cvat")
    assert said_absent(video) == set()
    assert any("attribute" in line for line in left)


def test_a_turned_box_is_the_box_around_its_corners() -> None:
    video, left = read_one(CASES / "cvat-rotated", "cvat")
    assert (boxes(video), left) == ({(1, 5): (75.0, 20.0, 85.0, 100.0)}, ())


def test_shapes_of_pictures_by_name_before_number(tmp_path: Path) -> None:
    shapes = (
        f'<image id="0" name="frame_000040" width="160" height="120"><polygon label="car" {POINTS}/>'
        '<box label="dog" xtl="50" ytl="60" xbr="70" ybr="80"/></image>'
        f'<image id="1" name="frame_000050" width="160" height="120"><mask label="car" {RLE}/>'
        '<ellipse label="sun" cx="80" cy="60" rx="30" ry="10" rotation="90"/></image>'
    )
    video, left = read_one(cvat_file(tmp_path, shapes), "cvat")
    names = {name: key for key, name in video.object_names.items()}
    assert {index for index, mask in video.tracks[names["car"]].items() if not mask.is_empty} == {40, 50}
    assert boxes(video) == {(names["dog"], 40): (50.0, 60.0, 70.0, 80.0)}
    y, x = np.mgrid[:120, :160] + 0.5
    wanted = ((x - 80) / 10) ** 2 + ((y - 60) / 30) ** 2 <= 1
    found = decode_mask(video.tracks[names["sun"]][50].rle)
    assert (wanted & found).sum() / (wanted | found).sum() > 0.97
    assert left == ()


def test_pictures_without_numbers_are_called_by_their_id(tmp_path: Path) -> None:
    meta = f"<task><name>clip</name><start_frame>10</start_frame><frame_filter>step=5</frame_filter>{SIZE}</task>"
    image = f'<image id="3" name="a.jpg"><polygon label="car" {POINTS}/></image>'
    assert seen(read_one(cvat_file(tmp_path, image, meta=meta), "cvat")[0]) == {1: {25: A}}


def test_tracks_of_masks_are_one_object_by_group_and_two_where_they_meet(tmp_path: Path) -> None:
    grouped = (
        mask_track(3, more='group_id="1"') + mask_track(3, more='group_id="2"') + mask_track(4, more='group_id="1"')
    )
    assert seen(read_one(cvat_file(tmp_path, grouped), "cvat")[0]) == {1: {3: A, 4: A}, 2: {3: A}}
    meeting = mask_track(3) + mask_track(3) + mask_track(9, label="dog")
    assert seen(read_one(cvat_file(tmp_path, meeting), "cvat")[0]) == {1: {3: A}, 2: {3: A}, 3: {9: A}}


def test_tracks_of_polygons_are_objects_of_their_own(tmp_path: Path) -> None:
    away = polygon(4).replace('outside="0"', 'outside="1"')
    file = cvat_file(tmp_path, track(polygon(3) + away) + track(polygon(7)))
    video, _ = read_one(file, "cvat")
    assert seen(video) == {1: {3: A}, 2: {7: A}}
    assert [index for index, mask in video.tracks[1].items() if mask.is_empty] == list(range(4, 60))


def test_what_is_left_out_is_counted_by_kind_and_reason(tmp_path: Path) -> None:
    box = 'keyframe="{}" outside="0" xtl="1" ytl="1" xbr="9" ybr="9"'
    inner = (
        track(polygon(3) + polygon(4, 'points="1,1;5,5"'))
        + track(f'<box frame="3" {box.format(1)}/><box frame="4" {box.format(0)}/>', label="dog")
        + track('<points frame="3" keyframe="1" outside="0" points="1,1"/>', label="nose")
        + track(f'<polygon frame="3" keyframe="1" outside="0" {POINTS}><attribute name="colour">red</attribute>'
                '<attribute name="empty"></attribute></polygon>', label="cat")
        + '<image id="9" name="frame_000009"><tag label="rain"/><sphere label="x"/></image>'
    )  # fmt: skip
    video, left = read_one(cvat_file(tmp_path, inner), "cvat")
    assert seen(video) == {1: {3: A}, 3: {3: A}}
    assert boxes(video) == {(2, 3): (1.0, 1.0, 9.0, 9.0)}
    assert sorted(left) == [
        "1 attribute of shapes, for which a project has no place",
        "1 box between keyframes, where CVAT computed them",
        "1 element of an unknown kind",
        "1 points enclosing nothing that could become a mask or a box",
        "1 polygon of fewer than 3 points",
        "1 tag enclosing nothing that could become a mask or a box",
    ]


PROJECT = (
    "<project><id>1</id><tasks>"
    f"<task><id>4</id><name>clip</name><size>60</size>{SIZE}</task>"
    f"<task><id>5</id><name>other</name><size>9</size>{SIZE}</task></tasks></project>"
)


def test_a_project_is_parted_by_task(tmp_path: Path) -> None:
    file = cvat_file(
        tmp_path,
        track(polygon(3), more='task_id="4"') + track(polygon(5), more='task_id="5"')
        + f'<image id="7" name="frame_000007" task_id="5"><polygon label="dog" {POINTS}/></image>',
        meta=PROJECT,
    )  # fmt: skip
    videos = {video.name: video for video in import_labels(file, "cvat", videos={"clip": CASE_CLIP})}
    assert {name: seen(video) for name, video in videos.items()} == {
        "clip": {1: {3: A}},
        "other": {1: {5: A}, 2: {7: A}},
    }
    assert [video.info.num_frames for video in videos.values()] == [60, 9]
    with pytest.raises(DataError, match="is of task '6', the project has the tasks 4, 5"):
        read_one(cvat_file(tmp_path, track(polygon(3), more='task_id="6"'), meta=PROJECT), "cvat")


@pytest.mark.parametrize(
    ("meta", "name", "options", "found"),
    [
        pytest.param(f"<task><name>clip</name>{SIZE}</task>", "x.xml", {}, "clip", id="task"),
        pytest.param(f"<task><name>T</name>{SIZE}<source>a/clip.mp4</source></task>", "x.xml", {}, "clip", id="file"),
        pytest.param(f"<job><id>1</id></job>{SIZE}", "clip.xml", {}, "clip", id="stem"),
        pytest.param(f"<job><id>1</id></job>{SIZE}", "annotations.xml", {"videos": {"a": CASE_CLIP}}, "a", id="only"),
        pytest.param(f"<task><name>T</name>{SIZE}</task>", "x.xml", {"videos": CASE_CLIP}, "T", id="named file"),
        pytest.param(f"<task><name>b</name>{SIZE}</task>", "x.xml", {"videos": {"a": CASE_CLIP}}, "a", id="one named"),
    ],
)  # fmt: skip
def test_which_video_a_file_is_about(meta: str, name: str, options: dict, found: str, tmp_path: Path) -> None:
    video, _ = read_one(cvat_file(tmp_path, track(polygon(3)), meta=meta, name=name), "cvat", **options)
    assert (video.name, video.info.num_frames) == (found, 60)


def bomb(levels: int) -> str:
    entities = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, levels))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><annotations>&a{levels - 1};</annotations>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(bomb(10), "declares a document type", id="entities"),
        pytest.param('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type", id="outside file"),
        pytest.param("<a>" * 9000, "nested deeper", id="depth"),
        pytest.param("<labels/>", "should hold <annotations>", id="another file"),
        pytest.param("", "is not XML", id="empty"),
    ],
)
def test_dangerous_and_other_xml_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_one(tmp_path / "a.xml", "cvat")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param(polygon(3, 'points="nan,1;2,3;4,5"'), "want a number", id="nan"),
        pytest.param(polygon(3, 'points="1e999,1;2,3;4,5"'), "want a number", id="huge"),
        pytest.param(polygon(3, 'points="1;2,3;4,5"'), "points should be x,y;x,y", id="half a point"),
        pytest.param(polygon(-3), "want a whole number from 0", id="negative frame"),
        pytest.param(polygon(60), r"is on frame 60, the video has 60 frames \(0 to 59\)", id="frame behind the end"),
        pytest.param(polygon(10**30), "more than 64 bits|want a whole number", id="frame of 100 bits"),
        pytest.param(f'<mask frame="3" {RLE.replace("400", "401")}/>', "want a whole number from 0", id="long"),
        pytest.param(f'<mask frame="3" {RLE.replace("400", "399")}/>', "add up to 399 pixels", id="short runs"),
        pytest.param(f'<mask frame="3" {RLE.replace("10", "150", 1)}/>', "leaves the picture", id="outside"),
        pytest.param('<box frame="3" xtl="1" ytl="inf" xbr="3" ybr="4"/>', "want a number", id="inf"),
        pytest.param('<box frame="3" ytl="1" xbr="3" ybr="4"/>', "<box> has no xtl", id="no corner"),
        pytest.param('<ellipse frame="3" cx="1" cy="1" rx="1e9" ry="4"/>', "want a number", id="wide ellipse"),
    ],
)  # fmt: skip
def test_numbers_that_no_shape_has_are_refused_with_their_place(shape: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as told:
        read_one(cvat_file(tmp_path, track(polygon(2) + shape)), "cvat")
    assert "annotations.xml: video 'clip'" in str(told.value)


def kept_by_cvat(file: Path) -> tuple[list[tuple[str, int, str]], list[tuple[str, int]]]:
    """Return the masks (group, frame, label) and boxes (group, frame) that CVAT's importer keeps.

    It takes keyframes alone; a track whose first shape is a mask becomes that one shape. Source: `load_anno` in
    cvat/apps/dataset_manager/formats/cvat.py.
    """
    masks, kept = [], []
    for each in ElementTree.parse(file).getroot().iter("track"):
        shapes = [shape for shape in each if shape.get("keyframe") == "1"]
        if shapes[0].tag == "mask":
            masks.append((each.attrib["group_id"], int(shapes[0].attrib["frame"]), each.attrib["label"]))
        else:
            seen = [shape for shape in shapes if shape.get("outside") != "1"]
            kept += [(each.attrib["group_id"], int(shape.attrib["frame"])) for shape in seen]
    return masks, kept


def test_cvat_keeps_what_our_report_says(videos: list[LabelledVideo], tmp_path: Path) -> None:
    report = export_labels(videos, "cvat", tmp_path / "out")
    masks, kept = kept_by_cvat(tmp_path / "out" / "hide.xml")
    assert (len(masks), len(kept)) == (report.counts["masks"], report.counts["boxes"])
    assert {(int(group), frame) for group, frame, _ in masks} == set(visible(videos[0]))
    assert len(set(masks)) == len(masks)


def test_objects_of_many_tracks_come_back_whole(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "cvat", tmp_path / "out")
    video, left = read_one(tmp_path / "out", "cvat", videos=None)
    assert (visible(video, is_everything=True), left) == (visible(videos[0]), ())
    assert [index for index, mask in video.tracks[2].items() if mask.is_empty][: AWAY[1] - AWAY[0]] == list(
        range(*AWAY)
    )


def test_words_with_line_breaks_and_characters_that_xml_cannot_hold(
    videos: list[LabelledVideo], tmp_path: Path
) -> None:
    from dataclasses import replace

    (first, *_) = videos[0].questions
    odd = replace(first, instruction="two\nlines \\n <b> \x0b & 'q'\r")
    report = export_labels([videos[0].only((odd,))], "cvat", tmp_path / "out")
    video, _ = read_one(tmp_path / "out", "cvat", videos=None)
    assert [q.instruction for q in video.questions] == ["two\nlines \\n <b> \ufffd & 'q'\r"]
    assert report.lost["texts with characters that XML cannot hold"] == 1


def test_an_empty_ellipse_or_mask_is_left_out(tmp_path: Path) -> None:
    flat = '<ellipse frame="3" cx="10" cy="10" rx="0" ry="0"/>'
    empty = f'<mask frame="4" {RLE.replace("0, 400", "400", 1)}/>'
    video, left = read_one(cvat_file(tmp_path, track(polygon(2) + flat + empty)), "cvat")
    assert seen(video) == {1: {2: A}}
    assert sorted(left) == ["1 ellipse covering no pixel of the picture", "1 mask covering no pixel of the picture"]


def test_what_cvats_rules_keep_and_write_comes_back_bit_for_bit(videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "cvat", tmp_path / "out", ExportOptions(has_pictures=False))
    kept = cvat_rules.load(tmp_path / "out" / "hide.xml")
    truth = visible(videos[0])
    assert sorted((frame, encode_mask(mask).counts) for frame, _, _, mask, _ in kept.masks) == sorted(
        (frame, rle.counts) for (_, frame), rle in truth.items()
    )
    cvat_rules.dump(kept, tmp_path / "out" / "hide.xml", tmp_path / "again.xml")
    tally = ImportTally()
    (back,) = import_labels(tmp_path / "again.xml", "cvat", videos={"hide": CLIP}, tally=tally)
    assert visible(back, is_everything=True) == truth
    assert all("where CVAT computed them" in line for line in tally.lines())
    assert {question.instruction for question in back.questions if question.instruction} == {
        question.instruction for question in videos[0].questions if question.is_accepted and question.object_ids
    }
    assert {index for index, mask in back.tracks[2].items() if mask.is_empty} >= {*range(*AWAY)}


def test_frames_outside_of_their_task_are_refused(tmp_path: Path) -> None:
    meta = f"<task><name>clip</name><start_frame>10</start_frame><stop_frame>30</stop_frame>{SIZE}</task>"
    for frame, is_good in ((10, True), (30, True), (0, False), (31, False)):
        box = f'<box frame="{frame}" keyframe="1" outside="0" xtl="1" ytl="2" xbr="30" ybr="40"/>'
        file = cvat_file(tmp_path, f'<track id="0" label="car">{box}</track>', meta=meta)
        if is_good:
            assert boxes(read_one(file, "cvat")[0]) == {(1, frame): (1, 2, 30, 40)}
        else:
            with pytest.raises(DataError, match=f"is on frame {frame}, its task has the frames 10 to 30"):
                read_one(file, "cvat")
