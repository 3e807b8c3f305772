"""Every export read back by software that is not ours: masks equal bit for bit where the format can hold them."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.formats.made import AWAY, FIRST, KEYFRAME, LAST, NEARLY_AWAY, NUM_FRAMES, SIZE_WH, shape, visible
from veason.answer import parse_answer
from veason.formats.datasets import open_dataset
from veason.formats.exporting import export_labels
from veason.formats.grpo.truth import reward_case
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import ExportReport
from veason.formats.labels.values import LabelledVideo
from veason.masks import coco_dict, davis_palette, decode_mask, mask_area, mask_box
from veason.profile import GENERIC
from veason.rewards import EXTENDED, total_reward

FRAMES = range(FIRST, LAST)
NAMES = [f"{index:05d}" for index in FRAMES]


@pytest.fixture(scope="session")
def exported(videos: list[LabelledVideo], tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    """One export of every format, made when first asked for."""
    root = tmp_path_factory.mktemp("exports")

    class Exports(dict[str, ExportReport]):
        def __missing__(self, format: str) -> ExportReport:
            self[format] = export_labels(videos, format, root / format)
            return self[format]

    return Exports()


@pytest.fixture(scope="session")
def truth(videos: list[LabelledVideo]) -> dict[tuple[int, int], np.ndarray]:
    """The accepted masks with a pixel, by (object id, frame index)."""
    return {place: decode_mask(rle) for place, rle in visible(videos[0]).items()}


def test_the_labels_have_what_is_hard(truth: dict[tuple[int, int], np.ndarray]) -> None:
    objects = {object_id for object_id, _ in truth}
    assert len(objects) == 4  # three of one question; a fourth is another question's version of the first
    assert not any((2, index) in truth for index in range(*AWAY))
    assert (2, AWAY[0] - 1) in truth
    assert (2, AWAY[1]) in truth
    assert not np.array_equal(truth[1, 50], shape(1, 50))
    assert (truth[1, 21] & truth[2, 21]).any()


@pytest.mark.parametrize(
    ("format", "masks", "pictures"),
    [
        ("davis", "Annotations/Full-Resolution/hide", "JPEGImages/Full-Resolution/hide"),
        ("youtube-vos", "train/Annotations/hide", "train/JPEGImages/hide"),
    ],
)
def test_pillow_reads_palettes_in_which_the_surest_object_wins(
    format: str,
    masks: str,
    pictures: str,
    exported: dict[str, ExportReport],
    truth: dict[tuple[int, int], np.ndarray],
    videos: list[LabelledVideo],
) -> None:
    report = exported[format]
    files = sorted((report.out / masks).iterdir())
    assert [file.stem for file in files] == NAMES
    lost = 0
    for file in files:
        picture = Image.open(file)
        assert (picture.mode, picture.size) == ("P", SIZE_WH)
        assert picture.getpalette()[:768] == davis_palette().ravel().tolist()
        index = int(file.stem)
        here = {key: mask for (key, frame), mask in truth.items() if frame == index}
        scores = {key: videos[0].tracks[key][index].score for key in here}
        wanted = np.zeros(SIZE_WH[::-1], np.uint8)
        for key in sorted(here, key=lambda key: (scores[key], -key)):
            wanted[here[key]] = key
        lost += sum(int(mask.sum()) for mask in here.values()) - int((wanted > 0).sum())
        assert np.array_equal(np.asarray(picture), wanted)
        assert Image.open(report.out / pictures / f"{file.stem}.jpg").size == SIZE_WH
    assert report.lost == {
        "pixels where objects overlap and only the surest one is kept": lost,
        "marks that an object is occluded (the format cannot hold them)": len(range(*NEARLY_AWAY)),
        "masks that lie wholly under surer ones": len(FRAMES) - 1,  # two are about one disc; one is corrected
        "names of the models that labelled an instruction (they are in the file about the export alone)": sum(
            bool(one.policy or one.segmenter) for one in videos[0].questions if one.is_accepted
        ),
    }
    assert report.counts["masks"] == len(truth) - (len(FRAMES) - 1)
    assert lost > 0


def test_pycocotools_reads_coco(exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray]) -> None:
    out = exported["coco"].out
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(out / "annotations" / "instances_train.json"))
    found = {}
    for row in coco.loadAnns(coco.getAnnIds()):
        (image,) = coco.loadImgs(row["image_id"])
        mask = coco.annToMask(row).astype(bool)
        found[row["track_id"], image["frame_index"]] = mask
        assert row["area"] == mask.sum()
        assert (out / "images" / image["file_name"]).is_file()
    assert found.keys() == truth.keys()
    assert all(np.array_equal(found[place], truth[place]) for place in truth)
    assert len(coco.getImgIds()) == len(FRAMES)


def test_supervision_reads_coco(exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray]) -> None:
    import supervision as sv

    out = exported["coco"].out
    dataset = sv.DetectionDataset.from_coco(
        str(out / "images"), str(out / "annotations" / "instances_train.json"), force_masks=True
    )
    assert set(dataset.classes) == {"object", "ring & more"}
    assert len(dataset.annotations) == len(FRAMES)
    for path, detections in dataset.annotations.items():
        masks = [mask for (_, index), mask in sorted(truth.items()) if index == int(Path(path).stem)]
        assert np.array_equal(np.asarray(detections.mask), np.stack(masks))


def test_pycocotools_reads_youtube_vis(
    exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray]
) -> None:
    content = json.loads((exported["youtube-vis"].out / "train" / "instances.json").read_text())
    (video,) = content["videos"]
    assert [Path(name).stem for name in video["file_names"]] == NAMES
    found = {}
    for row in content["annotations"]:
        assert len(row["segmentations"]) == len(row["bboxes"]) == len(row["areas"]) == video["length"]
        for index, code in zip(FRAMES, row["segmentations"], strict=True):
            if code is not None:
                found[row["track_id"], index] = coco_mask.decode(code).astype(bool)
    assert found.keys() == truth.keys()
    assert all(np.array_equal(found[place], truth[place]) for place in truth)


@pytest.mark.parametrize("kind", ["mevis", "revos"])
def test_our_benchmark_loaders_read_the_referring_formats(
    kind: str, exported: dict[str, ExportReport], videos: list[LabelledVideo]
) -> None:
    dataset = open_dataset(exported[kind].out, kind, "train")
    accepted = {question.name: question for question in videos[0].questions if question.is_accepted}
    assert {sample.expression_id: sample.instruction for sample in dataset} == {
        name: question.instruction for name, question in accepted.items()
    }
    for sample in dataset:
        assert sample.frame_names == tuple(NAMES)
        ids = accepted[sample.expression_id].object_ids
        assert sample.object_ids == tuple(map(str, ids))
        for place, index in enumerate(FRAMES):
            for object_id in ids:
                mask = videos[0].tracks[object_id][index]
                stored = sample.object_truth(place)[str(object_id)]
                assert stored == (None if mask.is_empty else mask.rle)


def test_our_benchmark_loader_reads_ref_youtube_vos(
    exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray]
) -> None:
    report = exported["ref-youtube-vos"]
    dataset = open_dataset(report.out, "ref-youtube-vos", "train")
    assert [(sample.instruction, sample.object_ids) for sample in dataset] == [
        ("the round thing", ("4",)),
        ("the <image>", ("3",)),
    ]
    sample = dataset[0]
    assert np.array_equal(sample.truth(NAMES.index("00050")), truth[4, 50])
    assert report.left_out["instructions about absent targets (the format cannot hold them)"] == 1
    assert len(report.left_out) == 3


def test_supervision_reads_yolo_and_no_mask_is_worse_than_promised(
    exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray]
) -> None:
    import supervision as sv

    report = exported["yolo-seg"]
    out = report.out
    dataset = sv.DetectionDataset.from_yolo(
        str(out / "images" / "train" / "hide"), str(out / "labels" / "train" / "hide"), str(out / "data.yaml"),
        force_masks=True,
    )  # fmt: skip
    assert dataset.classes == ["object", "ring & more"]
    assert len(dataset.annotations) == len(FRAMES)
    worst, added, missed = 1.0, 0, 0
    for path, detections in dataset.annotations.items():
        masks = [mask for (_, index), mask in sorted(truth.items()) if index == int(Path(path).stem)]
        assert len(detections) == len(masks)
        for read, mask in zip(np.asarray(detections.mask).astype(bool), masks, strict=True):
            worst = min(worst, (read & mask).sum() / (read | mask).sum())
            added += int((read & ~mask).sum())
            missed += int((mask & ~read).sum())
    assert worst >= 0.98
    assert report.lowest_iou == pytest.approx(worst)
    assert report.lost.get("pixels added by polygons", 0) == added
    assert report.lost.get("pixels missed by polygons", 0) == missed


def test_pyav_and_ffprobe_read_the_overlay(exported: dict[str, ExportReport]) -> None:
    file = exported["overlay"].out / "hide.mp4"
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", *SIZE_WH)
        assert sum(1 for _ in container.decode(stream)) == len(FRAMES)
    if shutil.which("ffprobe") is None:
        pytest.skip("the ffprobe program is not installed: apt-get install ffmpeg")
    fields = "stream=codec_name,pix_fmt,nb_read_frames,r_frame_rate"
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        "v",
        "-show_entries",
        fields,
        "-of",
        "json",
    ]
    (stream,) = json.loads(subprocess.run([*command, str(file)], check=True, capture_output=True).stdout)["streams"]
    assert stream == {
        "codec_name": "h264",
        "pix_fmt": "yuv420p",
        "r_frame_rate": "24/1",
        "nb_read_frames": str(len(FRAMES)),
    }


def test_pandas_and_datasets_read_the_bundle(
    exported: dict[str, ExportReport], truth: dict[tuple[int, int], np.ndarray], tmp_path: Path
) -> None:
    import datasets
    import pandas as pd

    file = exported["veason"].out / "labels.jsonl"
    table = pd.read_json(file, lines=True)
    rows = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path))
    assert list(table.instruction) == list(rows["instruction"])
    assert list(table.reasoning_state) == ["edited", "stale", "confirmed", "confirmed"]
    for row in rows:
        for mask in row["masks"]:
            place = (mask["object_id"], mask["frame_index"])
            read = coco_mask.decode({"size": mask["size"], "counts": mask["counts"]}).astype(bool)
            assert np.array_equal(read, truth.get(place, np.zeros_like(read)))
    marked = {mask["frame_index"] for mask in rows[0]["masks"] if mask["provenance"] == "absent"}
    assert marked == set(range(*AWAY))
    (corrected,) = [mask for mask in rows[0]["masks"] if mask["provenance"] == "corrected"]
    assert (corrected["object_id"], corrected["frame_index"]) == (1, 50)
    by_hand = [prompt for prompt in rows[0]["prompts"] if prompt["is_by_hand"]]
    assert [click["is_positive"] for click in by_hand[0]["clicks"]] == [True, False]


def test_datasets_reads_sft_and_only_checked_reasoning_is_in_it(
    exported: dict[str, ExportReport], videos: list[LabelledVideo], tmp_path: Path
) -> None:
    import datasets

    report = exported["sft"]
    entry = json.loads((report.out / "dataset_info.json").read_text())["veason_sft"]
    rows = datasets.load_dataset(
        "json", data_files=str(report.out / entry["file_name"]), split="train", cache_dir=str(tmp_path)
    )
    assert dict(report.counts) == {"samples": 3}
    assert report.left_out == {
        "questions that are not accepted (training takes no others)": 2,
        "questions whose reasoning was not confirmed, edited or regenerated after the last correction": 1,
    }
    texts = [[turn["value"] for turn in row[entry["columns"]["messages"]]] for row in rows]
    for row, (human, _) in zip(rows, texts, strict=True):
        files = [report.out / name for name in row[entry["columns"]["images"]]]
        assert human.count("<image>") == len(files)
        assert all(Image.open(file).size == GENERIC.size_wh for file in files)
    things, otter, mark = (model for _, model in texts)
    assert "one is back" in things
    assert '"keyframe_timestamp": null, "bbox_2d_list": []' in otter
    assert "< image> at (41s)" in mark
    assert '"keyframe_timestamp": 30' in mark


def test_sft_boxes_are_those_of_the_masks(exported: dict[str, ExportReport], videos: list[LabelledVideo]) -> None:
    from veason.answer import context_for

    rows = json.loads((exported["sft"].out / "veason_sft.json").read_text())
    context = context_for(GENERIC, (0, 41), num_frames=NUM_FRAMES, source_wh=SIZE_WH)
    answer = parse_answer(rows[0]["conversations"][1]["value"], context)
    assert answer.keyframe == KEYFRAME
    assert AWAY[0] <= KEYFRAME < AWAY[1]  # object 2 is out of sight there, so only two boxes are right
    wanted = [mask_box(videos[0].tracks[object_id][KEYFRAME].rle) for object_id in (1, 3)]
    for box, right in zip(answer.boxes, wanted, strict=True):
        assert right is not None
        assert np.allclose(box.xyxy, right.xyxy, atol=1.2)


def test_pandas_and_datasets_read_grpo_and_the_right_answer_earns_all_of_it(
    exported: dict[str, ExportReport], tmp_path: Path
) -> None:
    import datasets
    import pandas as pd

    report = exported["grpo"]
    file = report.out / "train.parquet"
    table = pd.read_parquet(file)
    rows = datasets.load_dataset("parquet", data_files=str(file), split="train", cache_dir=str(tmp_path))
    assert report.counts["samples"] == len(table) == len(rows) == 4
    assert report.left_out == {"questions that are not accepted (training takes no others)": 2}
    for row in table.to_dict("records"):
        system, user = row["prompt"]
        assert (system["role"], user["role"]) == ("system", "user")
        assert user["content"].count("<image>") == len(row["images"])
        assert Image.open(io.BytesIO(row["images"][0]["bytes"])).size == GENERIC.size_wh
        case = reward_case(row["reward_model"]["ground_truth"])
        assert set(case.context.shown) <= set(range(NUM_FRAMES))
    case = reward_case(table.reward_model[0]["ground_truth"])
    assert case.context.shown == (0, 13, 27, 41, 54, 67, 81, 95)
    assert [sorted(masks) for masks in case.objects] == [[27, 41, 54], [27, 54], [27, 41, 54]]
    assert reward_case(table.reward_model[2]["ground_truth"]).is_absent
    answer = json.loads((exported["sft"].out / "veason_sft.json").read_text())[1]["conversations"][1]["value"]
    right = total_reward(answer, reward_case(table.reward_model[2]["ground_truth"]), None, EXTENDED)
    assert right.format.value == right.keyframe.value == right.boxes.value == 1.0


def test_label_studio_keeps_masks_apart_by_label(exported: dict[str, ExportReport]) -> None:
    tasks = json.loads((exported["label-studio"].out / "frames.json").read_text())
    assert [task["data"]["frame"] for task in tasks] == list(FRAMES)
    labels = {row["value"]["brushlabels"][0] for task in tasks for row in task["annotations"][0]["result"]}
    assert labels == {"object 1", "object 2", "ring & more 3", "object 4"}


def test_every_report_lists_its_files_and_says_what_was_left_out(exported: dict[str, ExportReport]) -> None:
    report = exported["coco"]
    written = json.loads((report.out / "veason_export.json").read_text())
    assert written["counts"]["masks"] == report.counts["masks"] == 4 * len(FRAMES) - (AWAY[1] - AWAY[0])
    assert all((report.out / file).is_file() for file in written["files"])
    assert "left out: 2 questions that are not accepted" in report.lines()


def test_everything_is_taken_where_it_is_asked_for(videos: list[LabelledVideo], tmp_path: Path) -> None:
    report = export_labels(videos, "coco", tmp_path / "out", ExportOptions(is_everything=True, has_pictures=False))
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert len(content["expressions"]) == 6
    assert not report.left_out
    areas = [row["area"] for row in content["annotations"]]
    assert areas == [mask_area_of(row) for row in content["annotations"]]


def mask_area_of(row: dict) -> int:
    from veason.masks import rle_from_coco

    rle = rle_from_coco(row["segmentation"])
    assert coco_dict(rle) == row["segmentation"]
    return mask_area(rle)
