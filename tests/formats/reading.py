"""What a test needs of an import: the video, what was counted, and masks as boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.masks import mask_area, mask_box

CASES = Path(__file__).parent.parent / "cases"
"""Small files that other tools wrote, or could have: all about `clip.mp4`, 60 frames of 160x120."""

CASE_CLIP = CASES / "clip.mp4"

Corners = tuple[float, float, float, float]


def read_one(source: Path, format: str, **options: Any) -> tuple[LabelledVideo, tuple[str, ...]]:
    """Return the only video of a source, and what was left out."""
    tally = ImportTally()
    options.setdefault("videos", {"clip": CASE_CLIP})
    (video,) = import_labels(source, format, tally=tally, **options)
    return video, tally.lines()


def seen(video: LabelledVideo) -> dict[int, dict[int, Corners]]:
    """Return the box of each mask with a pixel by object and frame; a mask that is no rectangle fails."""
    found: dict[int, dict[int, Corners]] = {}
    for object_id, track in video.tracks.items():
        for frame_index, mask in track.items():
            box = mask_box(mask.rle)
            if box is not None:
                assert mask_area(mask.rle) == box.area
                found.setdefault(object_id, {})[frame_index] = box.xyxy
    return found


def boxes(video: LabelledVideo) -> dict[tuple[int, int], Corners]:
    """Return the boxes that became prompts by (object, frame)."""
    prompts = (prompt for question in video.questions for prompt in question.prompts)
    return {(each.object_id, each.frame_index): each.box.xyxy for each in prompts if each.box}


def square(x: float, y: float, side: float = 20) -> list[float]:
    """Return the polygon of a square."""
    return [x, y, x + side, y, x + side, y + side, x, y + side]


def coco_file(folder: Path, annotations: list[dict[str, Any]], *names: str, **more: Any) -> Path:
    """Write a COCO file about pictures of 160x120; annotations are about image 1 and of a car where they do not say."""
    images = [
        {"id": number, "file_name": name, "width": 160, "height": 120}
        for number, name in enumerate(names or ("clip/00000.jpg",), start=1)
    ]
    rows = [{"id": at, "image_id": 1, "category_id": 1} | row for at, row in enumerate(annotations, start=1)]
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    content: Mapping[str, Any] = {"images": images, "annotations": rows, "categories": categories} | more
    file = folder / "labels.json"
    file.write_text(json.dumps(content))
    return file


def cvat_file(folder: Path, inner: str, *, meta: str | None = None, name: str = "annotations.xml") -> Path:
    """Write a CVAT file about a task called clip, unless other meta data are given."""
    size = "<original_size><width>160</width><height>120</height></original_size>"
    told = meta if meta is not None else f"<task><name>clip</name><size>60</size>{size}</task>"
    file = folder / name
    file.write_text(f"<?xml version='1.0'?><annotations><version>1.1</version><meta>{told}</meta>{inner}</annotations>")
    return file
