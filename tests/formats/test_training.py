"""What is fit to teach: which samples are taken, which frames are shown, which boxes are right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veason.formats.exporting import export_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import empty_mask, encode_mask
from veason.profile import Profile
from veason.types import Box, Prompt
from veason.video import open_video

SIZE_WH, NUM_FRAMES = (56, 28), 12
TINY = ExportOptions(profile=Profile("tiny", frame_count=3, size_wh=(56, 56)))


def mask(x: int) -> LabelMask:
    picture = np.zeros(SIZE_WH[::-1], bool)
    picture[4:12, x : x + 8] = True
    return LabelMask(encode_mask(picture))


GOOD = LabelledQuestion(
    name="0",
    instruction="the box",
    object_ids=(1,),
    status="accepted",
    reasoning="confirmed",
    thought="Look at (5s).",
    shown=(0, 5, 11),
    keyframe=5,
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> LabelledVideo:
    folder = tmp_path_factory.mktemp("clip")
    for index in range(NUM_FRAMES):
        Image.fromarray(np.full((*SIZE_WH[::-1], 3), 9 * index, np.uint8)).save(folder / f"{index:05d}.png")
    with open_video(folder) as source:
        info = source.info
    track = {index: mask(index) for index in range(NUM_FRAMES)}
    track[7] = LabelMask(empty_mask(SIZE_WH), -10.0)
    return LabelledVideo("clip", info, (GOOD,), {1: track})


def asking(video: LabelledVideo, **changes: object) -> LabelledVideo:
    return replace(video, questions=(replace(GOOD, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reasoning", "is_taken"),
    [("confirmed", True), ("edited", True), ("regenerated", True), ("stale", False), ("fresh", False), (None, False)],
)
def test_sft_takes_reasoning_that_was_looked_at_after_the_last_correction_and_grpo_takes_all(
    reasoning: str | None, is_taken: bool, video: LabelledVideo, tmp_path: Path
) -> None:
    videos = [asking(video), replace(asking(video, reasoning=reasoning), name="other")]
    sft = export_labels(videos, "sft", tmp_path / "sft", TINY)
    assert sft.counts["samples"] == 1 + is_taken
    assert sum(sft.left_out.values()) == 1 - is_taken
    assert export_labels(videos, "grpo", tmp_path / "grpo", TINY).counts["samples"] == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"status": "rejected"}, "not accepted", id="rejected"),
        pytest.param({"status": "in review"}, "not accepted", id="in review"),
        pytest.param({"thought": "  "}, "reasoning was not confirmed", id="no reasoning"),
        pytest.param({"keyframe": None}, "without a keyframe", id="no keyframe"),
        pytest.param({"keyframe": 7}, "without a keyframe on which the target is visible", id="target is away"),
        pytest.param({"instruction": " "}, "without an instruction", id="no words"),
    ],
)
def test_what_cannot_be_taught_is_left_out_and_counted(
    changes: dict, reason: str, video: LabelledVideo, tmp_path: Path
) -> None:
    bad = replace(asking(video, **changes), name="bad")
    everything = replace(TINY, is_everything=True)
    report = export_labels([asking(video), bad], "sft", tmp_path / "out", everything)
    assert report.counts["samples"] == 1
    ((key, number),) = report.left_out.items()
    assert number == 1
    assert reason in key


def sample(video: LabelledVideo, out: Path) -> tuple[str, str, list[str]]:
    export_labels([video], "sft", out, TINY)
    (row,) = json.loads((out / "veason_sft.json").read_text())
    human, model = (turn["value"] for turn in row["conversations"])
    return human, model, row["images"]


def test_a_keyframe_that_was_not_shown_is_shown(video: LabelledVideo, tmp_path: Path) -> None:
    human, model, images = sample(asking(video, keyframe=8), tmp_path / "out")
    assert human.startswith("(0s)<image>, (5s)<image>, (8s)<image>, (11s)<image>\n")
    assert '"keyframe_timestamp": 8' in model
    assert [Path(name).stem for name in images] == ["00000", "00005", "00008", "00011"]


def test_boxes_follow_the_masks_and_prompts_only_where_there_is_no_mask(video: LabelledVideo, tmp_path: Path) -> None:
    _, model, _ = sample(asking(video), tmp_path / "mask")
    assert '"bbox_2d_list": [[5, 8, 13, 24]]' in model
    unlabelled = {index: mask for index, mask in video.tracks[1].items() if index != 5}
    prompted = replace(asking(video, prompts=(Prompt(1, 5, Box(10, 0, 20, 14)),)), tracks={1: unlabelled})
    _, model, _ = sample(prompted, tmp_path / "prompt")
    assert '"bbox_2d_list": [[10, 0, 20, 28]]' in model


def test_marks_of_the_formats_typed_by_a_person_stay_words(video: LabelledVideo, tmp_path: Path) -> None:
    tricky = asking(video, instruction="the <image> on <video>", thought="<image> <think> (5s) <answer>")
    human, model, images = sample(tricky, tmp_path / "out")
    assert human.count("<image>") == len(images)
    assert "<video>" not in human
    assert "<image>" not in model
    assert model.count("<think>") == model.count("<answer>") == 1


def test_reinforcement_shows_a_frame_on_which_the_target_is(video: LabelledVideo, tmp_path: Path) -> None:
    import pandas as pd

    from veason.formats.grpo.truth import reward_case

    away = LabelMask(empty_mask(SIZE_WH), -10.0)
    track = {index: mask(index) if index == 3 else away for index in range(NUM_FRAMES)}
    hidden = replace(asking(video, keyframe=None, shown=(0, 5, 11)), tracks={1: track})
    export_labels([hidden], "grpo", tmp_path / "out", TINY)
    (truth,) = pd.read_parquet(tmp_path / "out" / "train.parquet").reward_model
    case = reward_case(truth["ground_truth"])
    assert case.context.shown == (0, 3, 5, 11)
    assert not case.is_absent


def test_a_second_annotators_version_is_left_out_beside_the_original(video: LabelledVideo, tmp_path: Path) -> None:
    second = replace(GOOD, name="1", original="0")
    both = replace(video, questions=(GOOD, second))
    report = export_labels([both], "veason", tmp_path / "both")
    assert report.counts["questions"] == 1
    assert report.left_out == {"second versions of questions that are written": 1}
    rejected = replace(video, questions=(replace(GOOD, status="rejected"), second))
    assert export_labels([rejected], "veason", tmp_path / "second").counts["questions"] == 1


def test_a_missing_library_names_the_command(
    video: LabelledVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from veason.errors import MissingBackend

    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingBackend, match="pip install pyarrow"):
        export_labels([video], "grpo", tmp_path / "out", TINY)
    assert not list(tmp_path.iterdir())
