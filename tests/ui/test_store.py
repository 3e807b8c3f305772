"""The server's memory of its visitors: bounded, private, one job at a time."""

import threading
import time
from pathlib import Path

import pytest

from veason.errors import SessionError
from veason.hub import ASSETS
from veason.ui.store import Store, Work
from veason.ui.trail import begin
from veason.video import open_video

CLIP = ASSETS / "examples" / "parade.mp4"


def make_work(store: Store) -> Work:
    folder = store.new_folder()
    work = Work(folder.name, folder, "parade.mp4", open_video(CLIP), begin(96), (0, 96))
    store.add(work)
    return work


def test_the_work_longest_unused_is_forgotten_with_its_files() -> None:
    store = Store(capacity=2)
    first, second = make_work(store), make_work(store)
    store.get(first.id)
    third = make_work(store)
    assert [store.get(work.id) for work in (first, third)] == [first, third]
    with pytest.raises(SessionError, match="open the video again"):
        store.get(second.id)
    assert not second.folder.exists()
    store.close()
    assert not store.root.exists()


@pytest.mark.parametrize("work_id", [None, 7, "", "../..", "nobody"])
def test_an_unknown_id_opens_nothing(work_id: object, tmp_path: Path) -> None:
    store = Store(capacity=1)
    with pytest.raises(SessionError):
        store.get(work_id)
    store.close()


def test_ids_cannot_be_guessed() -> None:
    store = Store(capacity=1)
    assert len({store.new_folder().name for _ in range(50)}) == 50
    assert all(len(folder.name) >= 16 for folder in store.root.iterdir())
    store.close()


def test_a_new_job_stops_the_one_before_it_and_waits_for_its_end() -> None:
    store = Store(capacity=1)
    work = make_work(store)
    order: list[str] = []

    def first_job() -> None:
        with work.job():
            order.append("first begins")
            while not work.is_stopping:
                time.sleep(0.005)
            order.append("first ends")

    thread = threading.Thread(target=first_job)
    thread.start()
    while not order:
        time.sleep(0.005)
    with work.job():
        assert not work.is_stopping
        order.append("second runs")
    thread.join()
    assert order == ["first begins", "first ends", "second runs"]
    store.close()
