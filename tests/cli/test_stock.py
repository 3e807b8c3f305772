"""What may be kept is said in megabytes; --stock keeps nothing, and gives the same masks."""

import argparse
from pathlib import Path

import pytest

from tests.cli.test_ask import answer_text, ask, clip, recording
from tests.policy.conftest import TINY
from tests.segmenter.clips import BOX, write_clip
from tests.tiny_qwen import save_tiny_qwen
from veason.cli import BAD_INPUT, build_parser, main
from veason.cli.options import pipeline_from_args, read_budgets, read_speedups
from veason.policy import load_policy
from veason.policy.qwen import QwenPolicy
from veason.profile import PROFILE_FILE, write_profile
from veason.segmenter import load_segmenter
from veason.segmenter.counters import count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Budgets, ModelOptions, Prompt, Speedups

__all__ = ["clip"]


def parsed(*options: str) -> argparse.Namespace:
    return build_parser().parse_args(["ask", "clip.mp4", "the ball", *options])


def test_stock_and_the_fast_way_write_the_same_masks(clip: Path, tmp_path: Path) -> None:
    policy = recording(tmp_path, answer_text([[34, 30, 64, 60], [80, 10, 110, 40]]))
    assert ask(clip, policy, tmp_path / "fast", "--device", "cpu") == 0
    assert ask(clip, policy, tmp_path / "stock", "--device", "cpu", "--stock") == 0
    masks = {}
    for way in ("fast", "stock"):
        files = sorted((tmp_path / way / "Annotations" / "slide").iterdir())
        masks[way] = [file.read_bytes() for file in files]
    assert len(masks["fast"]) == 12
    assert masks["fast"] == masks["stock"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], Budgets(), id="nothing said"),
        pytest.param(["--stock"], Budgets.nothing(), id="stock"),
        pytest.param(["--feature-memory", "64"], Budgets(feature_memory=64), id="memory"),
        pytest.param(
            ["--feature-gpu", "8", "--feature-disk", "9", "--track-memory", "7", "--prefix-memory", "0"],
            Budgets(feature_gpu=8, feature_disk=9, tracks=7, prefix=0),
            id="all others",
        ),
        pytest.param(["--stock", "--feature-memory", "64"], Budgets.nothing(), id="stock wins"),
    ],
)
def test_options_say_what_may_be_kept(options: list[str], expected: Budgets) -> None:
    assert read_budgets(parsed(*options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], Speedups(), id="nothing said"),
        pytest.param(["--speedups", "batched"], Speedups(batched=True), id="one"),
        pytest.param(
            ["--speedups", "static-cache", "batched", "compiled"], Speedups(True, batched=True, compiled=True), id="all"
        ),
        pytest.param(["--speedups", "batched", "--stock"], Speedups(), id="stock wins"),
    ],
)
def test_speedups_with_other_last_bits_are_off_unless_asked_for(options: list[str], expected: Speedups) -> None:
    assert read_speedups(parsed(*options)) == expected


def test_objects_are_batched_and_decoding_is_static_where_the_command_line_says_so(tmp_path: Path) -> None:
    folder = save_tiny_qwen(tmp_path / "policy")
    write_profile(TINY, folder / PROFILE_FILE)
    options = parsed("--policy", str(folder), "--device", "cpu", "--speedups", "static-cache", "batched")
    pipeline = pipeline_from_args(options)
    assert isinstance(pipeline.policy, QwenPolicy)
    assert isinstance(pipeline.segmenter, Sam2Segmenter)
    boxes = [Prompt(1, 2, box=BOX), Prompt(2, 2, box=Box(55, 45, 75, 65))]
    with count_calls(pipeline.segmenter.model) as counter:
        list(pipeline.propagate(write_clip(tmp_path), boxes, order="nearest"))
    assert counter.calls.attention == 5
    assert pipeline.policy._static is not None


@pytest.mark.parametrize("amount", ["-1", "1.5", "1GB", ""])
def test_a_budget_that_is_no_whole_number_is_refused(amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ask", "clip.mp4", "the ball", "--feature-memory", amount])
    assert caught.value.code == BAD_INPUT
    assert "whole number of megabytes" in capsys.readouterr().err


def test_a_segmenter_holds_what_its_budgets_say() -> None:
    kept = Budgets(feature_memory=3, feature_disk=2, tracks=1)
    segmenter = load_segmenter("nano", ModelOptions(device="cpu", budgets=kept))
    assert isinstance(segmenter, Sam2Segmenter)
    assert segmenter.features is not None
    assert (segmenter.features.budget.ram, segmenter.features.budget.disk) == (3 << 20, 2 << 20)
    assert segmenter.memories is not None
    assert segmenter.memories.budget_bytes == 1 << 20
    bare = load_segmenter("nano", ModelOptions(device="cpu", budgets=Budgets.nothing()))
    assert isinstance(bare, Sam2Segmenter)
    assert (bare.features, bare.memories) == (None, None)


def test_recorded_answers_need_no_budget(tmp_path: Path) -> None:
    assert load_policy(recording(tmp_path, answer_text([])), ModelOptions(budgets=Budgets.nothing())).name == "scripted"
