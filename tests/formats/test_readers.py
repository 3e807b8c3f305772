"""Exports read by Datumaro, Label Studio, Ultralytics and LLaMA-Factory, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.formats.made import AWAY, CLIP, visible
from veason.answer import context_for, parse_answer
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.masks import mask_box, mask_iou, union_mask
from veason.profile import Profile
from veason.types import Rle


def read(python: str, reader: str, folder: Path) -> Any:
    command = [python, str(Path(__file__).with_name("readers.py")), reader, str(folder), sysconfig.get_path("purelib")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=280, env=os.environ | {"HF_HUB_OFFLINE": "1"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("FOUND")[2])


def masks_of(rows: list[list[Any]]) -> dict[tuple[int, int], Rle]:
    return {(key, frame): Rle(tuple(code["size"]), code["counts"]) for key, frame, code in rows}


@pytest.mark.parametrize(
    ("reader", "format"),
    [("datumaro_coco", "coco"), ("datumaro_cvat_masks", "cvat"), ("label_studio", "label-studio")],
)
def test_masks_are_equal_bit_for_bit(
    reader: str, format: str, python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, format, tmp_path / "out")
    assert masks_of(read(python, reader, tmp_path / "out")) == visible(videos[0])


def masks_by_place(video: LabelledVideo) -> list[tuple[int, str, str]]:
    """Return frame, name and code of every mask, in order, whatever ids the objects have."""
    return sorted(
        (index, video.object_name(object_id), mask.rle.counts)
        for object_id, track in video.tracks.items()
        for index, mask in track.items()
        if not mask.is_empty
    )


def test_what_datumaro_writes_comes_in_bit_for_bit(python: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "coco", tmp_path / "out")
    assert read(python, "datumaro_writes_coco", tmp_path / "out")
    (mine,) = import_labels(tmp_path / "out", "coco", videos={"hide": CLIP})
    (back,) = import_labels(tmp_path / "written_coco", "coco", videos={"hide": CLIP})
    assert masks_by_place(back) == masks_by_place(mine)


def test_what_label_studio_writes_comes_in_bit_for_bit(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "label-studio", tmp_path / "out")
    assert read(python, "label_studio_writes", tmp_path / "out")
    (mine,) = import_labels(tmp_path / "out", "label-studio", videos={"hide": CLIP})
    (back,) = import_labels(tmp_path / "written_tasks.json", "label-studio", videos={"hide": CLIP})
    without_names = [sorted((index, code) for index, _, code in masks_by_place(one)) for one in (mine, back)]
    assert without_names[0] == without_names[1]


def test_polygons_that_datumaro_writes_come_in_all_and_nearly_as_they_were(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "coco", tmp_path / "out")
    told = read(python, "datumaro_writes_polygons", tmp_path / "out")
    (mine,) = import_labels(tmp_path / "out", "coco", videos={"hide": CLIP})
    truth: dict[int, list[Rle]] = {}
    for track in mine.tracks.values():
        for frame, mask in track.items():
            truth.setdefault(frame, []).extend([] if mask.is_empty else [mask.rle])
    for format in ("coco", "cvat"):
        tally = ImportTally()
        (back,) = import_labels(tmp_path / f"polygons_{format}", format, videos={"hide": CLIP}, tally=tally)
        assert tally.taken["polygon"] == told[format] >= sum(map(len, truth.values())) - 40  # two are about one disc
        told_besides = ("attribute", "between keyframes")  # Datumaro writes a box beside each polygon
        assert not [line for line in tally.lines() if not any(word in line for word in told_besides)]
        for frame, masks in truth.items():
            drawn = [track[frame].rle for track in back.tracks.values() if frame in track and not track[frame].is_empty]
            assert mask_iou(union_mask(drawn), union_mask(masks)) > 0.9  # polygons lose holes and half pixels


def test_what_label_studio_converts_to_coco_comes_in(python: str, videos: list[LabelledVideo], tmp_path: Path) -> None:
    export_labels(videos, "label-studio", tmp_path / "out")
    (file,) = read(python, "label_studio_writes_coco", tmp_path / "out")
    tally = ImportTally()
    (back,) = import_labels(tmp_path / "converted" / file, "coco", videos={"hide": CLIP}, tally=tally)
    truth = visible(videos[0])
    found = {(back.object_name(key), frame) for key, track in back.tracks.items() for frame in track}
    assert {frame for _, frame in found} == {frame for _, frame in truth}
    assert sum(tally.taken.values()) >= len(truth)


def test_label_studio_shows_boxes_on_the_frames_where_the_objects_are(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "label-studio", tmp_path / "out")
    shown = read(python, "label_studio_frames", tmp_path / "out")
    frames: dict[int, list[int]] = {}
    for object_id, frame in sorted(visible(videos[0])):
        frames.setdefault(object_id, []).append(frame)
    assert {int(label.split()[-1]): each for label, each in shown.items()} == frames


def test_datumaro_reads_the_boxes_of_cvat_tracks_and_where_they_end(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "cvat", tmp_path / "out")
    rows = read(python, "datumaro_cvat_boxes", tmp_path / "out")
    truth = visible(videos[0])
    seen = {(group, frame): points for group, _, frame, points, outside, _ in rows if not outside}
    assert seen == {place: list(mask_box(rle).xyxy) for place, rle in truth.items()}
    assert {frame for group, _, frame, _, outside, _ in rows if group == 2 and outside} == {AWAY[0], 61}
    assert all(is_key for *_, is_key in rows)
    assert len({track for _, track, *_ in rows}) == 4


def test_ultralytics_reads_yolo_within_the_promise_and_what_it_writes_comes_in(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "yolo-seg", tmp_path / "out")
    rows = read(python, "ultralytics", tmp_path / "out")
    truth = visible(videos[0])
    for class_id, frame, code in rows:
        mask = Rle(tuple(code["size"]), code["counts"])
        wanted = [rle for (key, index), rle in truth.items() if index == frame and (key == 3) == (class_id == 1)]
        assert max(mask_iou(mask, rle) for rle in wanted) >= 0.98
    assert len(rows) == len(truth) - 40  # it drops lines that are there twice: two questions are about one disc
    tally = ImportTally()
    (back,) = import_labels(tmp_path / "predictions.json", "coco", videos={"hide": CLIP}, tally=tally)
    assert (tally.taken["mask"], tally.lines()) == (len(rows), ())
    drawn = sorted((frame, rle.counts) for (_, frame), rle in visible(back, is_everything=True).items())
    assert drawn == sorted((frame, code["counts"]) for _, frame, code in rows)


def test_cvats_own_code_reads_and_writes_our_masks_bit_for_bit(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "cvat", tmp_path / "out")
    assert masks_of(read(python, "cvat_sdk_masks", tmp_path / "out")) == visible(videos[0])
    (back,) = import_labels(tmp_path / "cvat_written.xml", "cvat", videos={"hide": CLIP})
    assert visible(back, is_everything=True) == visible(videos[0])


def test_llama_factory_takes_every_sample_and_it_says_what_the_labels_say(
    python: str, videos: list[LabelledVideo], tmp_path: Path
) -> None:
    export_labels(videos, "sft", tmp_path / "out")
    rows = read(python, "llama_factory", tmp_path / "out")
    taught = [question for question in videos[0].questions if question.is_accepted and question.is_reasoning_current]
    assert [roles for roles, _, _ in rows] == [["user", "assistant"]] * len(taught)
    assert all(Path(file).is_file() for _, files, _ in rows for file in files)
    info = videos[0].info
    for question, (_, files, text) in zip(taught, rows, strict=True):
        shown = tuple(int(Path(file).stem) for file in files)
        context = context_for(Profile("test"), shown, num_frames=info.num_frames, source_wh=info.size_wh)
        answer = parse_answer(text, context, strict=True)
        boxes = [
            mask_box(videos[0].tracks[key][answer.keyframe].rle)
            for key in question.object_ids
            if answer.keyframe in videos[0].tracks[key]
        ]
        wanted = [box for box in boxes if box is not None]
        assert len(answer.boxes) == len(wanted)
        for box, other in zip(answer.boxes, wanted, strict=True):  # written in whole steps of the model's space
            assert max(abs(a - b) for a, b in zip(box.xyxy, other.xyxy, strict=True)) <= info.size_wh[0] / 560 + 0.01
