"""Open questions: one job at a time, on the disk at once, never a silent overwrite, and nothing lost on the way out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.studio.visitor import BOX, Visitor
from veason.annotation import GotMasks, MoveKeyframe, Named, PutPrompt, State
from veason.errors import ProjectError, SessionError
from veason.hub import ASSETS
from veason.masks import empty_mask
from veason.project import ChangedElsewhere, Project
from veason.studio.server import project_registry
from veason.studio.server.client import Client
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.question import job
from veason.studio.server.question import labels as open_labels
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.question.open_questions import OpenQuestions
from veason.studio.server.settings import Settings
from veason.types import Box, FrameMasks, ObjectMask, Prompt

CLIP = ASSETS / "examples" / "parade.mp4"


@dataclass
class Server:
    """Projects and the questions that are open in them, as the app holds them."""

    registry: ProjectRegistry
    questions: OpenQuestions

    def draft(self) -> OpenQuestion:
        key, project = self.registry.get_or_make(None)
        return self.open(f"{key}.{project.library.add_draft(project.library.add_video(CLIP))}")

    def open(self, work_id: str) -> OpenQuestion:
        with self.questions.using(work_id) as question:
            return question

    def close(self) -> None:
        self.questions.close()
        self.registry.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = start(tmp_path)
    yield made
    made.close()


def start(folder: Path, capacity: int = 4) -> Server:
    registry = ProjectRegistry(Settings(project=folder / "labels"))
    return Server(registry, OpenQuestions(registry, capacity))


def start_public(folder: Path, age_s: float = 3600.0) -> Server:
    registry = ProjectRegistry(Settings(visitors=folder / "visitors", visitor_age_s=age_s))
    return Server(registry, OpenQuestions(registry, 4))


def drawn(object_id: int = 1, frame: int = 4) -> PutPrompt:
    return PutPrompt(Prompt(object_id, frame, box=Box(10, 10, 60, 60)))


def nothing_on(question: OpenQuestion, frame_index: int) -> list[GotMasks]:
    return [GotMasks(FrameMasks(frame_index, {1: ObjectMask(empty_mask(question.video.info.size_wh), 3.0)}))]


def state_of(question: OpenQuestion) -> State:
    return question.labels.state()


def test_a_question_comes_back_by_its_id_after_a_restart_with_its_history(tmp_path: Path) -> None:
    server = start(tmp_path)
    question = server.draft()
    question.labels.record(drawn())
    question.labels.record(drawn(2))
    server.close()
    again = start(tmp_path).open(question.id)
    assert state_of(again).object_ids == (1, 2)
    again.labels.step(forward=False)
    assert state_of(again).object_ids == (1,)
    again.labels.step(forward=True)
    assert state_of(again).object_ids == (1, 2)


def test_the_question_longest_unused_is_closed_and_opens_again(tmp_path: Path) -> None:
    server = start(tmp_path, capacity=2)
    first = server.draft()
    first.labels.record(drawn())
    for _ in range(2):
        server.draft().labels.record(drawn())
    assert not server.questions.is_open(first.id)
    again = server.open(first.id)
    assert again is not first
    assert state_of(again).object_ids == (1,)
    server.close()


@pytest.mark.parametrize("work_id", ["", "../..", "nobody", ".", "..1", "nobody.1", "nobody.99999999999"])
def test_an_unknown_id_opens_nothing(work_id: str, server: Server) -> None:
    with pytest.raises(SessionError, match="open the video again"):
        server.open(work_id)


def test_a_draft_that_nobody_touched_is_used_again(server: Server) -> None:
    first = server.draft()
    assert server.draft() is first
    first.labels.record(drawn())
    assert server.draft() is not first


# --- masks on their way to the disk


@pytest.fixture
def never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are not put on the disk by themselves, but for the first."""
    monkeypatch.setattr(open_labels, "SAVE_S", 3600.0)


def stream(question: OpenQuestion, count: int) -> None:
    question.labels.record(drawn())
    for frame in range(count):
        question.labels.arrive(nothing_on(question, frame), "nano")


