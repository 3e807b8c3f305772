"""A video that takes long to open holds up nobody but who asked for it, who may give it up; strangers' have limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import veason.project.library
import veason.project.videos
from tests.standins import BoxFiller
from tests.studio.visitor import make_frames
from veason.errors import VideoError
from veason.formats.projects.from_project import from_project
from veason.pipeline import Pipeline
from veason.studio.server.examples import Example
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.video import UNTRUSTED, Video, VideoLimits, open_video

SLOW_S = 20.0


class SlowVideos:
    """Opens videos whose path has "slow" in it only once they are let, or given up."""

    def __init__(self) -> None:
        self.is_let = threading.Event()
        self.has_begun = threading.Event()
        self.seen: list[VideoLimits] = []

    def open(self, path: Path, limits: VideoLimits, **options: Any) -> Video:
        self.seen.append(limits)
        if "slow" in str(path):
            self.has_begun.set()
            end = time.monotonic() + SLOW_S
            while not self.is_let.wait(0.01) and time.monotonic() < end:
                if limits.is_cancelled is not None and limits.is_cancelled():
                    raise VideoError("opening it was cancelled")
        return open_video(path, limits=limits, **options)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowVideos:
    videos = SlowVideos()
    monkeypatch.setattr(veason.project.library, "open_video", videos.open)
    monkeypatch.setattr(veason.project.videos, "open_video", videos.open)
    return videos


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    clips = [make_frames(tmp_path / name, 3) for name in ("slow clip", "clip")]
    examples = [Example(clip.name, clip, (), True) for clip in clips]
    studio = Studio(
        Pipeline(None, BoxFiller()), ProjectRegistry(Settings(visitors=tmp_path / "visitors")), examples, capacity=4
    )
    yield studio
    studio.close()


def open_it(studio: Studio, example: int, tab: str, **more: Any) -> list[dict[str, Any]]:
    sent = {"example": example, "tab": tab, **more}
    return [item for message in studio.answer("open", sent) for item in message["items"]]


def kinds(items: list[dict[str, Any]]) -> list[str]:
    return [item["kind"] for item in items]


def test_another_visitor_opens_and_works_meanwhile(studio: Studio, slow: SlowVideos) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(open_it, studio, 0, "a")
        assert slow.has_begun.wait(5)
        assert "opened" in kinds(open_it(studio, 1, "b"))
        assert not waiting.done()
        slow.is_let.set()
        assert "opened" in kinds(waiting.result(10))


def test_a_question_whose_video_is_slow_holds_up_nobody(studio: Studio, slow: SlowVideos) -> None:
    slow.is_let.set()
    work = next(item for item in open_it(studio, 0, "a") if item["kind"] == "opened")["work"]
    studio.questions.close()  # as after a restart: the link opens it again
    slow.is_let.clear()
    slow.has_begun.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(studio.look_up, "snapshot", {"work": work, "tab": tab}) for tab in ("a", "a2")]
        assert slow.has_begun.wait(5)
        assert "opened" in kinds(open_it(studio, 1, "b"))
        assert studio.look_up("stop", {"work": work, "tab": "a"}) == {"wasRunning": True}
        slow.has_begun.clear()
        assert slow.has_begun.wait(5)  # the other one begins anew
        slow.is_let.set()
        told = [one.result(10)["items"] for one in waiting]
    assert sorted("opened" in kinds(items) for items in told) == [False, True]


def test_the_visitor_gives_up_and_nothing_is_left(studio: Studio, slow: SlowVideos) -> None:
    key, project = studio.registry.get_or_make(None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(open_it, studio, 0, "a", project=key)
        assert slow.has_begun.wait(5)
        assert studio.look_up("stop", {"tab": "somebody else"}) == {"wasRunning": False}
        assert studio.look_up("stop", {"tab": "a"}) == {"wasRunning": True}
        items = waiting.result(5)
    assert kinds(items)[0] == "notice"
    assert kinds(items)[-1] == "idle"
    assert project.library.videos() == ()


def test_every_video_of_a_stranger_is_opened_within_limits(
    studio: Studio, slow: SlowVideos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("veason.formats.labels.pictures", "veason.formats.overlay.writer"):
        monkeypatch.setattr(f"{module}.open_video", slow.open)
    work = next(item for item in open_it(studio, 1, "b") if item["kind"] == "opened")["work"]
    key, project = work.split(".")[0], studio.registry.get(work.split(".")[0])
    studio.look_up("thumb", {"project": key, "video": 1})
    list(studio.answer("edit", {"work": work, "edit": "box", "object": 0, "frame": 0, "xyxy": [2, 2, 9, 9]}))
    list(studio.answer("propagate", {"work": work, "start": 0, "stop": 3}))
    for format in ("coco", "overlay"):
        list(studio.answer("export", {"project": key, "format": format, "everything": True}))
    assert len(slow.seen) >= 5
    assert all(limits.for_reopening() == UNTRUSTED.for_reopening() for limits in slow.seen)
    assert all(video.limits == UNTRUSTED for video in from_project(project))
