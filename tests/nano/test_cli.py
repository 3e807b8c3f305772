"""`veason nano`: datasets that open, examples whose recorded answers are true, help without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from veason.answer import context_for, parse_answer
from veason.boxes import box_iou, boxes_array, match_boxes
from veason.cli import MISSING, main
from veason.formats.datasets import open_dataset
from veason.hub import ASSETS
from veason.policy.scripted import load_recordings
from veason.video import open_video
from veason_nano.cli import EXAMPLE_STYLES
from veason_nano.dataset import FIRST_SEEDS, clip_seed
from veason_nano.examples import CLIPS, SIZE_WH, example_scene, find_question
from veason_nano.language.corpus import Style
from veason_nano.world.facts import Facts
from veason_nano.world.view import look_at


def test_world_writes_a_revos_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nano", "world", str(tmp_path), "--clips", "2", "--seed", "7", "--longest", "20"]) == 0
    dataset = open_dataset(tmp_path, "revos")
    assert len({sample.video for sample in dataset}) == 2
    assert len(dataset) >= 5
    for sample in dataset:
        if sample.type != "absent":
            assert any(sample.truth(index).any() for index in range(len(sample.frame_names)))
    assert "2 clips" in capsys.readouterr().out


def test_splits_do_not_share_seeds() -> None:
    taken = {clip_seed(split, seed, number) for split in FIRST_SEEDS for seed in (0, 7, 99) for number in range(500)}
    assert len(taken) == 3 * 3 * 500


def test_an_unknown_stage_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nano", "train", "nothing"])
    assert "multi" in capsys.readouterr().err


def test_an_unknown_style_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert get_args(Style) == EXAMPLE_STYLES
    with pytest.raises(SystemExit):
        main(["nano", "draw", "nowhere", "--style", "no-reason"])
    assert "no-reasoning" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["score", "nowhere"], id="score"),
        pytest.param(["train", "sft", "--start", "nowhere", "--out", "runs"], id="train sft"),
        pytest.param(["train", "grpo", "--start", "nowhere", "--out", "runs"], id="train grpo"),
    ],
)
def test_weights_that_are_not_there_are_missed_in_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["nano", *words]) == MISSING
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("missing: there are no weights in nowhere: ")


def test_weights_that_cannot_be_read_are_missed_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert main(["nano", "score", str(tmp_path)]) == MISSING
    assert "cannot read the weights" in capsys.readouterr().err


def test_the_examples_list_names_files_that_open() -> None:
    rows = json.loads((ASSETS / "examples" / "examples.json").read_text())
    assert [row["file"] for row in rows] == [clip.file for clip in CLIPS]
    for row in rows:
        file = ASSETS / "examples" / row["file"]
        assert file.stat().st_size < 400_000
        with open_video(file) as video:
            assert (video.info.num_frames, video.info.size_wh) == (96, SIZE_WH)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: Path(clip.file).stem)
def test_recorded_answers_are_true_of_the_clip(clip) -> None:
    view = look_at(Facts(example_scene(clip)), SIZE_WH)
    recordings = [
        one for one in load_recordings(ASSETS / "examples" / "recordings.json") if one.video == Path(clip.file).stem
    ]
    assert {one.instruction for one in recordings} == set(clip.asks)
    for one in recordings:
        question = find_question(view, one.instruction)
        context = context_for(one.profile, one.shown, num_frames=one.num_frames, source_wh=SIZE_WH)
        answer = parse_answer("".join(piece.text for piece in one.pieces), context)
        assert one.shown == view.shown
        assert answer.is_absent == (not question.targets)
        if question.targets:
            place = view.shown.index(answer.keyframe)
            truth = boxes_array([view.box(actor, place) for actor in question.targets])
            table = box_iou(boxes_array(answer.boxes), truth)
            assert len(answer.boxes) == len(truth)
            assert all(table[pair] > 0.9 for pair in match_boxes(table))
