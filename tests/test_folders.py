"""Folders are counted and tidied up while others write to them and delete from them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from veason.folders import files_in, size_of
from veason.project.folder import enforce_quota
from veason.studio.server.uploads import remove_old_uploads


@contextmanager
def busy(folder: Path) -> Iterator[None]:
    """Let folders with files come and go in a folder for the block."""
    is_over = threading.Event()

    def come_and_go(number: int) -> None:
        while not is_over.is_set():
            inner = folder / f"room{number}" / "a" / "b"
            inner.mkdir(parents=True)
            (inner / "clip.mp4").write_bytes(bytes(100))
            shutil.rmtree(folder / f"room{number}", ignore_errors=True)

    with ThreadPoolExecutor(3) as pool:
        going = [pool.submit(come_and_go, number) for number in range(3)]
        try:
            yield
        finally:
            is_over.set()
    assert [one.result() for one in going] == [None] * 3


def test_what_goes_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "stays").write_bytes(bytes(7))
    with busy(tmp_path):
        assert {size_of(tmp_path) % 100 for _ in range(1000)} == {7}


def test_uploads_are_tidied_while_others_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"a")
    with busy(tmp_path):
        for _ in range(300):
            remove_old_uploads(tmp_path, 3600)
    assert [path.name for path, _ in files_in(tmp_path)] == ["old"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert (size_of(tmp_path / "none"), size_of(tmp_path)) == (0, 0)


def test_two_at_once_may_make_room(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "project.sqlite").write_bytes(b"a")
    with ThreadPoolExecutor(4) as pool:
        deleted = list(pool.map(lambda _: enforce_quota(tmp_path, 0, 1e9), range(4)))
    assert {path for paths in deleted for path in paths} == {tmp_path / f"{number}" for number in range(200)}
    assert not list(tmp_path.iterdir())