@pytest.mark.usefixtures("never_due")
def test_masks_that_stream_in_are_saved_together_and_before_anything_else(server: Server) -> None:
    question = server.draft()
    stream(question, 1)  # the first is saved at once
    before = question.project.library.revision
    for frame in range(1, 50):
        question.labels.arrive(nothing_on(question, frame), "nano")
    assert question.project.library.revision == before
    assert len(state_of(question).tracks[1].frames) == 50
    assert question.project.library.revision == before + 1
    question.labels.step(forward=False)
    assert state_of(question).object_ids == ()


@pytest.mark.usefixtures("never_due")
def test_an_idle_question_is_closed_with_the_masks_that_still_wait_for_the_disk(tmp_path: Path) -> None:
    server = start(tmp_path, capacity=1)
    question = server.draft()
    stream(question, 9)
    server.draft()
    assert not server.questions.is_open(question.id)
    assert sorted(state_of(server.open(question.id)).tracks[1].frames) == list(range(9))
    server.close()


@pytest.mark.usefixtures("never_due")
def test_a_question_whose_masks_the_disk_refuses_stays_open_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(tmp_path, capacity=1)
    question = server.draft()
    stream(question, 9)

    def refuse(*_: object, **__: object) -> None:
        raise ProjectError("the disk is full")

    monkeypatch.setattr(question.project.labels, "follow", refuse)
    server.draft()
    assert server.questions.is_open(question.id)
    monkeypatch.undo()
    assert sorted(state_of(question).tracks[1].frames) == list(range(9))
    server.close()


@pytest.mark.usefixtures("never_due")
def test_masks_that_still_wait_are_flushed_for_the_whole_project(server: Server) -> None:
    question = server.draft()
    stream(question, 9)
    server.questions.flush(question.key)
    assert len(question.project.labels.state(question.question_id).tracks[1].frames) == 9


@pytest.mark.usefixtures("never_due")
def test_a_visitors_project_that_is_swept_closes_its_questions_and_loses_no_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_registry, "_SWEEP_S", 0.0)
    server = start_public(tmp_path, age_s=0.05)
    question = server.draft()
    stream(question, 9)
    time.sleep(0.1)
    server.registry.get_or_make(None)  # somebody new comes by
    assert not server.questions.is_open(question.id)
    again = server.open(question.id)  # the masks that came last made the project young again
    assert sorted(state_of(again).tracks[1].frames) == list(range(9))
    time.sleep(0.1)
    server.registry.get_or_make(None)
    with pytest.raises(SessionError, match="no longer on the server"):
        server.open(question.id)
    server.close()


@pytest.mark.parametrize("moment", ["_leave_project", "flush"])
def test_a_visitor_who_comes_back_while_the_project_closes_keeps_what_they_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    is_closing, is_back = threading.Event(), threading.Event()
    going_on = getattr(OpenQuestions, moment)

    def wait_for_the_visitor(questions: OpenQuestions, key: str) -> object:
        is_closing.set()
        is_back.wait(10)
        return going_on(questions, key)

    monkeypatch.setattr(OpenQuestions, moment, wait_for_the_visitor)
    server = start_public(tmp_path)
    work_id = server.draft().id
    monkeypatch.setattr(project_registry, "CLOSE_AFTER_S", -1.0)
    closing = threading.Thread(target=server.registry.sweep)
    closing.start()
    is_closing.wait(10)
    with server.questions.using(work_id) as question:
        is_back.set()
        closing.join()
        assert server.questions.is_open(work_id)
        assert server.registry.get(question.key) is question.project
        question.labels.record(drawn())
    server.registry.sweep()
    assert not server.questions.is_open(work_id)
    assert server.registry.num_open == 0
    server.close()


@pytest.mark.usefixtures("never_due")
def test_the_server_ends_though_nobody_fetches_what_a_job_still_has_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "ENDING_S", 0.05)
    server = start(tmp_path)
    question = server.draft()

    def run() -> Iterator[int]:
        with server.questions.using(question.id), question.job.run():
            for frame_index in range(5):
                question.labels.arrive(nothing_on(question, frame_index), "nano")
                yield frame_index

    suspended = run()
    assert [next(suspended), next(suspended)] == [0, 1]
    server.close()
    with Project.open(tmp_path / "labels") as project:
        assert sorted(project.labels.state(question.question_id).tracks[1].frames) == [0, 1]
    suspended.close()


