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

from tests.studio.visitor import Visitor, mask_of, of_kind
from veason.annotation import GotMasks
from veason.project import Project
from veason.studio.server.model_line import ModelLine
from veason.studio.server.question import labels
from veason.types import FrameMasks, ObjectMask

BOX = {"edit": "box", "object": 0, "frame": 4, "xyxy": [2, 2, 12, 12]}


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    made = Visitor()
    yield made
    made.studio.close()


def row_of(visitor: Visitor) -> dict[str, Any]:
    rows = visitor.look_up("queue")["rows"]
    return next(row for row in rows if row["id"] == int(visitor.work.rpartition(".")[2]))


def transfer(visitor: Visitor, event: str, **data: Any) -> list[dict[str, Any]]:
    return visitor.send(event, project=visitor.key, work=visitor.work, **data)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the server finds what browsers upload."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    folder = Path(gradio.utils.get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_decision_counts_and_nothing_is_accepted_as_absent_only_by_a_word(visitor: Visitor) -> None:
    question = visitor.question.question_id
    assert "nothing to accept" in visitor.look_up("act", do="accept", question=question)["error"]
    assert row_of(visitor)["status"] == "new"
    assert visitor.look_up("act", do="absent", question=question)["status"] == "absent"
    visitor.edit(**BOX)
    assert row_of(visitor)["status"] == "in review"
    assert visitor.look_up("act", do="accept", question=question, by="Ada")["status"] == "accepted"
    assert visitor.look_up("act", do="reject", question=question)["status"] == "rejected"
    assert row_of(visitor)["edits"] >= 3


def test_what_another_tab_changed_is_not_accepted_unseen(visitor: Visitor) -> None:
    seen = visitor.project.library.question(visitor.question.question_id).revision
    visitor.edit(**BOX, tab="left", seen=seen)
    told = visitor.look_up("act", do="accept", question=visitor.question.question_id, tab="right", seen=seen)
    assert "look at them, then decide" in told["error"]
    assert row_of(visitor)["status"] == "in review"


def test_an_unchanged_queue_is_not_sent_again(visitor: Visitor) -> None:
    first = visitor.look_up("queue")
    assert set(visitor.look_up("queue", revision=first["revision"])) == {"revision", "prelabel"}
    visitor.look_up("act", do="assign", question=visitor.question.question_id, name=" Bo ")
    assert visitor.look_up("queue", revision=first["revision"])["people"] == ["Bo"]


def test_comments_are_kept_by_frame_and_closed(visitor: Visitor) -> None:
    question = visitor.question.question_id
    visitor.look_up("act", do="remark", question=question, frame=7, text="cut the shadow", by="Ada")
    (remark,) = visitor.look_up("remarks", question=question)["remarks"]
    assert (remark["frame"], remark["text"], remark["by"]) == (7, "cut the shadow", "Ada")
    assert row_of(visitor)["remarks"] == 1
    visitor.look_up("act", do="resolve", question=question, remark=remark["id"])
    assert row_of(visitor)["remarks"] == 0


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
def test_a_bad_request_is_answered_in_words(visitor: Visitor, name: str, data: dict[str, Any]) -> None:
    assert visitor.look_up(name, **data)["error"]


def test_a_reviewer_agrees_until_the_labels_change(visitor: Visitor) -> None:
    question = visitor.question.question_id
    visitor.edit(**BOX)
    assert "accept or reject these first" in visitor.look_up("act", do="agree", question=question)["error"]
    visitor.look_up("act", do="accept", question=question, by="Ada")
    visitor.look_up("act", do="agree", question=question, by="Bo")
    visitor.look_up("act", do="disagree", question=question, by="Bo")
    visitor.look_up("act", do="agree", question=question, by="Cy")
    said = [{"verdict": "disagree", "by": "Bo"}, {"verdict": "agree", "by": "Cy"}]
    assert row_of(visitor)["verdicts"] == visitor.look_up("remarks", question=question)["verdicts"] == said
    assert row_of(visitor)["status"] == "accepted"
    visitor.edit(**{**BOX, "object": 1, "xyxy": [4, 2, 14, 12]})
    assert row_of(visitor)["verdicts"] == []


