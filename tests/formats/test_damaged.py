"""One shape that cannot be read takes its question with it and nothing else, and says where it is and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.formats.reading import CASE_CLIP, coco_file, cvat_file, square
from veason.errors import DataError
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import encode_mask
from veason.types import VideoInfo

NAN = float("nan")


@pytest.fixture
def three() -> LabelledVideo:
    """Two questions with an object each and one that they share; the first alone is about object 1."""
    import numpy as np

    tracks = {}
    for object_id in (1, 2, 3):
        mask = np.zeros((120, 160), bool)
        mask[10 * object_id : 10 * object_id + 8, 5 : 30 + object_id] = True
        tracks[object_id] = {4: LabelMask(encode_mask(mask)), 5: LabelMask(encode_mask(mask))}
    questions = (
        LabelledQuestion("0", "the damaged", (1, 2), status="accepted"),
        LabelledQuestion("1", "the good", (2, 3), status="accepted"),
    )
    return LabelledVideo(
        "clip", VideoInfo(str(CASE_CLIP), 60, (160, 120), 12.0, 0.0, 4.9, False, ""), questions, tracks
    )


def rows_of(content: Any) -> list[dict[str, Any]]:
    """Return the first masks of object 1 in a JSON file of any of our formats."""
    if isinstance(content, list):
        return [row["value"] for row in content[0]["annotations"][0]["result"][:1]]
    if "videos" in content and "segmentations" in content["annotations"][0]:
        return [content["annotations"][0]["segmentations"][0]]
    return [content["annotations"][0]["segmentation"]]


def damage(folder: Path, format: str) -> None:
    """Change the code of one mask of object 1."""
    if format == "cvat":
        file = folder / "clip.xml"
        file.write_text(file.read_text().replace('rle="0, ', 'rle="1, ', 1))
        return
    if format == "veason":
        file = folder / "labels.jsonl"
        first, *rest = file.read_text().split("\n")
        row = json.loads(first)
        row["masks"][0]["counts"] = "!!"
        file.write_text("\n".join([json.dumps(row), *rest]))
        return
    if format in ("mevis", "revos"):
        file = next(folder.rglob("mask_dict.json"))
        content = json.loads(file.read_text())
        row = content[min(content, key=int)]
        row[0]["counts"] = "!!"
        file.write_text(json.dumps(content))
        return
    names = {"coco": "annotations/instances_train.json", "youtube-vis": "train/instances.json"}
    file = folder / names.get(format, "frames.json")
    content = json.loads(file.read_text())
    for row in rows_of(content):
        row["rle" if "rle" in row else "counts"] = [300] if "rle" in row else "!!"
    file.write_text(json.dumps(content))


FORMATS = ("coco", "youtube-vis", "cvat", "label-studio", "veason", "mevis", "revos")


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_mask_takes_its_question_and_nothing_else(format: str, three: LabelledVideo, tmp_path: Path) -> None:
    export_labels([three], format, tmp_path / "out", ExportOptions(has_pictures=False))
    damage(tmp_path / "out", format)
    tally = ImportTally()
    (back,) = import_labels(tmp_path / "out", format, videos={"clip": CASE_CLIP}, tally=tally)
    assert [question.instruction for question in back.questions] == ["the good"]
    (question,) = back.questions
    kept = Counter(
        mask.rle.counts for key in question.object_ids for mask in back.tracks[key].values() if not mask.is_empty
    )
    assert kept == Counter(mask.rle.counts for key in (2, 3) for mask in three.tracks[key].values())
    assert len(back.tracks) == 2
    (told,) = [line for line in tally.lines() if "that cannot be read (" in line]
    assert str(tmp_path / "out") in told


@pytest.mark.parametrize("format", FORMATS)
def test_where_no_question_is_whole_nothing_comes_in(format: str, three: LabelledVideo, tmp_path: Path) -> None:
    alone = replace(three, questions=three.questions[:1], tracks={key: three.tracks[key] for key in (1, 2)})
    export_labels([alone], format, tmp_path / "out", ExportOptions(has_pictures=False))
    damage(tmp_path / "out", format)
    with pytest.raises(DataError, match=r"nothing of it can be imported .* that cannot be read \("):
        list(import_labels(tmp_path / "out", format, videos={"clip": CASE_CLIP}))


BROKEN = {
    "not a number": {"segmentation": [[10, 10, NAN, 10, 30, 30]]},
    "an odd number": {"segmentation": [[10, 10, 30, 10, 30]]},
    "text": {"segmentation": [[10, 10, "x", 10, 30, 30]]},
    "runs that do not add up": {"segmentation": {"size": [120, 160], "counts": [10, 20]}},
    "a negative run": {"segmentation": {"size": [120, 160], "counts": [-10, 19_210]}},
    "no code": {"segmentation": {"size": [120, 160], "counts": "!!"}},
    "no size": {"segmentation": {"counts": "!!"}},
    "a box of text": {"segmentation": [], "bbox": ["a", 1, 2, 3]},
}


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in BROKEN.items()])
def test_the_other_videos_of_a_file_come_in(row: dict[str, Any], tmp_path: Path) -> None:
    good = {"segmentation": [square(10, 10)]}
    file = coco_file(tmp_path, [row, good, good | {"image_id": 2}], "clip/00003.jpg", "b/00003.jpg")
    tally = ImportTally()
    (video,) = import_labels(file, "coco", tally=tally)
    assert video.name == "b"
    assert tally.taken["polygon"] == 1
    assert any("annotation 1 of 'clip/00003.jpg'" in line for line in tally.lines())
    assert any("of a question with a shape that cannot be read" in line for line in tally.lines())


SIGNS: dict[str, Callable[[Path], tuple[Path, str]]] = {
    "a mask of another size": lambda folder: (
        coco_file(
            folder, [{"segmentation": {"size": [60, 80], "counts": [4800]}}, {"image_id": 2, "bbox": [1, 1, 9, 9]}],
            "clip/00003.jpg", "b/00003.jpg",
        ), "coco",
    ),
    "points far beside the picture": lambda folder: (
        coco_file(
            folder, [{"segmentation": [square(900, 10)]}, {"image_id": 2, "bbox": [1, 1, 9, 9]}],
            "clip/00003.jpg", "b/00003.jpg",
        ), "coco",
    ),
    "a mask that leaves its picture": lambda folder: (
        cvat_file(
            folder, '<image id="4" name="frame_000004"><mask label="a" rle="0,400" left="150" top="10" width="20" '
            'height="20"/><box label="b" xtl="1" ytl="1" xbr="9" ybr="9"/></image>',
        ), "cvat",
    ),
}  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_that_a_file_is_about_other_pictures_refuse_it_whole(sign: str, tmp_path: Path) -> None:
    file, format = SIGNS[sign](tmp_path)
    with pytest.raises(DataError) as told:
        list(import_labels(file, format, videos={"clip": CASE_CLIP}))
    assert "nothing of it" not in str(told.value)
