"""`veason eval` of a segmenter alone: six layouts, what is prompted and scored, going on, the official figures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veason.cli import main
from veason.cli.evaluate import TRACKING_KINDS
from veason.errors import DataError
from veason.evaluate.sequences import LAYOUTS, read_sequences
from veason.evaluate.tracking import evaluate_tracking, first_prompt
from veason.evaluate.tracking_report import summarise_gone, summarise_scores
from veason.masks import davis_palette, decode_mask, encode_mask
from veason.segmenter import load_segmenter
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, VideoSource

SIZE = (24, 32)
FRAMES = 7


def square(left: int, top: int = 4) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + 8, left : left + 8] = True
    return mask


def save_ids(file: Path, ids: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(ids.astype(np.uint8))
    picture.putpalette(davis_palette().tobytes())
    picture.save(file)


def make_dataset(root: Path, kind: str) -> None:
    """Two videos; object 1 moves one pixel a frame from frame 0 on and is gone on 4, object 2 comes on frame 2."""
    layout = LAYOUTS[kind]
    pictures, masks = (root / path.format(split=layout.split) for path in (layout.pictures, layout.masks))
    for video in ("bear", "cat"):
        for index in range(FRAMES):
            file = pictures / video / f"{index:05d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((*SIZE, 3), 30 * index, np.uint8)).save(file)
            one = square(index) if index != 4 else np.zeros(SIZE, bool)
            two = square(20, 14) if index >= 2 else np.zeros(SIZE, bool)
            if layout.stored == "binary":
                save_ids(masks / video / f"{index:05d}.png", 255 * one)
            elif layout.stored == "folders":
                save_ids(masks / video / "000" / f"{index:05d}.png", 255 * one)
                save_ids(masks / video / "001" / f"{index:05d}.png", 255 * two)
            else:
                save_ids(masks / video / f"{index:05d}.png", one + 2 * two)


class Standing:
    """A segmenter that leaves every object where it was prompted, and counts the videos."""

    def __init__(self) -> None:
        self.videos = 0

    def track(self, video: VideoSource, prompts: Sequence[Prompt], *, frames: FrameRange) -> Iterator[FrameMasks]:
        self.videos += 1
        for index in range(*frames):
            masks = {}
            for prompt in prompts:
                assert prompt.frame_index == frames[0]
                assert prompt.mask is not None
                masks[prompt.object_id] = ObjectMask(prompt.mask, 1.0)
            yield FrameMasks(index, masks)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_each_layout_says_who_is_prompted_where_and_what_is_scored(tmp_path: Path, kind: str) -> None:
    make_dataset(tmp_path, kind)
    videos = read_sequences(tmp_path, kind)
    assert [video.name for video in videos] == ["bear", "cat"]
    last = FRAMES if kind == "youtube-vos" else FRAMES - 1
    scored = {1: tuple(range(1, last)), 2: tuple(range(3, last))}
    if kind == "davis16":
        del scored[2]
    assert videos[0].scored == scored
    assert np.array_equal(videos[0].truth(1, 3), square(3))
    assert not videos[0].truth(1, 4).any()


def test_a_list_chooses_the_videos_by_name_or_by_their_files(tmp_path: Path) -> None:
    make_dataset(tmp_path, "davis16")
    listing = tmp_path / "ImageSets" / "480p" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("/JPEGImages/480p/cat/00000.jpg /Annotations/480p/cat/00000.png\n" * 2)
    assert [video.name for video in read_sequences(tmp_path, "davis16")] == ["cat"]
    listing.write_text("bear\n")
    assert [video.name for video in read_sequences(tmp_path, "davis16")] == ["bear"]
    for content, told in (
        (b"", "lists no video"),
        (b"cat bear\n", "got .'cat', 'bear'"),
        (b"\xc3(", "no list of videos"),
    ):
        listing.write_bytes(content)
        with pytest.raises(DataError, match=told):
            read_sequences(tmp_path, "davis16")
    listing.write_text("../bear\n")
    with pytest.raises(DataError, match="cannot be a path"):
        read_sequences(tmp_path, "davis16")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param("JPEGImages", "JPEGImages.*is missing", id="no pictures"),
        pytest.param("empty", "no picture shows an object", id="nothing annotated"),
        pytest.param("name", "want PNGs named as the video's frames", id="an annotation of no frame"),
    ],
)
def test_what_is_not_the_layout_is_refused(tmp_path: Path, spoil: str, message: str) -> None:
    make_dataset(tmp_path, "davis17")
    masks = tmp_path / "Annotations" / "480p" / "bear"
    if spoil == "JPEGImages":
        (tmp_path / "JPEGImages").rename(tmp_path / "Pictures")
    elif spoil == "empty":
        for index in range(FRAMES):
            save_ids(masks / f"{index:05d}.png", np.zeros(SIZE))
    else:
        (masks / "00003.png").rename(masks / "00099.png")
    with pytest.raises(DataError, match=message):
        read_sequences(tmp_path, "davis17")


def test_prompts_are_the_first_frame_s_mask_its_tight_box_and_its_middle(tmp_path: Path) -> None:
    make_dataset(tmp_path, "davis17")
    video = read_sequences(tmp_path, "davis17")[0]
    mask, box, click = (first_prompt(video, 2, kind) for kind in ("mask", "box", "click"))
    assert {prompt.frame_index for prompt in (mask, box, click)} == {2}
    assert mask.mask is not None
    assert np.array_equal(decode_mask(mask.mask), square(20, 14))
    assert box.box is not None
    assert box.box.xyxy == (20, 14, 28, 22)
    assert square(20 + 2, 14 + 2)[:22, :28][int(click.clicks[0].y), int(click.clicks[0].x)]


def test_scores_follow_from_the_masks_and_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "davis16")
    videos = read_sequences(tmp_path / "data", "davis16")
    segmenter = Standing()

    def run() -> dict:
        report = evaluate_tracking(videos, lambda: segmenter, tmp_path / "out", prompt="mask", label={"segmenter": "s"})
        return report.content

    first = run()
    overlap = [(8 - index) / (8 + index) for index in (1, 2, 3, 5)]
    assert first["scores"]["j"] == pytest.approx(100 * np.mean([*overlap[:3], 0, overlap[3]]))
    assert first["gone"] == {
        "disappearances": 2, "told_percent": 0.0, "shown_frames": 8, "called_gone_percent": 0.0,
    }  # fmt: skip
    assert segmenter.videos == 2
    assert run() == first
    assert segmenter.videos == 2
    (tmp_path / "out" / "predictions" / "cat" / "00002.png").unlink()
    assert run() == first
    assert segmenter.videos == 3
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == first
    with pytest.raises(DataError, match="another evaluation"):
        evaluate_tracking(videos, lambda: segmenter, tmp_path / "out", prompt="box", label={"segmenter": "s"})


def test_pixels_of_which_nothing_is_said_do_not_count(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "davis17")
    file = tmp_path / "data" / "Annotations" / "480p" / "bear" / "00001.png"
    ids = 1 * square(1)
    ids[4:12, 0] = 255
    save_ids(file, ids)
    video = read_sequences(tmp_path / "data", "davis17")[:1]
    report = evaluate_tracking(video, Standing, tmp_path / "out", prompt="mask", label={})
    (row,) = (row for row in report.table if row["object"] == "1")
    wanted = [7 / 8, *[(8 - index) / (8 + index) for index in (2, 3)], 0, 3 / 13]
    assert row["j"] == pytest.approx(100 * np.mean(wanted))


def test_without_further_annotations_predictions_are_made_and_nothing_is_scored(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "mose")
    for video in ("bear", "cat"):
        for index in range(1, FRAMES):
            (tmp_path / "data" / "valid" / "Annotations" / video / f"{index:05d}.png").unlink()
    videos = read_sequences(tmp_path / "data", "mose")
    report = evaluate_tracking(videos, Standing, tmp_path / "out", prompt="mask", label={})
    assert "hand in the predictions" in report.content["scores"]
    assert len(list((tmp_path / "out" / "predictions" / "bear").glob("*.png"))) == FRAMES


def test_recall_and_decay_are_davis_own() -> None:
    # davis2017-evaluation db_statistics of ten falling values: bins [0:3], [2:5], [4:8], [7:10]
    values = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    mean, recall, decay = summarise_scores(values)
    assert mean == pytest.approx(0.55)
    assert recall == pytest.approx(0.5)
    assert decay == pytest.approx(0.9 - 0.2)


def test_gone_is_told_in_time_or_not() -> None:
    row = {
        "frames": list(range(1, 31)),
        "is_gone": [False] * 5 + [True] * 10 + [False] * 5 + [True] * 10,
        "is_empty": [False] * 5 + [False] * 7 + [True] * 4 + [False] * 4 + [False] * 9 + [True],
    }
    found = summarise_gone([row])
    assert (found["disappearances"], found["told_percent"]) == (2, 50.0)
    assert found["called_gone_percent"] == pytest.approx(10.0)


def test_the_program_refuses_what_does_not_belong_to_a_segmenter_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_dataset(tmp_path / "data", "davis16")
    common = ["eval", str(tmp_path / "data"), "--kind", "davis16", "--out", str(tmp_path / "out")]
    assert main([*common, "--segmenter", "nano", "--policy", "nano", "--workers", "2"]) == 2
    assert "leave out --policy, --workers" in capsys.readouterr().err
    assert main(common) == 2
    assert "give the --segmenter" in capsys.readouterr().err


def test_the_program_tracks_with_the_embedded_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset(tmp_path / "data", "davis16")
    common = ["eval", str(tmp_path / "data"), "--kind", "davis16", "--out", str(tmp_path / "out")]
    assert main([*common, "--segmenter", "nano", "--prompt", "box"]) == 0
    said = capsys.readouterr().out
    assert "first frame's box" in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["evaluation"]["segmenter"] == "nano"
    assert report["objects"] == 2
    assert encode_mask(square(0)).counts


def test_the_command_line_offers_every_layout() -> None:
    assert tuple(LAYOUTS) == TRACKING_KINDS


CAR_FLOOR = 60.0


@pytest.mark.skipif(
    "VEASON_DAVIS" not in os.environ, reason="VEASON_DAVIS names no folder with sequences of DAVIS 2016"
)
def test_nano_photo_follows_a_real_car_to_the_end(tmp_path: Path) -> None:
    (car,) = (video for video in read_sequences(Path(os.environ["VEASON_DAVIS"]), "davis16") if "car-r" in video.name)
    report = evaluate_tracking([car], lambda: load_segmenter("nano-photo"), tmp_path, prompt="mask", label={})
    assert report.content["scores"]["j"] >= CAR_FLOOR
    assert report.content["j_since_prompt"][-1]["j"] >= CAR_FLOOR