def test_disputed_labels_wait_for_a_person_and_stay_out_of_exports(visitor: Visitor) -> None:
    question = visitor.question.question_id
    visitor.question.labels.keep_words("the square")
    visitor.edit(**BOX)
    visitor.propagate()
    visitor.look_up("act", do="accept", question=question, by="Ada")
    assert not row_of(visitor)["isDisputed"]
    visitor.look_up("act", do="disagree", question=question, by="Bo")
    assert row_of(visitor)["isDisputed"]
    refused = transfer(visitor, "export", format="coco", scope="project")
    assert "1 accepted questions that a reviewer disagrees with" in of_kind(refused, "notice")[0]["text"]
    assert of_kind(transfer(visitor, "export", format="coco", scope="project", disputed=True), "exported")
    visitor.edit(**{**BOX, "object": 1, "xyxy": [4, 2, 14, 12]})
    assert not row_of(visitor)["isDisputed"]


def test_the_queue_shows_how_far_two_annotators_agree(visitor: Visitor) -> None:
    question = visitor.question.question_id
    visitor.question.labels.keep_words("the square")
    visitor.edit(**BOX)
    visitor.propagate()
    second = visitor.look_up("act", do="assign", question=question, name="Bo", isSecond=True)["second"]
    assert row_of(visitor)["iou"] is None  # nobody has worked on the other one
    first, visitor.work = visitor.work, f"{visitor.key}.{second}"
    visitor.edit(**{**BOX, "xyxy": [2, 2, 7, 12]})
    visitor.propagate()
    assert row_of(visitor)["assignee"] == "Bo"
    assert row_of(visitor)["iou"] == pytest.approx(0.5)
    visitor.work = first
    assert row_of(visitor)["iou"] == pytest.approx(0.5)
    told = visitor.look_up("act", do="assign", question=second, name="Cy", isSecond=True)
    assert "second version already" in told["error"]


def test_a_range_is_chosen_without_propagating(visitor: Visitor) -> None:
    question = visitor.question.question_id
    visitor.look_up("act", do="frames", question=question, start=2, stop=7)
    assert visitor.question.range.frames == (2, 7)
    assert "not a range" in visitor.look_up("act", do="frames", question=question, start=2, stop=700)["error"]


def test_a_picture_is_made_once(visitor: Visitor) -> None:
    video = row_of(visitor)["video"]
    assert visitor.look_up("thumb", video=video) == visitor.look_up("thumb", video=video)
    assert len(list(visitor.project.proxies.glob("*.txt"))) == 1


def test_one_question_is_exported_and_its_losses_told(visitor: Visitor) -> None:
    visitor.edit(**BOX)
    visitor.propagate()
    items = transfer(visitor, "export", format="davis", scope="clip", everything=True)
    (file,) = of_kind(items, "file")
    with zipfile.ZipFile(file["path"]) as archive:
        assert sum(name.startswith("Annotations") and name.endswith(".png") for name in archive.namelist()) == 20
    assert of_kind(items, "exported")[0]["lines"][0] == "wrote 20 masks, 1 videos, 20 frames, 1 objects"
    refused = transfer(visitor, "export", format="coco", scope="project")
    assert "not accepted" in of_kind(refused, "notice")[0]["text"]


def test_an_export_holds_the_masks_that_came_last(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "SAVE_S", 3600.0)
    visitor.edit(**BOX)
    visitor.propagate()
    late = ObjectMask(mask_of(0, 0, 3, 3), 5.0)
    question = visitor.question
    with question.job.run():
        assert question.labels.arrive([GotMasks(FrameMasks(0, {1: late}))], "filler")
    assert visitor.project.labels.state(1).tracks[1].frames[0] != late  # it is not on the disk yet
    transfer(visitor, "export", format="coco", scope="project", everything=True)
    assert visitor.project.labels.state(1).tracks[1].frames[0] == late


@pytest.mark.parametrize("project", [None, ""])
@pytest.mark.parametrize("format", ["project", "coco"])
def test_a_visitor_who_has_no_project_yet_is_told_so(visitor: Visitor, project: str | None, format: str) -> None:
    told = visitor.send("export", project=project, format=format)
    assert of_kind(told, "notice")[0]["text"].startswith("there is nothing to download yet: open a video")
    assert told[-1]["kind"] == "transferred"


