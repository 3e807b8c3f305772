"""What is typed wrong is told at once: before a video is decoded and before any model is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_ask import clip
from veason.cli import BAD_INPUT, MISSING, main

__all__ = ["clip"]

NOWHERE = ("--segmenter", "/no/such/segmenter")
"""Loading this ends with MISSING, so that any other exit code proves that nothing was loaded."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["", "--policy", "/none"], "instruction is empty", id="empty instruction"),
        pytest.param([" \t\n", "--policy", "/none"], "instruction is empty", id="white space"),
        pytest.param(["a dog", "--policy", "/none", "--temperature", "-1"], "temperature is 0", id="temperature"),
        pytest.param(["a dog", "--policy", "/none", "--temperature", "nan"], "temperature is 0", id="temperature NaN"),
        pytest.param(["a dog", "--policy", "/none", "--samples", "0"], "answers to draw is 1 or more", id="no sample"),
        pytest.param(["a dog", "--policy", "/none", "--seed", str(1 << 50)], "a seed lies between", id="seed"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_before_the_video_is_opened(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["ask", str(tmp_path / "no-clip.mp4"), *options, *NOWHERE, "--out", str(out)]) == BAD_INPUT
    assert message in capsys.readouterr().err
    assert not out.exists(), "nothing was asked, so nothing is written"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param([], "nothing to track", id="nothing"),
        pytest.param(["--box", "1,2,3@0"], "x1,y1,x2,y2@FRAME", id="three numbers"),
        pytest.param(["--box", "9,2,3,4@0"], "x1 <= x2", id="swapped corners"),
        pytest.param(["--box", "5,5,5,9@0"], "has no area", id="no area"),
        pytest.param(["--box", "200,5,240,9@0"], "outside the 128x96 picture", id="outside the picture"),
        pytest.param(["--box", "5,5,50,50@12"], "12 frames (0 to 11)", id="after the video"),
        pytest.param(["--box", "5,5,50,50@8", "--range", "0:4"], "outside the range 0:4", id="outside the range"),
        pytest.param(["--click", "500,5,+@3"], "outside the 128x96 picture", id="click outside the picture"),
        pytest.param(["--click", "5,5,-@3"], "only negative clicks", id="nothing but negative clicks"),
    ],
)
def test_a_bad_prompt_is_refused_before_a_model_is_loaded(
    clip: Path, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["track", str(clip), *options, *NOWHERE, "--out", str(out)]) == BAD_INPUT
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_right_prompt_gets_as_far_as_the_model(clip: Path, tmp_path: Path) -> None:
    box = ["--box", "5,5,50,50@0"]
    assert main(["track", str(clip), *box, *NOWHERE, "--out", str(tmp_path / "out")]) == MISSING


@pytest.mark.parametrize("frames", ["0", "-2", "many"])
def test_a_number_of_frames_below_one_is_refused(frames: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ask", "clip.mp4", "a dog", "--frames", frames])
    assert ended.value.code == BAD_INPUT
    assert "1 or more" in capsys.readouterr().err


def test_refusing_a_question_loads_no_library_of_models() -> None:
    code = (
        "import sys; from veason.cli import main; code = main(['ask', 'clip.mp4', '']);"
        " heavy = {'torch', 'transformers', 'sam2'} & set(sys.modules); sys.exit(99 if heavy else code)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == BAD_INPUT, ended.stderr
    assert ended.stderr == "error: the instruction is empty: describe what to segment, in words\n"
