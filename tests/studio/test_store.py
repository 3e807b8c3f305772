"""Open works: private, one job at a time, on the disk at once, and never a silent overwrite."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from veason.errors import ProjectError, SessionError
from veason.hub import ASSETS
from veason.masks import empty_mask
from veason.project import ChangedElsewhere, Named, Project
from veason.session import MoveKeyframe, PutPrompt
from veason.studio.server import store as stores
from veason.studio.server.hand import Hand
from veason.studio.server.settings import Settings
from veason.studio.server.shelf import Shelf
from veason.studio.server.store import Store, Work
from veason.types import Box, FrameMasks, ObjectMask, Prompt

CLIP = ASSETS / "examples" / "parade.mp4"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    yield made
    made.close()


def open_store(folder: Path, capacity: int = 4) -> Store:
    return Store(Shelf(Settings(project=folder / "labels")), capacity)


def new_work(store: Store) -> Work:
    key, project = store.shelf.get_or_make(None)
    return store.open(key, project.add_draft(project.add_video(CLIP)))


def drawn(object_id: int = 1, frame: int = 4) -> PutPrompt:
    return PutPrompt(Prompt(object_id, frame, box=Box(10, 10, 60, 60)))


def test_a_work_comes_back_by_its_id_after_a_restart_with_its_history(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    work = new_work(store)
    work.record(drawn())
    work.record(drawn(2))
    store.close()
    again = open_store(tmp_path).get(work.id)
    assert again.now.object_ids == (1, 2)
    again.step(forward=False)
    assert again.now.object_ids == (1,)
    again.step(forward=True)
    assert again.now.object_ids == (1, 2)


def test_the_work_longest_unused_is_closed_and_opens_again(tmp_path: Path) -> None:
    store = open_store(tmp_path, capacity=2)
    first = new_work(store)
    first.record(drawn())
    for _ in range(2):
        new_work(store).record(drawn())
    assert store.find(first.id) is None
    again = store.get(first.id)
    assert again is not first
    assert again.now.object_ids == (1,)
    store.close()
    assert not store.outbox.exists()


@pytest.mark.parametrize("work_id", [None, 7, "", "../..", "nobody", ".", "..1", "nobody.1"])
def test_an_unknown_id_opens_nothing(work_id: object, store: Store) -> None:
    with pytest.raises(SessionError, match="open the video again"):
        store.get(work_id)


def test_a_draft_that_nobody_touched_is_used_again(store: Store) -> None:
    first = new_work(store)
    assert new_work(store) is first
    first.record(drawn())
    assert new_work(store) is not first


def test_masks_that_stream_in_are_saved_together_and_before_anything_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SAVE_S", 3600.0)
    work = new_work(store)
    work.record(drawn())
    mask = ObjectMask(empty_mask(work.video.info.size_wh), 3.0)
    work.arrive(FrameMasks(0, {1: mask}), "nano")  # the first is saved at once
    before = work.project.revision
    for frame in range(1, 50):
        work.arrive(FrameMasks(frame, {1: mask}), "nano")
    assert work.project.revision == before
    assert len(work.now.tracks[1].frames) == 50
    assert work.project.revision == before + 1
    work.step(forward=False)
    assert work.now.object_ids == ()


def test_what_waits_to_be_computed_survives_a_restart_unless_the_question_went_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    work = new_work(store)
    work.record(drawn())
    nothing = ObjectMask(empty_mask(work.video.info.size_wh), 3.0)
    for frame in range(90):
        work.arrive(FrameMasks(frame, {1: nothing}), "nano")
    work.flush()
    store.close()
    store = open_store(tmp_path)
    assert store.get(work.id).pending == {1: frozenset(range(90, 96))}
    store.close()
    with Project.open(tmp_path / "labels") as project:
        project.record(work.question_id, drawn(1, 20))
    store = open_store(tmp_path)
    assert store.get(work.id).pending == {}
    store.close()


def test_the_chosen_range_survives_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    work = new_work(store)
    proposed = work.frames
    work.choose((3, 9))
    store.close()
    store = open_store(tmp_path)
    assert store.get(work.id).frames == (3, 9)
    store.get(work.id).project.keep_note(f"range {work.question_id}", "[3, 9000]")  # of a video that was longer
    store.close()
    store = open_store(tmp_path)
    assert store.get(work.id).frames == proposed
    store.close()


def test_a_proposed_range_is_taken_until_a_person_chooses_another(store: Store) -> None:
    work = new_work(store)
    work.propose((0, 5))
    assert work.frames == (0, 5)
    work.choose((3, 9))
    work.propose((0, 4))
    assert (work.frames, work.home) == ((3, 9), (0, 4))
    work.choose((0, 4))
    work.propose((2, 6))
    assert work.frames == (2, 6)


def test_two_tabs_merge_what_does_not_meet_and_are_told_where_it_does(store: Store) -> None:
    work = new_work(store)
    work.record(drawn(1))
    work.record(drawn(2))
    seen = work.project.question(work.question_id).revision
    left, right = Hand("left", "Ada", seen), Hand("right", None, seen)
    work.record(Named(1, "dog"), left)
    work.record(drawn(1, 5), left)  # its own changes never surprise a tab
    work.record(Named(2, "cat"), right)
    assert dict(work.state.names) == {1: "dog", 2: "cat"}
    with pytest.raises(ChangedElsewhere, match="object 1 was changed meanwhile by Ada"):
        work.record(drawn(1, 6), right)
    with pytest.raises(ChangedElsewhere):
        work.step(forward=False, hand=right)
    caught_up = Hand("right", None, work.project.question(work.question_id).revision)
    work.record(MoveKeyframe(7), caught_up)
    with pytest.raises(ChangedElsewhere, match="this question was changed meanwhile by another tab"):
        work.record(drawn(3), left)


def test_a_change_by_another_program_is_noticed_too(store: Store) -> None:
    work = new_work(store)
    work.record(drawn())
    tab = Hand("left", None, work.project.question(work.question_id).revision)
    with Project.open(work.project.folder) as other:
        other.record(work.question_id, Named(1, "dog"), annotator="Bob")
    assert [change.annotator for change in work.others(tab)] == ["Bob"]
    with pytest.raises(ChangedElsewhere, match="by Bob"):
        work.record(Named(1, "cat"), tab)
    assert dict(work.state.names) == {1: "dog"}


def test_every_visitor_has_a_project_within_a_quota_that_cannot_be_guessed(tmp_path: Path) -> None:
    shelf = Shelf(Settings(visitors=tmp_path / "visitors", visitor_bytes=400_000))
    (first, project), (second, _) = shelf.get_or_make(None), shelf.get_or_make("guess")
    assert first != second
    assert min(len(first), len(second)) >= 16
    assert shelf.get_or_make(first) == (first, project)
    with pytest.raises(ProjectError, match="download everything"):
        shelf.check_space(project, 400_000)
    for key in ("../visitors", "", None, 5, "guess"):
        with pytest.raises(SessionError):
            shelf.get(key)
    shelf.close()


def test_a_visitors_project_is_gone_after_its_lifetime_and_no_other_one(tmp_path: Path) -> None:
    settings = Settings(visitors=tmp_path / "visitors", visitor_age_s=3600)
    before = Shelf(settings)
    (old, project), (young, _) = before.get_or_make(None), before.get_or_make(None)
    folder = project.folder
    before.close()
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_atime - 7200, path.stat().st_mtime - 7200))
    later = Shelf(settings)
    later.get_or_make(None)  # somebody new comes by
    assert not folder.exists()
    with pytest.raises(SessionError, match="no longer on the server"):
        later.get(old)
    assert later.get(young).questions() == ()
    later.close()


def test_a_folder_with_other_files_is_not_made_a_project(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ProjectError, match="holds other files"):
        Shelf(Settings(project=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_new_job_stops_the_one_before_it_and_waits_for_its_end(store: Store) -> None:
    work = new_work(store)
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


def test_the_server_ends_though_nobody_fetches_what_a_job_still_has_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "ENDING_S", 0.05)
    monkeypatch.setattr(stores, "SAVE_S", 60.0)
    store = open_store(tmp_path)
    work = new_work(store)
    question_id = work.question_id

    def job() -> Iterator[int]:
        with work.job():
            for frame_index in range(5):
                work.arrive(FrameMasks(frame_index, {1: ObjectMask(empty_mask(work.video.info.size_wh), 1.0)}), "x")
                yield frame_index

    suspended = job()
    assert [next(suspended), next(suspended)] == [0, 1]
    store.close()
    with Project.open(tmp_path / "labels") as project:
        assert sorted(project.session(question_id).tracks[1].frames) == [0, 1]
    suspended.close()