def test_the_whole_project_is_packed_and_opens_elsewhere(visitor: Visitor, tmp_path: Path) -> None:
    visitor.edit(**BOX)
    (file,) = of_kind(transfer(visitor, "export", format="project"), "file")
    with zipfile.ZipFile(file["path"]) as archive:
        archive.extractall(tmp_path / "copy")
    with Project.open(tmp_path / "copy") as copy:
        assert copy.labels.state(visitor.question.question_id).object_ids == (1,)
        copy.library.open_video(copy.library.videos()[0].id).close()


def test_labels_that_are_there_already_are_not_imported_again(visitor: Visitor, uploads: Path) -> None:
    visitor.edit(**BOX)
    visitor.propagate()
    (file,) = of_kind(transfer(visitor, "export", format="coco", scope="clip", everything=True), "file")
    upload = uploads / "x" / "labels.zip"
    upload.parent.mkdir()
    Path(file["path"]).rename(upload)
    items = transfer(visitor, "take", path=str(upload), name="labels.zip", format="coco")
    assert of_kind(items, "notice")[0]["text"] == "Nothing new: 1 question was already there."
    assert len(visitor.look_up("queue")["rows"]) == 1


def test_changed_labels_come_back_in_as_a_second_version(visitor: Visitor, uploads: Path) -> None:
    visitor.question.labels.keep_words("the square")
    visitor.edit(**BOX)
    visitor.propagate()
    (file,) = of_kind(transfer(visitor, "export", format="coco", scope="clip", everything=True), "file")
    upload = uploads / "x" / "labels.zip"
    upload.parent.mkdir()
    Path(file["path"]).rename(upload)
    visitor.edit(edit="absent", object=1, start=0, stop=3)
    items = transfer(visitor, "take", path=str(upload), name="labels.zip", format="coco")
    assert "20 masks" in of_kind(items, "notice")[0]["text"]
    assert [row["isSecond"] for row in visitor.look_up("queue")["rows"]] == [False, True]


def test_only_uploads_and_only_named_folders_are_read(visitor: Visitor, uploads: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    for name, data in (
        ("take", {"path": str(secret), "name": "x.json", "format": "coco"}),
        ("enqueue", {"files": [{"path": str(secret), "name": "x.mp4"}], "instructions": ""}),
        ("enqueue", {"folder": str(tmp_path), "instructions": "the ball"}),  # this page is not local
    ):
        assert of_kind(transfer(visitor, name, **data), "notice")[0]["level"] == "error"
    assert secret.exists()


def test_visitors_go_before_the_background() -> None:
    line, order = ModelLine(), list[str]()
    entered, let_go = threading.Event(), threading.Event()

    def background(name: str) -> None:
        with line.background():
            order.append(name)
            entered.set()
            let_go.wait(5)

    def visitor() -> None:
        with line.ticket("somebody", "think") as ticket:
            ticket.wait()
            order.append("visitor")

    first = threading.Thread(target=background, args=("first",))
    first.start()
    entered.wait(5)
    others = [threading.Thread(target=visitor), threading.Thread(target=background, args=("second",))]
    others[0].start()
    deadline = time.monotonic() + 5
    while not line._waiting and time.monotonic() < deadline:
        time.sleep(0.005)
    others[1].start()
    let_go.set()
    for thread in (first, *others):
        thread.join(5)
    assert order == ["first", "visitor", "second"]


def test_an_edit_that_the_disk_refuses_is_said_and_not_kept(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.edit(**BOX)
    full = Project.open(visitor.project.folder, max_bytes=1)
    monkeypatch.setattr(visitor.question.labels, "_project", full)
    items = visitor.edit(edit="reason", text="because " * 2000)
    assert [item["kind"] for item in items] == ["notice", "unsaved", "refused"]
    assert "is full" in of_kind(items, "notice")[0]["text"]
    assert of_kind(items, "unsaved")
    assert visitor.question.labels.saved_state().thought is None
    full.close()
