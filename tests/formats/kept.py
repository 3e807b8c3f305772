"""What the import rules of others keep of our exports, as (masks, boxes), format by format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

Kept = tuple[int, int]

Sample = tuple[int | None, list[tuple[float, ...]]]
"""The keyframe and the boxes of an answer, in the model's space."""


def _coco(out: Path) -> Kept:
    """Count as a reader of COCO does: annotations with a code, of pictures that are listed."""
    content = json.loads((out / "annotations" / "instances_train.json").read_text())
    listed = {image["id"] for image in content["images"]}
    return sum(row["image_id"] in listed and bool(row["segmentation"]["counts"]) for row in content["annotations"]), 0


def _youtube_vis(out: Path) -> Kept:
    content = json.loads((out / "train" / "instances.json").read_text())
    return sum(mask is not None for row in content["annotations"] for mask in row["segmentations"]), 0


def _cvat(out: Path) -> Kept:
    """Count as CVAT does: of a track that begins with a mask, that one; else all keyframes that are not outside.

    It stops at a track without shapes, and at one whose label is none of its task.
    Source: `load_anno` in cvat/apps/dataset_manager/formats/cvat.py.
    """
    masks = boxes = 0
    root = ElementTree.parse(out / "clip.xml").getroot()
    labels = {each.findtext("name") for each in root.iter("label")}
    for track in root.iter("track"):
        assert track.get("label") in labels
        shapes = [shape for shape in track if shape.get("keyframe") == "1"]
        if shapes[0].tag == "mask":
            masks += 1
        else:
            boxes += sum(shape.tag == "box" and shape.get("outside") == "0" for shape in shapes)
    return masks, boxes


def _palettes(out: Path) -> Kept:
    """Count the objects of each picture, as DAVIS does: its values but 0 and 255."""
    pictures = (np.unique(np.asarray(Image.open(file))) for file in out.rglob("*.png"))
    return sum(len(set(values.tolist()) - {0, 255}) for values in pictures), 0


def _label_studio(out: Path) -> Kept:
    """Count as its converter does: brush regions of the annotations that were not skipped."""
    tasks = json.loads((out / "frames.json").read_text())
    kept = [one for task in tasks for one in task["annotations"] if not one.get("was_cancelled")]
    rows = [row for one in kept for row in one["result"]]
    return sum(row["type"] == "brushlabels" and row["value"]["format"] == "rle" for row in rows), 0


def _bundle(out: Path) -> Kept:
    """Count masks with a pixel; a mask that two questions are about stands in both lines."""
    lines = [json.loads(line) for line in (out / "labels.jsonl").read_text(encoding="utf-8").split("\n") if line]
    found = {(mask["object_id"], mask["frame_index"]) for line in lines for mask in line["masks"] if _area(mask)}
    return len(found), 0


def _mevis(out: Path) -> Kept:
    return _rows(out / "train" / "mask_dict.json"), 0


def _revos(out: Path) -> Kept:
    return _rows(out / "mask_dict.json"), 0


def _rows(file: Path) -> int:
    return sum(mask is not None for row in json.loads(file.read_text()).values() for mask in row)


def _yolo(out: Path) -> Kept:
    """Count as Ultralytics does: lines of a class and three points or more, equal ones once.

    A mask that needs several polygons has several lines, and equal ones are told: the report counts both.
    """
    report = json.loads((out / "veason_export.json").read_text())
    lines = [set(file.read_text().split("\n")) - {""} for file in out.glob("labels/train/**/*.txt")]
    assert all(len(line.split()) >= 7 and len(line.split()) % 2 for each in lines for line in each)
    kept = sum(map(len, lines)) + sum(number for what, number in report["lost"].items() if "equal another" in what)
    masks: int = report["counts"].get("masks", 0)
    is_split = report["lost"].get("masks written as several polygons", 0) > 0
    return (masks if is_split and kept > masks else kept), 0


def _sft(out: Path) -> Kept:
    """Check that LLaMA-Factory takes each sample: turns alternate, and a picture for each mark."""
    for row in json.loads((out / "veason_sft.json").read_text()):
        human, model = row["conversations"]
        assert (human["from"], model["from"]) == ("human", "gpt")
        assert human["value"].count("<image>") == len(row["images"])
    return 0, 0


def samples_of(out: Path) -> list[Sample]:
    """Return what the samples of a fine-tuning set answer, as JSON has it."""
    answers = [
        json.loads(row["conversations"][1]["value"].rpartition("<answer>")[2].removesuffix("</answer>"))
        for row in json.loads((out / "veason_sft.json").read_text())
    ]
    return [(each["keyframe_timestamp"], [tuple(box) for box in each["bbox_2d_list"]]) for each in answers]


def _grpo(out: Path) -> Kept:
    import pyarrow.parquet as pq

    for row in pq.read_table(out / "train.parquet").to_pylist():
        assert row["prompt"][-1]["content"].count("<image>") == len(row["images"])
    return 0, 0


def _area(mask: dict[str, Any]) -> int:
    from pycocotools import mask as coco

    return int(coco.area({"size": mask["size"], "counts": mask["counts"].encode()}))


KEPT: dict[str, Callable[[Path], Kept]] = {
    "coco": _coco,
    "youtube-vis": _youtube_vis,
    "cvat": _cvat,
    "davis": _palettes,
    "youtube-vos": _palettes,
    "label-studio": _label_studio,
    "veason": _bundle,
    "mevis": _mevis,
    "revos": _revos,
    "ref-youtube-vos": _palettes,
    "yolo-seg": _yolo,
    "sft": _sft,
    "grpo": _grpo,
}
"""By format; the overlay is a film, in which nothing can be counted."""
