"""The same file may be the upload of several visitors: nobody's upload takes it away from another."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tests.standins import BoxFiller
from veason.errors import SessionError
from veason.pipeline import Pipeline
from veason.studio.server.outbox import KEPT_FILES, Outbox
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.requests.signed import Upload
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.studio.server.uploads import remove_old_uploads, uploaded

VISITORS = 20


@pytest.fixture
def upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a picture as gradio keeps it: in a folder that is named by its content."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    path = tmp_path / "uploads" / "1f3a" / "clip.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (32, 24), (200, 30, 30)).save(path)
    return path


def test_twenty_visitors_send_the_same_clip_at_once_and_everybody_has_it(upload: Path, tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    studio = Studio(Pipeline(None, BoxFiller()), registry, [], capacity=VISITORS)

    def open_it(number: int) -> list[str]:
        sent = {"path": str(upload), "name": f"clip {number}.png", "tab": str(number)}
        return [item["kind"] for message in studio.answer("open", sent) for item in message["items"]]

    with ThreadPoolExecutor(VISITORS) as pool:
        told = list(pool.map(open_it, range(VISITORS)))
    assert all("opened" in kinds for kinds in told)
    assert len(list((tmp_path / "visitors").glob("*/videos/*.png"))) == VISITORS
    assert upload.is_file()
    studio.close()


def test_an_upload_that_is_in_use_outlives_the_file_that_was_sent(upload: Path, tmp_path: Path) -> None:
    content = upload.read_bytes()
    with uploaded(Upload(path=str(upload), name="my clip.png"), tmp_path) as path:
        os.utime(upload, (0, 0))
        os.utime(upload.parent, (0, 0))
        remove_old_uploads(tmp_path / "uploads", 3600)
        assert not upload.parent.exists()
        assert (path.name, path.read_bytes()) == ("my clip.png", content)
    with pytest.raises(SessionError, match="choose it again"), uploaded(Upload(path=str(upload), name="a"), tmp_path):
        pass


def test_a_new_upload_is_not_old(upload: Path, tmp_path: Path) -> None:
    awaited = upload.parent.parent / "9b1c"
    awaited.mkdir()  # made, and its file is on its way
    remove_old_uploads(tmp_path / "uploads", 3600)
    assert upload.is_file()
    assert awaited.is_dir()


def test_one_visitors_files_do_not_push_out_anothers() -> None:
    outbox = Outbox()
    mine = outbox.new_folder("me")
    for _ in range(3 * KEPT_FILES):
        outbox.new_folder("somebody else")
    assert mine.is_dir()
    assert len(list(outbox.downloads.iterdir())) == KEPT_FILES + 1
    old = time.time() - 7200
    os.utime(mine, (old, old))
    outbox.remove_old(3600)
    assert not mine.exists()
    assert len(list(outbox.downloads.iterdir())) == KEPT_FILES
    outbox.close()
