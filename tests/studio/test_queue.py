"""What the queue screen asks of the server: rows, decisions, pre-labelling, files in and out."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio.utils
import pytest

from tests.studio.desk import Seat, of_kind
from veason.project import Project
from veason.studio.server.background import Turns

BOX = {"edit": "box", "object": 0, "frame": 4, "xyxy": [2, 2, 12, 12]}


class Office(Seat):
    """A seat with words for the calls of the queue."""

    def ask(self, name: str, /, **data: Any) -> dict[str, Any]:
        answers = {one.__name__: one for one in self.desk.queue.look_ups()}
        return answers[name]({"project": self.work.key, **data})

    def send(self, name: str, /, **data: Any) -> list[dict[str, Any]]:
        sent = getattr(self.desk.transfer, name)({"project": self.work.key, "work": self.work.id, **data})
        return [item for message in sent for item in message["items"]]

    @property
    def row(self) -> dict[str, Any]:
        return next(row for row in self.ask("queue")["rows"] if row["id"] == self.work.question_id)


@pytest.fixture
def office() -> Iterator[Office]:
    seat = Office()
    yield seat
    seat.desk.close()


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the server finds what browsers upload."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    folder = Path(gradio.utils.get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_decision_counts_and_accepting_nothing_means_absent(office: Office) -> None:
    question = office.work.question_id
    assert office.ask("act", do="accept", question=question)["status"] == "absent"
    office.edit(**BOX)
    assert office.row["status"] == "in review"
    assert office.ask("act", do="accept", question=question, by="Ada")["status"] == "accepted"
    assert office.ask("act", do="reject", question=question)["status"] == "rejected"
    assert office.row["edits"] >= 3


def test_what_another_tab_changed_is_not_accepted_unseen(office: Office) -> None:
    seen = office.work.project.question(office.work.question_id).revision
    office.edit(**BOX, tab="left", seen=seen)
    told = office.ask("act", do="accept", question=office.work.question_id, tab="right", seen=seen)
    assert "look at them, then decide" in told["error"]
    assert office.row["status"] == "in review"


def test_an_unchanged_queue_is_not_sent_again(office: Office) -> None:
    first = office.ask("queue")
    assert set(office.ask("queue", revision=first["revision"])) == {"revision", "prelabel"}
    office.ask("act", do="assign", question=office.work.question_id, name=" Bo ")
    assert office.ask("queue", revision=first["revision"])["people"] == ["Bo"]


def test_comments_are_kept_by_frame_and_closed(office: Office) -> None:
    question = office.work.question_id
    office.ask("act", do="remark", question=question, frame=7, text="cut the shadow", by="Ada")
    (remark,) = office.ask("remarks", question=question)["remarks"]
    assert (remark["frame"], remark["text"], remark["by"]) == (7, "cut the shadow", "Ada")
    assert office.row["remarks"] == 1
    office.ask("act", do="resolve", question=question, remark=remark["id"])
    assert office.row["remarks"] == 0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("queue", {"project": "guess"}, id="no such project"),
        pytest.param("thumb", {"video": 99}, id="no such video"),
        pytest.param("act", {"do": "accept", "question": 99}, id="no such question"),
        pytest.param("act", {"do": "launch", "question": 1}, id="no such action"),
        pytest.param("act", {"do": "assign", "question": 1, "name": 5}, id="a number for a name"),
        pytest.param("act", {"do": "prelabel"}, id="nothing to pre-label"),
    ],
)
def test_a_bad_request_is_answered_in_words(office: Office, name: str, data: dict[str, Any]) -> None:
    assert office.ask(name, **data)["error"]


def test_a_reviewer_agrees_until_the_labels_change(office: Office) -> None:
    question = office.work.question_id
    office.edit(**BOX)
    assert "accept or reject these first" in office.ask("act", do="agree", question=question)["error"]
    office.ask("act", do="accept", question=question, by="Ada")
    office.ask("act", do="agree", question=question, by="Bo")
    office.ask("act", do="disagree", question=question, by="Bo")
    office.ask("act", do="agree", question=question, by="Cy")
    said = [{"verdict": "disagree", "by": "Bo"}, {"verdict": "agree", "by": "Cy"}]
    assert office.row["verdicts"] == office.ask("remarks", question=question)["verdicts"] == said
    assert office.row["status"] == "accepted"
    office.edit(**{**BOX, "object": 1, "xyxy": [4, 2, 14, 12]})
    assert office.row["verdicts"] == []


def test_disputed_labels_wait_for_a_person_and_stay_out_of_exports(office: Office) -> None:
    question = office.work.question_id
    office.work.reword("the square")
    office.edit(**BOX)
    office.propagate()
    office.ask("act", do="accept", question=question, by="Ada")
    assert not office.row["isDisputed"]
    office.ask("act", do="disagree", question=question, by="Bo")
    assert office.row["isDisputed"]
    refused = office.send("export", format="coco", scope="project")
    assert "1 accepted questions that a reviewer disagrees with" in of_kind(refused, "notice")[0]["text"]
    assert of_kind(office.send("export", format="coco", scope="project", disputed=True), "exported")
    office.edit(**{**BOX, "object": 1, "xyxy": [4, 2, 14, 12]})
    assert not office.row["isDisputed"]


def test_the_queue_shows_how_far_two_annotators_agree(office: Office) -> None:
    question = office.work.question_id
    office.work.reword("the square")
    office.edit(**BOX)
    office.propagate()
    second = office.ask("act", do="assign", question=question, name="Bo", isSecond=True)["second"]
    assert office.row["iou"] is None  # nobody has worked on the other one
    first, office.work = office.work, office.store.open(office.work.key, second)
    office.edit(**{**BOX, "xyxy": [2, 2, 7, 12]})
    office.propagate()
    assert office.row["assignee"] == "Bo"
    assert office.row["iou"] == pytest.approx(0.5)
    office.work = first
    assert office.row["iou"] == pytest.approx(0.5)
    told = office.ask("act", do="assign", question=second, name="Cy", isSecond=True)
    assert "second version already" in told["error"]


def test_a_range_is_chosen_without_propagating(office: Office) -> None:
    question = office.work.question_id
    office.ask("act", do="frames", question=question, start=2, stop=7)
    assert office.work.frames == (2, 7)
    assert "not a range" in office.ask("act", do="frames", question=question, start=2, stop=700)["error"]


def test_a_picture_is_made_once(office: Office) -> None:
    video = office.row["video"]
    assert office.ask("thumb", video=video) == office.ask("thumb", video=video)
    assert len(list(office.work.project.proxies.iterdir())) == 1


def test_one_question_is_exported_and_its_losses_told(office: Office) -> None:
    office.edit(**BOX)
    office.propagate()
    items = office.send("export", format="davis", scope="clip", everything=True)
    (file,) = of_kind(items, "file")
    with zipfile.ZipFile(file["path"]) as archive:
        assert sum(name.startswith("Annotations") and name.endswith(".png") for name in archive.namelist()) == 20
    assert of_kind(items, "exported")[0]["lines"][0] == "wrote 20 masks, 1 videos, 20 frames, 1 objects"
    refused = office.send("export", format="coco", scope="project")
    assert "not accepted" in of_kind(refused, "notice")[0]["text"]


def test_the_whole_project_is_packed_and_opens_elsewhere(office: Office, tmp_path: Path) -> None:
    office.edit(**BOX)
    (file,) = of_kind(office.send("export", format="project"), "file")
    with zipfile.ZipFile(file["path"]) as archive:
        archive.extractall(tmp_path / "copy")
    with Project.open(tmp_path / "copy") as copy:
        assert copy.session(office.work.question_id).object_ids == (1,)
        copy.open_video(copy.videos()[0].id).close()


def test_labels_that_are_there_already_are_not_imported_again(office: Office, uploads: Path) -> None:
    office.edit(**BOX)
    office.propagate()
    (file,) = of_kind(office.send("export", format="coco", scope="clip", everything=True), "file")
    upload = uploads / "x" / "labels.zip"
    upload.parent.mkdir()
    Path(file["path"]).rename(upload)
    items = office.send("take", path=str(upload), name="labels.zip", format="coco")
    assert of_kind(items, "notice")[0]["text"] == "Nothing new: 1 question was already there."
    assert len(office.ask("queue")["rows"]) == 1


def test_changed_labels_come_back_in_as_a_second_version(office: Office, uploads: Path) -> None:
    office.work.reword("the square")
    office.edit(**BOX)
    office.propagate()
    (file,) = of_kind(office.send("export", format="coco", scope="clip", everything=True), "file")
    upload = uploads / "x" / "labels.zip"
    upload.parent.mkdir()
    Path(file["path"]).rename(upload)
    office.edit(edit="absent", object=1, start=0, stop=3)
    items = office.send("take", path=str(upload), name="labels.zip", format="coco")
    assert "20 masks" in of_kind(items, "notice")[0]["text"]
    assert [row["isSecond"] for row in office.ask("queue")["rows"]] == [False, True]


def test_only_uploads_and_only_named_folders_are_read(office: Office, uploads: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    for name, data in (
        ("take", {"path": str(secret), "name": "x.json", "format": "coco"}),
        ("enqueue", {"files": [{"path": str(secret), "name": "x.mp4"}], "instructions": ""}),
        ("enqueue", {"folder": str(tmp_path), "instructions": "the ball"}),  # this desk is not local
    ):
        assert of_kind(office.send(name, **data), "notice")[0]["level"] == "error"
    assert secret.exists()


def test_visitors_go_before_the_background() -> None:
    turns, order = Turns(), list[str]()
    entered, let_go = threading.Event(), threading.Event()

    def background(name: str) -> None:
        with turns.background():
            order.append(name)
            entered.set()
            let_go.wait(5)

    def visitor() -> None:
        with turns.visitor():
            order.append("visitor")

    first = threading.Thread(target=background, args=("first",))
    first.start()
    entered.wait(5)
    others = [threading.Thread(target=visitor), threading.Thread(target=background, args=("second",))]
    others[0].start()
    deadline = time.monotonic() + 5
    while not turns.has_waiting and time.monotonic() < deadline:
        time.sleep(0.005)
    others[1].start()
    let_go.set()
    for thread in (first, *others):
        thread.join(5)
    assert order == ["first", "visitor", "second"]


def test_an_edit_that_the_disk_refuses_is_said_and_not_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.edit(**BOX)
    full = Project.open(office.work.project.folder, max_bytes=1)
    monkeypatch.setattr(office.work, "project", full)
    items = office.edit(edit="reason", text="because " * 2000)
    assert [item["kind"] for item in items][-2:] == ["idle", "refused"]
    assert "is full" in of_kind(items, "notice")[0]["text"]
    assert of_kind(items, "unsaved")
    assert office.work.state.thought is None
    full.close()
