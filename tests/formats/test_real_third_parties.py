"""A real clip with three objects, an absence and a correction, exported and read back by software that is not ours."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.formats.made import visible
from tests.formats.test_readers import masks_of, read
from veason.formats.datasets import open_dataset
from veason.formats.exporting import export_labels
from veason.formats.labels.report import ExportReport
from veason.formats.labels.values import LabelledVideo
from veason.masks import decode_mask, encode_mask, mask_box
from veason.types import Rle

OVERLAP = "pixels where objects overlap and only the surest one is kept"

Truth = dict[tuple[int, int], Rle]


@pytest.fixture(scope="module")
def truth(real_video: LabelledVideo) -> Truth:
    found = visible(real_video)
    assert {object_id for object_id, _ in found} == {1, 2, 3}
    assert all(real_video.tracks[3][index].provenance == "absent" for index in range(3))
    assert "corrected" in {mask.provenance for mask in real_video.tracks[1].values()}
    return found


@pytest.fixture(scope="module")
def exported(real_video: LabelledVideo, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One export of every format, made when first asked for."""
    root = tmp_path_factory.mktemp("real_exports")

    class Exports(dict[str, ExportReport]):
        def __missing__(self, format: str) -> ExportReport:
            self[format] = export_labels([real_video], format, root / format)
            return self[format]

    return Exports()


@pytest.mark.parametrize("format", ["davis", "youtube-vos"])
def test_pillow_reads_palettes_and_the_lost_pixels_are_counted(format: str, exported: Any, truth: Truth) -> None:
    report = exported[format]
    lost = 0
    for file in report.out.rglob("*.png"):
        picture = np.asarray(Image.open(file))
        here = {key: decode_mask(rle) for (key, index), rle in truth.items() if index == int(file.stem)}
        for key, mask in here.items():
            assert not (picture == key)[~mask].any()
            lost += int((mask & (picture != key)).sum())
        assert np.array_equal(picture > 0, np.any(list(here.values()), axis=0)) if here else not picture.any()
    assert report.lost[OVERLAP] == lost > 0


def test_pycocotools_reads_coco_and_youtube_vis_bit_for_bit(exported: Any, truth: Truth) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(exported["coco"].out / "annotations" / "instances_train.json"))
    rows = coco.loadAnns(coco.getAnnIds())
    frames = {one["id"]: one["frame_index"] for one in coco.loadImgs(coco.getImgIds())}
    assert {
        (row["track_id"], frames[row["image_id"]]): encode_mask(coco.annToMask(row).astype(bool)) for row in rows
    } == truth
    content = json.loads((exported["youtube-vis"].out / "train" / "instances.json").read_text())
    indices = [int(Path(name).stem) for name in content["videos"][0]["file_names"]]
    assert {
        (row["track_id"], index): encode_mask(coco_mask.decode(code).astype(bool))
        for row in content["annotations"]
        for index, code in zip(indices, row["segmentations"], strict=True)
        if code is not None
    } == truth


def test_supervision_reads_coco_bit_for_bit_and_yolo_within_the_promise(exported: Any, truth: Truth) -> None:
    import supervision as sv

    out = exported["coco"].out
    coco = sv.DetectionDataset.from_coco(
        str(out / "images"), str(out / "annotations" / "instances_train.json"), force_masks=True
    )
    for path, detections in coco.annotations.items():
        wanted = [rle for (_, index), rle in sorted(truth.items()) if index == int(Path(path).stem)]
        masks = () if detections.mask is None else detections.mask  # a frame on which nothing is
        assert [encode_mask(np.asarray(mask, bool)) for mask in masks] == wanted
    out = exported["yolo-seg"].out
    places = [str(out / kind / "train" / "clip") for kind in ("images", "labels")]
    yolo = sv.DetectionDataset.from_yolo(*places, str(out / "data.yaml"), force_masks=True)
    found: dict[int, list[np.ndarray]] = {}
    for path, detections in yolo.annotations.items():
        found[int(Path(path).stem)] = [] if detections.mask is None else list(np.asarray(detections.mask, bool))
    assert exported["yolo-seg"].lowest_iou >= 0.98
    assert exported["yolo-seg"].lost["masks written as several polygons"] > 0  # so objects are compared together
    assert lowest_iou_of_frames(found, truth) >= 0.98