def test_what_waits_to_be_computed_survives_a_restart_and_what_others_do(tmp_path: Path) -> None:
    server = start(tmp_path)
    question = server.draft()
    stream(question, 90)
    server.close()
    server = start(tmp_path)
    assert state_of(server.open(question.id)).pending == {1: ((90, 96),)}
    server.close()
    with Project.open(tmp_path / "labels") as project:
        project.labels.record(question.question_id, drawn(1, 20))
    server = start(tmp_path)
    assert state_of(server.open(question.id)).pending == {1: ((5, 96),)}
    server.open(question.id).labels.step(forward=False)
    assert state_of(server.open(question.id)).pending == {1: ((90, 96),)}
    server.close()


# --- the video


def test_a_video_that_is_read_is_not_closed_by_opening_another(tmp_path: Path) -> None:
    server = start(tmp_path, capacity=1)
    first = server.draft()
    first.labels.record(drawn())
    with server.questions.using(first.id) as question:
        server.draft()
        server.close()  # not even by the end of the server
        assert question.video.frame(3).dtype == np.uint8
    assert not server.questions.is_open(first.id)


def test_frames_are_read_while_other_questions_come_and_go(tmp_path: Path) -> None:
    server = start(tmp_path, capacity=1)
    works = []
    for _ in range(3):
        question = server.draft()
        question.labels.record(drawn())
        works.append(question.id)
    failures: list[Exception] = []

    def read(work_id: str) -> None:
        try:
            for frame_index in range(12):
                with server.questions.using(work_id) as question:
                    question.video.frame(frame_index)
        except Exception as error:  # noqa: BLE001  # told by the test, whatever it is
            failures.append(error)

    threads = [threading.Thread(target=read, args=(one,)) for one in works * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    server.close()


# --- messages


def snapshot(visitor: Visitor, tab: str) -> int:
    """Ask for everything about the question and return the number of the message."""
    number: int = visitor.studio.look_up("snapshot", {"work": visitor.work, "tab": tab})["revision"]
    return number


def test_messages_are_counted_on_where_a_question_was_closed_and_opened_again() -> None:
    visitor = Visitor()
    assert [snapshot(visitor, "left") for _ in range(3)] == [1, 2, 3]
    visitor.studio.questions._leave_project(visitor.key)
    assert not visitor.studio.questions.is_open(visitor.work)
    assert snapshot(visitor, "left") == 4
    assert snapshot(visitor, "right") == 1


def test_no_two_messages_to_a_tab_get_the_same_number() -> None:
    visitor, found = Visitor(), list[int]()

    def take() -> None:
        found.extend(snapshot(visitor, "left") for _ in range(20))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 161))


# --- ranges


def test_the_chosen_range_survives_a_restart(tmp_path: Path) -> None:
    server = start(tmp_path)
    question = server.draft()
    proposed = question.range.frames
    question.range.choose((3, 9))
    server.close()
    server = start(tmp_path)
    assert server.open(question.id).range.frames == (3, 9)
    project = server.open(question.id).project
    project.library.keep_note(f"range {question.question_id}", "[3, 9000]")  # of a video that was longer
    server.close()
    server = start(tmp_path)
    assert server.open(question.id).range.frames == proposed
    server.close()


def test_a_proposed_range_is_taken_until_a_person_chooses_another(server: Server) -> None:
    chosen = server.draft().range
    chosen.propose((0, 5))
    assert chosen.frames == (0, 5)
    chosen.choose((3, 9))
    chosen.propose((0, 4))
    assert (chosen.frames, chosen.home) == ((3, 9), (0, 4))
    chosen.choose((0, 4))
    chosen.propose((2, 6))
    assert chosen.frames == (2, 6)
    chosen.choose((3, 9))
    chosen.insist((5, 8))
    assert (chosen.frames, chosen.home) == ((5, 8), (5, 8))


# --- tabs


