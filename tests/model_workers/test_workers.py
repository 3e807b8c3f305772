"""Models in several processes: they answer as one does, several at a time, and the end of one ends one request."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from tests.model_workers.models import (
    DYING,
    RAISING,
    REFUSING,
    load_and_die,
    load_beside_one_that_fails,
    load_filler,
    load_nothing,
)
from tests.studio.visitor import BOX, COUNT, OTHER, Visitor, make_frames, of_kind
from veason.errors import DeviceError, MissingBackend, OptionError, PromptError, VideoError
from veason.hub import ASSETS
from veason.model_workers import WorkerPipeline, load_workers
from veason.model_workers.pool import WorkerPool
from veason.model_workers.worker import WorkerError, WorkerSetting
from veason.pipeline import Pipeline, load_pipeline
from veason.types import Box, FrameMasks, ModelOptions, Prompt
from veason.video import Video, open_video

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals here")


@pytest.fixture(scope="module")
def pipeline() -> Iterator[WorkerPipeline]:
    made = load_workers(2, load_filler)
    yield made
    made.close()
    assert not any(is_running(pid) for pid in made.pool.pids)


@pytest.fixture
def video(tmp_path: Path) -> Video:
    return open_video(make_frames(tmp_path / "clip", COUNT))


def box(right: float = 10.0) -> list[Prompt]:
    return [Prompt(1, 0, box=Box(2, 2, right, 10))]


def process_of(masks: FrameMasks) -> int:
    return int(masks.masks[1].score or 0)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_two(pipeline: WorkerPipeline) -> None:
    deadline = time.monotonic() + 60
    while pipeline.num_workers < 2:
        assert time.monotonic() < deadline, "no other worker was started"
        time.sleep(0.05)


def test_two_requests_are_worked_on_at_a_time_each_by_a_process_of_its_own(
    pipeline: WorkerPipeline, video: Video
) -> None:
    with closing(pipeline.propagate(video, box())) as one, closing(pipeline.propagate(video, box())) as other:
        mine, its = [process_of(next(one))], [process_of(next(other))]
        mine += map(process_of, one)
        its += map(process_of, other)
    assert len(mine) == len(its) == COUNT
    assert {*mine} | {*its} == {*pipeline.pool.pids}
    assert os.getpid() not in (*mine, *its)


def test_a_worker_that_is_killed_ends_one_request_and_another_takes_its_place(
    pipeline: WorkerPipeline, video: Video
) -> None:
    wait_for_two(pipeline)
    with closing(pipeline.propagate(video, box())) as victim, closing(pipeline.propagate(video, box())) as other:
        arrived = list(islice(victim, 3))
        next(other)
        os.kill(process_of(arrived[0]), signal.SIGKILL)
        with pytest.raises(DeviceError, match="what was made is kept, and you can try again"):
            list(victim)
        assert len(list(other)) == COUNT - 1
    assert len(list(pipeline.propagate(video, box()))) == COUNT
    wait_for_two(pipeline)
    assert process_of(arrived[0]) not in pipeline.pool.pids


def test_a_worker_that_is_killed_while_it_rests_is_not_noticed(pipeline: WorkerPipeline, video: Video) -> None:
    wait_for_two(pipeline)
    for pid in pipeline.pool.pids[:1]:
        os.kill(pid, signal.SIGKILL)
    assert len(list(pipeline.propagate(video, box()))) == COUNT
    assert pipeline.segmenter.estimate_seconds(10, 1) >= 0
    wait_for_two(pipeline)


def test_a_request_that_kills_workers_is_told_and_the_others_are_started_again(
    pipeline: WorkerPipeline, video: Video
) -> None:
    wait_for_two(pipeline)
    with pytest.raises(DeviceError, match="the process in which the models ran ended"):
        list(pipeline.propagate(video, box(DYING)))
    assert len(list(pipeline.propagate(video, box()))) == COUNT
    wait_for_two(pipeline)


def test_errors_of_a_worker_are_those_of_the_models(pipeline: WorkerPipeline, video: Video, tmp_path: Path) -> None:
    wait_for_two(pipeline)
    before = pipeline.pool.pids
    with pytest.raises(PromptError, match="no such box"):
        list(pipeline.propagate(video, box(REFUSING)))
    with pytest.raises(WorkerError, match="the model broke"):
        list(pipeline.propagate(video, box(RAISING)))
    with pytest.raises(MissingBackend):
        list(pipeline.think(video, "the ball"))
    with open_video(make_frames(tmp_path / "gone", 2)) as gone:
        for path in Path(gone.info.path).iterdir():
            path.unlink()
        with pytest.raises(VideoError):
            list(pipeline.propagate(gone, box()))
    assert {*pipeline.pool.pids} == {*before}


def test_closing_a_request_frees_its_worker(pipeline: WorkerPipeline, video: Video) -> None:
    wait_for_two(pipeline)
    for _ in range(3):
        with closing(pipeline.propagate(video, box())) as arriving:
            next(arriving)
    assert len(list(pipeline.propagate(video, box()))) == COUNT


def test_what_workers_hold_is_told(pipeline: WorkerPipeline) -> None:
    wait_for_two(pipeline)
    held = {one.name: one for one in pipeline.holdings}
    assert held["frames shown to the policy"].most == 2 * Pipeline(None, load_filler().segmenter).holdings[0].most
    if sys.platform == "linux":
        assert held["memory of workers"].held > 20_000_000
        assert held["memory of workers"].most > held["memory of workers"].held


def test_models_that_cannot_be_loaded_are_told() -> None:
    with pytest.raises(MissingBackend, match="no such model"):
        load_workers(2, load_nothing)
    with pytest.raises(DeviceError, match="give fewer --workers"):
        load_workers(1, load_and_die)
    with pytest.raises(OptionError, match="1 or more, got 0"):
        load_workers(0, load_filler)


def test_a_worker_that_loads_its_models_while_the_others_are_ended_ends_too(tmp_path: Path) -> None:
    settings = [WorkerSetting(), WorkerSetting({"FAILING": "yes"})]
    with pytest.raises(MissingBackend, match="no such model"):
        WorkerPool(partial(load_beside_one_that_fails, tmp_path), settings)
    (pid,) = (int(file.name) for file in tmp_path.iterdir())
    deadline = time.monotonic() + 60
    while is_running(pid):
        assert time.monotonic() < deadline, "its process keeps the models for nobody"
        time.sleep(0.05)


def test_the_page_is_told_and_goes_on_with_what_was_made(pipeline: WorkerPipeline) -> None:
    wait_for_two(pipeline)
    visitor, other = Visitor(segmenter=pipeline.segmenter), Visitor(segmenter=pipeline.segmenter)
    for one in (visitor, other):
        one.studio.models._pipeline = pipeline
        one.edit(edit="box", object=0, frame=5, xyxy=BOX)
    told = []
    sent = {"work": visitor.work, "start": 0, "stop": COUNT}
    for message in visitor.studio.answer("propagate", sent):
        told += message["items"]
        if of_kind(message["items"], "frame") or visitor.masks(1):
            os.kill(int(next(iter(visitor.masks(1).values())).score or 0), signal.SIGKILL)
            break
    told += visitor.propagate()
    other.edit(edit="box", object=0, frame=5, xyxy=OTHER)
    assert told[-1]["kind"] == "idle"
    assert of_kind(other.propagate(), "idle")
    visitor.propagate()
    assert len(visitor.masks(1)) == len(other.masks(1)) == len(other.masks(2)) == COUNT


def test_nano_in_workers_answers_as_in_this_process() -> None:
    options = ModelOptions(device="cpu")
    here = load_pipeline("nano", "nano", options)
    workers = load_workers(2, partial(load_pipeline, "nano", "nano", options), device="cpu")
    assert workers.policy is not None
    assert here.policy is not None
    assert workers.policy.name == here.policy.name
    assert workers.can_settle == here.can_settle
    words = "the zebra with a qwerty"
    assert workers.policy.unknown_words(words) == here.policy.unknown_words(words) != ()
    with open_video(ASSETS / "examples" / "parade.mp4") as clip:
        events = [list(one.think(clip, "the latecomer", guess=True)) for one in (workers, here)]
        assert [type(event) for event in events[0]] == [type(event) for event in events[1]]
        assert workers.outside_training(clip, words) == here.outside_training(clip, words) != ()
        asked: list[int] = []

        def cursor() -> int:
            asked.append(80)
            return 80

        prompts = [Prompt(1, 80, box=Box(200, 80, 300, 180))]
        made = [
            list(one.propagate(clip, prompts, frames=(78, 84), order="nearest", cursor=cursor))
            for one in (workers, here)
        ]
    assert [one.frame_index for one in made[0]] == [one.frame_index for one in made[1]]
    assert len(asked) >= 2 * 6
    workers.close()
