"""`veason ask` and `veason track` from end to end: the files they leave, and the exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veason.cli import BAD_INPUT, CANCELLED, MISSING, NO_ANSWER, main
from veason.video import VideoWriter, open_video

QUESTION = "the red square"
NUM_FRAMES = 12
SHOWN = [0, 1, 3, 4, 6, 7, 9, 11]


def answer_text(boxes: list[list[int]]) -> str:
    answer = json.dumps({"keyframe_timestamp": 4, "bbox_2d_list": boxes})
    return f"<think>A red square slides to the right.</think>\n<answer>{answer}</answer>"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A red square that slides over grey."""
    path = tmp_path / "slide.mp4"
    with VideoWriter(path, (128, 96), 12) as writer:
        for index in range(NUM_FRAMES):
            picture = np.full((96, 128, 3), 120, np.uint8)
            picture[30:60, 10 + 6 * index : 40 + 6 * index] = (220, 40, 40)
            writer.write(picture)
    return path


def recording(folder: Path, text: str, num_frames: int = NUM_FRAMES) -> str:
    """Write an answer down as a recording; its boxes are in source pixels."""
    record = {
        "instruction": QUESTION,
        "num_frames": num_frames,
        "shown": SHOWN,
        "space_wh": [128, 96],
        "source_wh": [128, 96],
        "pieces": [[0.0, text]],
    }
    path = folder / "recording.json"
    path.write_text(json.dumps({"records": [record]}))
    return f"scripted:{path}"


def ask(clip: Path, policy: str, out: Path, *more: str) -> int:
    return main(["ask", str(clip), QUESTION, "--policy", policy, "--segmenter", "nano", "--out", str(out), *more])


def test_ask_leaves_masks_overlay_and_the_whole_story(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    policy = recording(tmp_path, answer_text([[34, 30, 64, 60]]))
    assert ask(clip, policy, out, "--json", "--device", "cpu") == 0
    result = json.loads((out / "result.json").read_text())
    printed = capsys.readouterr()
    assert json.loads(printed.out) == result
    assert "slides to the right" in printed.err
    assert "keyframe 4" in printed.err
    assert (result["keyframe"], result["frames_shown"], result["boxes_xyxy"]) == (4, SHOWN, [[34, 30, 64, 60]])
    assert (result["num_frames"], result["absent"], result["instruction"]) == (NUM_FRAMES, False, QUESTION)
    assert list(result["objects"][0]["frames"]) == [str(index) for index in range(NUM_FRAMES)]
    masks = sorted((out / "Annotations" / "slide").iterdir())
    assert [path.name for path in masks] == [f"{index:05d}.png" for index in range(NUM_FRAMES)]
    with Image.open(masks[4]) as mask:
        assert (mask.mode, mask.size) == ("P", (128, 96))
        assert int((np.asarray(mask) == 1).sum()) == result["objects"][0]["frames"]["4"]["area"]
    with open_video(out / "overlay.mp4") as overlay:
        assert overlay.info.num_frames == NUM_FRAMES


def test_a_range_does_only_its_frames(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ask(clip, recording(tmp_path, answer_text([[34, 30, 64, 60]])), out, "--range", "3:6") == 0
    assert sorted(path.stem for path in (out / "Annotations" / "slide").iterdir()) == ["00003", "00004", "00005"]


def test_an_absent_target_is_no_failure_and_leaves_no_mask(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ask(clip, recording(tmp_path, answer_text([])), out) == 0
    assert json.loads((out / "result.json").read_text())["absent"] is True
    assert not (out / "Annotations").exists()


def test_an_unusable_answer_exits_3_and_keeps_the_raw_text(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ask(clip, recording(tmp_path, "I would rather not say."), out) == NO_ANSWER
    result = json.loads((out / "result.json").read_text())
    assert result["text"] == "I would rather not say."
    assert result["error"]


def test_the_answer_is_kept_where_masks_cannot_be_written(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "Annotations").write_text("a file where a folder should be")
    assert ask(clip, recording(tmp_path, answer_text([[34, 30, 64, 60]])), out) != 0
    result = json.loads((out / "result.json").read_text())
    assert (result["keyframe"], result["boxes_xyxy"]) == (4, [[34, 30, 64, 60]])
    assert len(result["objects"][0]["frames"]) == NUM_FRAMES


def test_an_object_that_no_palette_holds_is_refused_before_it_is_tracked(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["--box", "34,30,64,60@4:256", "--segmenter", "nano", "--out", str(out)]
    assert main(["track", str(clip), *arguments]) != 0
    told = capsys.readouterr().err
    assert "objects 1 to 255, got object 256" in told
    assert "propagating" not in told


def test_track_follows_a_box_given_by_hand(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--box", "34,30,64,60@4", "--click", "49,45,+@4", "--segmenter", "nano", "--out", str(out)]
    assert main(["track", str(clip), *arguments]) == 0
    result = json.loads((out / "result.json").read_text())
    assert (result["policy"], [one["id"] for one in result["objects"]]) == (None, [1])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["ask", "nowhere.mp4", "x"], BAD_INPUT, "nowhere.mp4", id="no such video"),
        pytest.param(["ask", "{clip}", "x", "--range", "5:99"], BAD_INPUT, "12 frames", id="range outside"),
        pytest.param(["ask", "{clip}", "x", "--policy", "scripted:none.json"], MISSING, "none.json", id="no recording"),
        pytest.param(["track", "{clip}"], BAD_INPUT, "--box", id="nothing to track"),
        pytest.param(["track", "{clip}", "--box", "1,1,9,9@99"], BAD_INPUT, "99", id="box on no frame"),
        pytest.param(
            ["track", "{clip}", "--box", "1,1,9,9@0", "--segmenter", "/nowhere"], MISSING, "/nowhere", id="no weights"
        ),
    ],
)
def test_bad_input_is_told_in_one_line(
    clip: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main([argument.format(clip=clip) for argument in arguments]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]


def test_interrupting_keeps_the_frames_that_were_done(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(400):
        Image.new("RGB", (64, 48), (index % 256, 90, 90)).save(folder / f"{index:05d}.jpg")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "veason", "track", str(folder), "--box", "5,5,30,30@0", "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--segmenter", "nano"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FORCE_COLOR": "1"},  # so that the bar is drawn though nobody looks
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    )
    assert process.stderr is not None
    told = ""
    while not re.search(r"\b[1-9]\d*/400", told):
        assert process.poll() is None, told
        told += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    assert process.wait(timeout=60) == CANCELLED
    result = json.loads((out / "result.json").read_text())
    done = result["objects"][0]["frames"]
    assert result["cancelled"] is True
    assert 0 < len(done) < 400
    assert len(list((out / "Annotations" / "frames").iterdir())) == len(done)