def test_two_tabs_merge_what_does_not_meet_and_are_told_where_it_does(server: Server) -> None:
    question = server.draft()
    labels, project = question.labels, question.project
    labels.record(drawn(1))
    labels.record(drawn(2))
    seen = project.library.question(question.question_id).revision
    left, right = Client(tab="left", by="Ada", seen=seen), Client(tab="right", seen=seen)
    labels.record(Named(1, "dog"), left)
    labels.record(drawn(1, 5), left)  # its own changes never surprise a tab
    labels.record(Named(2, "cat"), right)
    assert dict(labels.state().names) == {1: "dog", 2: "cat"}
    with pytest.raises(ChangedElsewhere, match="object 1 was changed meanwhile by Ada"):
        labels.record(drawn(1, 6), right)
    with pytest.raises(ChangedElsewhere):
        labels.step(forward=False, client=right)
    caught_up = Client(tab="right", seen=project.library.question(question.question_id).revision)
    labels.record(MoveKeyframe(7), caught_up)
    with pytest.raises(ChangedElsewhere, match="this question was changed meanwhile by another tab"):
        labels.record(drawn(3), left)


def test_a_change_by_another_program_is_noticed_too(server: Server) -> None:
    question = server.draft()
    question.labels.record(drawn())
    tab = Client(tab="left", seen=question.project.library.question(question.question_id).revision)
    with Project.open(question.project.folder) as other:
        other.labels.record(question.question_id, Named(1, "dog"), annotator="Bob")
    assert [change.annotator for change in question.labels.unseen(tab)] == ["Bob"]
    with pytest.raises(ChangedElsewhere, match="by Bob"):
        question.labels.record(Named(1, "cat"), tab)
    assert dict(question.labels.state().names) == {1: "dog"}


# --- jobs


def test_a_new_job_stops_the_one_before_it_and_waits_for_its_end(server: Server) -> None:
    running = server.draft().job
    order: list[str] = []

    def first_job() -> None:
        with running.run():
            order.append("first begins")
            while not running.is_stopping:
                time.sleep(0.005)
            order.append("first ends")

    thread = threading.Thread(target=first_job)
    thread.start()
    while not order:
        time.sleep(0.005)
    with running.run():
        assert not running.is_stopping
        order.append("second runs")
    thread.join()
    assert order == ["first begins", "first ends", "second runs"]


def test_stop_reaches_a_job_that_still_waits_for_its_turn(server: Server) -> None:
    waiting = server.draft().job
    began = list[bool]()

    def second_job() -> None:
        with waiting.run() as stop:
            began.append(not stop.is_set())

    with waiting.run() as stop:
        assert not stop.is_set()
        thread = threading.Thread(target=second_job)
        thread.start()
        while not waiting.is_stopping:  # the second one has asked the first to end, and waits
            time.sleep(0.005)
        waiting.stop()
    thread.join()
    assert began == [False]
    with waiting.run() as stop:
        assert not stop.is_set()


def test_stop_reaches_masks_that_wait_for_the_models() -> None:
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    told = list[dict[str, object]]()
    with visitor.studio.line.background():
        thread = threading.Thread(target=lambda: told.extend(visitor.propagate()))
        thread.start()
        while not visitor.studio.look_up("stop", {"work": visitor.work})["wasRunning"]:
            time.sleep(0.005)
    thread.join()
    assert [item["kind"] for item in told] == ["idle"]
    assert visitor.masks(1) == {}


def test_masks_of_a_job_that_an_edit_stopped_are_not_laid_over_the_edit(server: Server) -> None:
    question = server.draft()
    question.labels.record(drawn())
    with question.job.run():
        assert question.labels.arrive(nothing_on(question, 4), "nano")
        question.labels.record(drawn(1, 6))
        assert not question.labels.arrive(nothing_on(question, 5), "nano")  # it was computed before the edit
    assert sorted(state_of(question).tracks[1].frames) == [4]
    assert state_of(question).pending == {1: ((0, 4), (5, 96))}


def test_undo_of_more_steps_than_there_are_undoes_none(server: Server) -> None:
    question = server.draft()
    question.labels.record(drawn())
    with pytest.raises(SessionError, match="nothing to undo"):
        question.labels.step(forward=False, count=2)
    assert state_of(question).object_ids == (1,)
