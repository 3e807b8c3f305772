"""`veason project`: from an empty folder to a queue with proposals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from veason.cli import BAD_INPUT, MISSING, main
from veason.formats.datasets import WriteExpression, WriteVideo, write_dataset
from veason.project import Project
from veason.video import VideoWriter

QUESTION = "the red square"
NUM_FRAMES = 6
SHOWN = [0, 1, 2, 3, 4, 5]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two short clips with a red square."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, shade in (("left", 100), ("right", 140)):
        with VideoWriter(folder / f"{name}.mp4", (64, 48), 12) as writer:
            for index in range(NUM_FRAMES):
                picture = np.full((48, 64, 3), shade, np.uint8)
                picture[10:30, 5 + 4 * index : 25 + 4 * index] = (220, 40, 40)
                writer.write(picture)
    return folder


@pytest.fixture
def instructions(tmp_path: Path) -> Path:
    path = tmp_path / "instructions.csv"
    path.write_text(f"video,instruction,assignee\n,{QUESTION},ann\nleft.mp4,the left one,\n")
    return path


def recording(folder: Path) -> str:
    answer = json.dumps({"keyframe_timestamp": 2, "bbox_2d_list": [[13, 10, 33, 30]]})
    record = {
        "instruction": QUESTION,
        "num_frames": NUM_FRAMES,
        "shown": SHOWN,
        "space_wh": [64, 48],
        "source_wh": [64, 48],
        "pieces": [[0.0, f"<think>A red square.</think>\n<answer>{answer}</answer>"]],
    }
    path = folder / "recording.json"
    path.write_text(json.dumps({"records": [record]}))
    return f"scripted:{path}"


def status(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    assert main(["project", "status", str(folder), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_folder_of_videos_becomes_a_queue_with_proposals(
    clips: Path, instructions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    assert main(["project", "new", str(folder)]) == 0
    assert main(["project", "add", str(folder), str(clips), "--instructions", str(instructions)]) == 0
    assert "2 videos and 3 questions" in capsys.readouterr().out
    models = ["--policy", recording(tmp_path), "--segmenter", "nano", "--device", "cpu"]
    assert main(["project", "prelabel", str(folder), *models, "--assignee", "ann"]) == 0
    assert "2 proposed" in capsys.readouterr().out
    found = status(folder, capsys)
    assert (found["videos"], found["questions"], found["masks"]) == (2, 3, 2 * NUM_FRAMES)
    assert (found["by_status"]["proposed"], found["by_status"]["new"]) == (2, 1)
    assert [one["instruction"] for one in found["most_doubtful"]] == [QUESTION] * 2
    assert main(["project", "prelabel", str(folder), *models, "--assignee", "ann"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_status_tells_a_person_how_far_the_queue_is(
    clips: Path, instructions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    main(["project", "new", str(folder)])
    main(["project", "status", str(folder)])
    assert "the queue is empty" in capsys.readouterr().out
    main(["project", "add", str(folder), str(clips / "left.mp4"), "--copy", "--instructions", str(instructions)])
    main(["project", "status", str(folder)])
    assert "1 videos, 2 questions" in capsys.readouterr().out
    with Project.open(folder) as project:
        assert project.library.videos()[0].path.is_relative_to(folder)


def test_a_dataset_becomes_a_queue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [np.full((24, 32, 3), 10 * index, np.uint8) for index in range(3)]
    video = WriteVideo("clip", frames, {}, [WriteExpression("the ball", ())])
    write_dataset(tmp_path / "data", "mevis", [video])
    main(["project", "new", str(tmp_path / "work")])
    arguments = ["--dataset", str(tmp_path / "data"), "--kind", "mevis"]
    assert main(["project", "add", str(tmp_path / "work"), *arguments]) == 0
    assert status(tmp_path / "work", capsys)["by_status"]["new"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["status", "nowhere"], BAD_INPUT, "not a project", id="no project"),
        pytest.param(["new", "{work}"], BAD_INPUT, "already", id="made twice"),
        pytest.param(["add", "{work}"], BAD_INPUT, "nothing to add", id="nothing"),
        pytest.param(["add", "{work}", "nowhere.mp4"], BAD_INPUT, "nowhere.mp4", id="no video"),
        pytest.param(["add", "{work}", "--dataset", "x"], BAD_INPUT, "--kind", id="dataset without kind"),
        pytest.param(["add", "{work}", "--instructions", "no.csv"], BAD_INPUT, "no.csv", id="no list"),
        pytest.param(["prelabel", "{work}", "--policy", "scripted:none.json"], MISSING, "none.json", id="no policy"),
    ],
)
def test_bad_input_is_told_in_one_line(
    tmp_path: Path,
    clips: Path,
    instructions: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    work = str(tmp_path / "work")
    main(["project", "new", work])
    main(["project", "add", work, str(clips), "--instructions", str(instructions)])
    capsys.readouterr()
    assert main(["project", *(argument.format(work=work) for argument in arguments)]) == code
    assert message in capsys.readouterr().err
