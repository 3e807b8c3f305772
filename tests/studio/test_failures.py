"""What a public server tells of errors: words, no path, no key of a visitor. After any of them the page goes on."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins import BoxFiller
from tests.studio.visitor import Visitor, make_frames, of_kind
from veason.errors import ProjectError, VideoError
from veason.formats.catalogue import EXPORTABLE
from veason.pipeline import Pipeline
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio

VISITORS = Path("/srv/data/the visitors")
KEY = "AbCdEf_-12345678"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{VISITORS}/{KEY}: the disk is full (no space)", "the disk is full (no space)"),
        (f"{VISITORS}/{KEY}/videos/0123456789abcdef-a clip.mp4 is gone: add it", "a clip.mp4 is gone: add it"),
        ("cannot unpack /tmp/veason-x1/room/tmp9/work.zip into /srv/p: bad", "cannot unpack work.zip into p: bad"),
        ("line 3 of 'a.json': 1/2 is no number", "line 3 of 'a.json': 1/2 is no number"),
        ("open it at https://example.org/help", "open it at https://example.org/help"),
    ],
)
def test_errors_are_told_without_paths(text: str, told: str) -> None:
    assert ErrorFormatter([VISITORS], is_public=True).words(ProjectError(text)) == told


def test_the_owner_of_the_machine_is_told_where(caplog: pytest.LogCaptureFixture) -> None:
    owner = ErrorFormatter([], is_public=False)
    assert owner.words(VideoError("there is no video at /home/me/a.mp4")) == "there is no video at /home/me/a.mp4"
    told = owner.words(RuntimeError("CUDA error: device-side assert at /opt/torch"))
    assert "CUDA" not in told
    assert told.split("(error ")[1][:6] in caplog.text  # the operator finds it
    assert "disk is full" in owner.words(OSError(errno.ENOSPC, "No space left on device"))


class Broken(BoxFiller):
    """A segmenter whose library raises what nobody expects, after a frame."""

    def track(self, *given: Any, **more: Any) -> Iterator[Any]:
        for number, masks in enumerate(super().track(*given, **more)):
            if number == 2:
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            yield masks


def test_after_an_error_of_the_model_the_page_goes_on_with_what_was_made() -> None:
    visitor = Visitor(segmenter=Broken())
    visitor.edit(edit="box", object=0, frame=5, xyxy=[2, 2, 10, 10])
    items = visitor.propagate()
    assert "something went wrong on the server" in of_kind(items, "notice")[-1]["text"]
    assert items[-1]["kind"] == "idle"
    assert not of_kind(items, "unsaved")
    assert visitor.masks(1)
    assert not visitor.question.job.is_running
    assert of_kind(visitor.edit(edit="box", object=0, frame=6, xyxy=[2, 2, 10, 10]), "session")


def test_a_look_up_that_breaks_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor()
    monkeypatch.setattr(type(visitor.project.queue), "open_comments", lambda self: 1 / 0)
    assert "something went wrong" in visitor.look_up("queue")["error"]


def test_no_message_to_a_visitor_names_a_folder_of_the_server(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    studio = Studio(Pipeline(None, BoxFiller()), registry, [], capacity=2)
    key, project = registry.get_or_make(None)
    question = project.library.add_question(project.library.add_video(make_frames(tmp_path / "clip", 3)), "the ball")
    project.queue.fail(question, f"{project.folder}/videos/clip is gone: add it")
    queue = studio.look_up("queue", {"project": key})
    assert queue["rows"][0]["failure"] == "clip is gone: add it"
    for export in ({"format": "project"}, {"format": "coco", "everything": True}):
        items = [one for message in studio.answer("export", {"project": key, **export}) for one in message["items"]]
        assert all(key not in str(item) for item in items), items
    studio.close()


def test_no_download_names_the_key_or_a_folder_of_the_server(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    segmenter = BoxFiller()
    segmenter.name = str(tmp_path / "models" / "mine at 10.9.8.7:80")
    studio = Studio(Pipeline(None, segmenter), registry, [], capacity=2)
    key, project = registry.get_or_make(None)
    question = project.library.add_question(project.library.add_video(make_frames(tmp_path / "clip", 3)), "the ball")
    work = {"work": f"{key}.{question}", "project": key}
    list(studio.answer("edit", {**work, "edit": "box", "object": 0, "frame": 0, "xyxy": [2, 2, 10, 10]}))
    list(studio.answer("propagate", {**work, "start": 0, "stop": 3}))
    wanted = [{"what": "json"}, *({"format": format, "everything": True} for format in EXPORTABLE)]
    for export in wanted:
        told = [one for message in studio.answer("export", {**work, **export}) for one in message["items"]]
        for file in of_kind(told, "file"):
            content = Path(file["path"]).read_bytes()
            if zipfile.is_zipfile(file["path"]):
                with zipfile.ZipFile(file["path"]) as archive:
                    content = b"".join(map(archive.read, archive.namelist()))
            assert key.encode() not in content, export
            assert str(tmp_path).encode() not in content, export
            assert b"10.9.8.7" not in content, export
    assert of_kind(list(_items(studio, {**work, "what": "json"})), "file")
    studio.close()


def _items(studio: Studio, sent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in studio.answer("export", sent):
        yield from message["items"]


@pytest.mark.parametrize("number", ["01", "000000001", "+1", "1 ", "٣", "", "1.0", "-1", "1_0"])
def test_a_question_has_one_id_only(number: str) -> None:
    visitor = Visitor()
    told = visitor.look_up("frame", work=f"{visitor.key}.{number}", frame=0)
    assert "no longer on the server" in told["error"]
    assert "jpeg" in visitor.look_up("frame", work=visitor.work, frame=0)
