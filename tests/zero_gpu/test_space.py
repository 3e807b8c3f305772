"""A ZeroGPU Space: questions go in and text and masks come out of forked workers, for a time that is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from tests.zero_gpu.device_api import DeviceApi
from veason.hub import ASSETS
from veason.masks import coco_dict
from veason.pipeline import load_pipeline
from veason.types import Box, Prompt
from veason.video import open_video

pytest.importorskip("spaces", reason="spaces is not installed: pip install spaces")

ROOT = Path(__file__).parent.parent.parent
CLIP, QUESTION = ASSETS / "examples" / "chase.mp4", "the thing that is being chased"
PART, BOX = (40, 44), (200, 80, 300, 180)
SERVED_S = 270
"""The longest that a served app lives, in seconds."""


class Space:
    """What the program told that ran as a Space, and what was asked of the lender meanwhile."""

    def __init__(self, folder: Path) -> None:
        with DeviceApi() as api:
            done = subprocess.run(
                [sys.executable, "-m", "tests.zero_gpu.space", "work"],
                cwd=ROOT,
                env=environment(api, SEEN=str(folder / "number")),
                capture_output=True,
                text=True,
                timeout=290,
                check=False,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        told = json.loads(done.stdout.split("TOLD ", 1)[1])
        self.door, self.tracked, self.api = told["door"], told["track"], api


def environment(api: DeviceApi, **more: str) -> dict[str, str]:
    return {**os.environ, **api.environment, **more, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return Space(tmp_path_factory.mktemp("seen"))


@pytest.fixture(scope="module")
def door(space: Space) -> dict[str, Any]:
    found: dict[str, Any] = space.door
    return found


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        pytest.param("good", None, "", id="done"),
        pytest.param("answer", "AnswerError", "no keyframe", id="an error for people"),
        pytest.param("defect", "RuntimeError", "KeyError", id="a defect"),
        pytest.param("killed", "DeviceError", "taken away", id="killed"),
    ],
)
def test_what_came_before_an_error_stays_and_the_error_is_told(
    door: dict[str, Any], kind: str, error: str | None, words: str
) -> None:
    values, name, told, *_ = door[kind]
    assert values == ([0, 1, 2, 1] if kind == "good" else [0, 1, 2])
    assert name == error
    assert words in told


def test_an_answer_that_cannot_be_read_keeps_its_text(door: dict[str, Any]) -> None:
    assert door["answer"][3] == "the text"


def test_work_stops_before_its_gpu_time_is_over(door: dict[str, Any]) -> None:
    values, name, told, _ = door["slow"]
    assert name == "DeviceError"
    assert "the 5 seconds of GPU time are over" in told
    assert values == list(range(len(values)))
    assert 1 <= len(values) < 50


def test_no_more_is_requested_than_one_call_may(space: Space) -> None:
    assert space.api.durations[:5] == [120, 120, 120, 120, 5]
    assert max(space.api.durations) == 120


def test_closing_stops_the_worker_within_a_value(door: dict[str, Any]) -> None:
    assert door["stopped at"] <= 3


def test_nothing_is_left_between_calls(door: dict[str, Any]) -> None:
    assert door["kept here"] == []
    assert door["good again"] == [[0, 1, 2, 1], None, ""]


def test_every_gpu_is_given_back(space: Space) -> None:
    calls = [path for path, _ in space.api.calls]
    assert calls.count("/schedule") - 1 == calls.count("/release") == calls.count("/allow")  # one is refused


def test_a_quota_that_is_used_up_is_told_in_words(door: dict[str, Any]) -> None:
    values, name, told, _ = door["refused"]
    assert (values, name) == ([], "DeviceError")
    assert "quota" in told


def test_masks_from_a_worker_are_those_made_here(space: Space) -> None:
    assert space.tracked["masks"] == tracked_here()
    assert space.tracked["before"] != space.tracked["after"]  # measured there, known here
    assert 15 <= space.api.durations[-1] < 60


def tracked_here() -> dict[str, dict[str, Any]]:
    """Return what the same prompts give without any Space."""
    pipeline = load_pipeline(segmenter="nano", has_policy=False)
    with open_video(CLIP, "pyav") as video:
        arriving = pipeline.propagate(video, [Prompt(1, PART[0], box=Box(*BOX))], frames=PART)
        return {
            str(masks.frame_index): {str(one): coco_dict(mask.rle) for one, mask in masks.masks.items()}
            for masks in arriving
        }


@contextmanager
def served(visitors: Path, api: DeviceApi) -> Iterator[str]:
    """Serve the app as a Space does and yield its address; after SERVED_S it is killed with its workers."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tests.zero_gpu.space", "app"],
        cwd=ROOT,
        env=environment(api, VISITORS=str(visitors), HOME=str(visitors.parent)),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as app:
        assert app.stdout is not None
        too_long = threading.Timer(SERVED_S, os.killpg, (app.pid, signal.SIGKILL))
        too_long.start()
        try:
            address = next((line.split()[-1] for line in app.stdout if "http://" in line), None)
            assert address is not None, "it ended before it served"
            yield address
            app.terminate()
            app.wait(30)
        finally:
            too_long.cancel()
            with suppress(ProcessLookupError):
                os.killpg(app.pid, signal.SIGKILL)


def test_the_whole_way_from_a_question_to_masks(tmp_path: Path) -> None:
    with DeviceApi() as api, served(tmp_path / "visitors", api) as address:
        client = Client(address, verbose=False)
        job = client.submit(video=handle_file(CLIP), instruction=QUESTION, start=PART[0], stop=PART[1], api_name="/ask")
        result = job.result(timeout=SERVED_S)
        config = client.config["components"]
    assert result["thought"]
    assert 0 <= result["keyframe"] < result["num_frames"]
    (box,) = result["boxes"]
    assert sorted(result["masks"]) == [str(index) for index in range(*PART)]
    assert all(masks["1"]["size"] == [360, 640] for masks in result["masks"].values())
    assert len(box) == 4
    (studio,) = [one for one in config if one["props"].get("elem_id") == "studio"]
    shown = studio["props"]["props"]["about"]["zeroGpu"]
    assert shown["thinking"] == {"1": 44, "4": 44 + 94, "8": 44 + 120}
    assert (shown["startup"], shown["factor"], shown["max"]) == (15, 1.5, 120)
    workers = ["what it was trained for", "text", "masks"]
    calls = [path for path, _ in api.calls]
    assert calls == ["/startup-report", *["/schedule", "/allow", "/release"] * len(workers)]
    assert api.durations[:2] == [44, 44]
