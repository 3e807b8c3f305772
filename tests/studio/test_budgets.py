"""Everything that is kept has a budget in bytes: it is held, given back, and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.standins import BoxFiller
from veason.errors import ProjectError, SessionError
from veason.hub import ASSETS
from veason.pipeline import Pipeline
from veason.studio.server.intake import MIB, MOST_BODY, IntakeLimits
from veason.studio.server.outbox import Outbox
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.video import open_video

CLIP = ASSETS / "examples" / "parade.mp4"


def test_opened_videos_stay_within_their_budget_and_show_the_same_frames(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    most = 40 * MIB
    studio = Studio(Pipeline(None, BoxFiller()), registry, [], capacity=8, video_bytes=most)
    key, project = registry.get_or_make(None)
    video = project.library.add_video(CLIP)
    works = [f"{key}.{project.library.add_question(video, f'object {number}')}" for number in range(5)]
    with open_video(CLIP) as alone:
        right = alone.frame(30)
    for work in (*works, *works):
        with studio.questions.using(work) as question:
            assert (question.video.frame(30) == right).all()
        assert studio.questions.holding.held <= most
    assert all(map(studio.questions.is_open, works))
    told = {one.name: one for one in studio.holdings}
    assert 0 < told["opened videos"].held <= told["opened videos"].most == most
    assert {"uploads and downloads", "frames shown to the policy"} <= told.keys()
    assert "opened videos" in studio.describe_holdings()
    studio.close()


@pytest.mark.parametrize("decoder", ["pyav", "auto"])
def test_a_video_that_was_given_up_reads_on_as_before(decoder: str) -> None:
    with open_video(CLIP, decoder) as video:
        before = [video.frame(index) for index in (40, 7)]
        video.release()
        assert video.num_bytes == 0
        assert all(map(np.array_equal, before, [video.frame(index) for index in (40, 7)]))


def fill(folder: Path, num_bytes: int) -> Path:
    (folder / "made.zip").write_bytes(b"x" * num_bytes)
    return folder


def test_downloads_beyond_the_budget_go_from_whoever_has_most_and_the_last_one_of_nobody() -> None:
    outbox = Outbox(1000)
    mine = fill(outbox.new_folder("me"), 300)
    theirs = [fill(outbox.new_folder("greedy"), 200) for _ in range(5)]
    outbox.keep_within()
    assert mine.is_dir()
    assert [one.is_dir() for one in theirs] == [False, False, True, True, True]
    fill(outbox.new_folder("another"), 900)
    with pytest.raises(SessionError, match="no room"):
        outbox.new_folder("one more")
    assert mine.is_dir()
    assert theirs[-1].is_dir()
    outbox.close()


def test_a_new_project_needs_room_among_all_visitors(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors", visitors_bytes=500_000))
    key, project = registry.get_or_make(None)
    registry.check_space(project, 100_000)
    with pytest.raises(ProjectError, match="no room for more"):
        registry.check_space(project, 600_000)
    fill(project.folder, 500_000)
    with pytest.raises(ProjectError, match="what you have made is safe"):
        registry.get_or_make(None)
    assert registry.get(key) is project
    registry.close()


def client(outbox: Outbox, most_requests: int = 9) -> TestClient:
    async def taken(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    limits = Middleware(IntakeLimits, outbox=outbox, most_upload=2 * MIB, most_requests=most_requests)
    return TestClient(Starlette(routes=[Route("/{path:path}", taken, methods=["POST"])], middleware=[limits]))


def test_a_request_that_is_too_long_is_refused_whatever_it_says_of_its_length() -> None:
    outbox = Outbox(10 * MIB)
    server = client(outbox)
    assert server.post("/gradio_api/queue/join", content=b"x" * MIB).text == str(MIB)
    assert server.post("/gradio_api/queue/join", content=b"x" * (MOST_BODY + 1)).status_code == 413
    pieces = (b"x" * MIB for _ in range(MOST_BODY // MIB + 2))
    assert server.post("/gradio_api/queue/join", content=pieces).status_code == 413
    outbox.close()


def test_very_many_small_uploads_need_room_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veason.studio.server.outbox.MOST_FILES", 5)
    outbox = Outbox(10 * MIB)
    for number in range(5):
        assert client(outbox).post("/gradio_api/upload", content=b"x").status_code == 200
        (outbox.uploads / f"{number}").write_bytes(b"")
    assert client(outbox).post("/gradio_api/upload", content=b"x").status_code == 507
    outbox.close()


def test_uploads_need_room_and_say_how_long_they_are() -> None:
    outbox = Outbox(3 * MIB)
    server = client(outbox)
    assert server.post("/gradio_api/upload", content=b"x" * MIB).status_code == 200
    assert server.post("/gradio_api/upload", content=b"x" * 4 * MIB).status_code == 413
    assert server.post("/gradio_api/upload", content=iter([b"x"])).status_code == 411
    (outbox.uploads / "clip.mp4").write_bytes(b"x" * 2 * MIB)
    answer = server.post("/gradio_api/upload", content=b"x" * 2 * MIB)
    assert (answer.status_code, "no room for uploads" in answer.text) == (507, True)
    assert outbox.holding.held == 2 * MIB  # nothing that was refused is still expected
    assert client(outbox, most_requests=0).post("/gradio_api/upload", content=b"x").status_code == 503
    outbox.close()
