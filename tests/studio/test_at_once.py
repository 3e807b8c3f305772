"""What is dear goes on a few times at once of each visitor; others are not held up by it, and edits never wait long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import veason.project.videos
from tests.studio.visitor import BOX, Visitor, of_kind
from veason.errors import SessionError, VideoError
from veason.studio.server.at_once import AtOnce
from veason.studio.server.routes import stage
from veason.video import Video, VideoLimits


def test_one_visitor_has_a_share_and_all_together_have_an_end() -> None:
    transfers = AtOnce("transfers", most=3, most_each=2)
    with transfers.one_more("many"), transfers.one_more("many"):
        with pytest.raises(SessionError, match="2 transfers of yours"), transfers.one_more("many"):
            pass
        with transfers.one_more("another"), pytest.raises(SessionError, match="busy"), transfers.one_more("third"):
            pass
    with transfers.one_more("many"):
        pass
    assert not transfers._running


def test_an_edit_of_a_question_whose_video_is_slow_to_open_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "EDIT_OPENING_S", 0.2)
    visitor, is_over = Visitor(), threading.Event()
    visitor.studio.questions.close()  # as after a restart
    real = veason.project.videos.open_video

    def slow(path: Path, limits: VideoLimits) -> Video:
        while not is_over.wait(0.01):
            if limits.is_cancelled is not None and limits.is_cancelled():
                raise VideoError("opening it was cancelled")
        return real(path, limits=limits)

    monkeypatch.setattr(veason.project.videos, "open_video", slow)
    told = visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    assert "takes long to open" in of_kind(told, "notice")[0]["text"]
    assert [item["kind"] for item in told][-1] == "refused"  # the page asks for everything anew
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(visitor.look_up, "snapshot", work=visitor.work)  # takes its time
        assert "takes long" in of_kind(visitor.edit(edit="box", object=0, frame=5, xyxy=BOX), "notice")[0]["text"]
        is_over.set()
        assert looking.result(10)["work"] == visitor.work
    assert of_kind(visitor.edit(edit="box", object=0, frame=5, xyxy=BOX), "session")[0]["objects"] == [1]