def lowest_iou_of_frames(found: dict[int, list[np.ndarray]], truth: Truth) -> float:
    """Return the lowest IoU of all that was found on a frame with all objects on it."""
    ious = []
    for index in {index for _, index in truth}:
        wanted = np.any([decode_mask(rle) for (_, at), rle in truth.items() if at == index], axis=0)
        seen = np.any(found[index], axis=0)
        ious.append((wanted & seen).sum() / (wanted | seen).sum())
    return float(min(ious))


@pytest.mark.parametrize("kind", ["mevis", "revos", "ref-youtube-vos"])
def test_our_benchmark_loaders_read_the_official_layouts(
    kind: str, exported: Any, truth: Truth, real_video: LabelledVideo
) -> None:
    (sample,) = open_dataset(exported[kind].out, kind, "train")
    assert sample.instruction == "all that moves"
    frames = [int(name) for name in sample.frame_names]
    for place, index in enumerate(frames):
        here = [decode_mask(rle) for (_, at), rle in truth.items() if at == index]
        wanted = np.any(here, axis=0) if here else np.zeros(real_video.size_hw, bool)
        assert np.array_equal(sample.truth(place), wanted)


def test_ffprobe_reads_the_overlay(exported: Any) -> None:
    report = exported["overlay"]
    (file,) = report.out.glob("*.mp4")
    if shutil.which("ffprobe") is None:
        pytest.skip("the ffprobe program is not installed: apt-get install ffmpeg")
    fields = ["-show_entries", "stream=codec_name,nb_read_frames", "-of", "json"]
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", *fields, str(file)]
    (stream,) = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    assert stream == {"codec_name": "h264", "nb_read_frames": str(report.counts["frames"])}


def test_datasets_and_pandas_read_the_bundle_and_the_training_sets(exported: Any, truth: Truth, tmp_path: Path) -> None:
    import datasets
    import pandas as pd

    files = {
        "veason": ("json", exported["veason"].out / "labels.jsonl"),
        "sft": ("json", exported["sft"].out / "veason_sft.json"),
        "grpo": ("parquet", exported["grpo"].out / "train.parquet"),
    }
    (bundle,), (sft,), (grpo,) = (
        datasets.load_dataset(kind, data_files=str(file), split="train", cache_dir=str(tmp_path))
        for kind, file in files.values()
    )
    found = {(one["object_id"], one["frame_index"]): Rle(tuple(one["size"]), one["counts"]) for one in bundle["masks"]}
    assert {place: rle for place, rle in found.items() if decode_mask(rle).any()} == truth
    assert "one has a shadow" in sft["conversations"][1]["value"]
    assert sft["conversations"][0]["value"].count("<image>") == len(sft["images"])
    assert len(grpo["images"]) == len(pd.read_parquet(files["grpo"][1]).images[0])
    assert list(pd.read_json(files["veason"][1], lines=True).reasoning_state) == ["edited"]


@pytest.mark.parametrize(
    ("reader", "format"),
    [("datumaro_coco", "coco"), ("datumaro_cvat_masks", "cvat"), ("label_studio", "label-studio")],
)
def test_other_programs_read_masks_bit_for_bit(
    reader: str,
    format: str,
    python: str,
    exported: Any,
    truth: Truth,
) -> None:
    assert masks_of(read(python, reader, exported[format].out)) == truth


def test_other_programs_read_boxes_polygons_and_samples(
    python: str,
    exported: Any,
    truth: Truth,
) -> None:
    boxes = read(python, "datumaro_cvat_boxes", exported["cvat"].out)
    seen = {(group, frame): points for group, _, frame, points, outside, _ in boxes if not outside}
    assert seen == {place: list(mask_box(rle).xyxy) for place, rle in truth.items()}
    polygons: dict[int, list[np.ndarray]] = {}
    for _, frame, code in read(python, "ultralytics", exported["yolo-seg"].out):
        polygons.setdefault(frame, []).append(decode_mask(Rle(tuple(code["size"]), code["counts"])))
    assert lowest_iou_of_frames(polygons, truth) >= 0.98
    ((roles, files, text),) = read(python, "llama_factory", exported["sft"].out)
    assert roles == ["user", "assistant"]
    assert all(Path(file).is_file() for file in files)
    assert "one has a shadow" in text
