"""Rows of the queue: deleted and restored, reworded, copied, and several of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.studio.visitor import BOX, Visitor, of_kind, visitor_with_two_objects
from veason.cli import main
from veason.masks import mask_iou
from veason.project import Project
from veason.project.statistics import statistics

RED = {
    "name": "red ball",
    "colour": "#d55e00",
    "key": "b",
    "attributes": [{"name": "size", "values": ["big", "small"]}],
}


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    made = visitor_with_two_objects()
    yield made
    made.studio.close()


def act(visitor: Visitor, do: str, **data: Any) -> Any:
    return visitor.look_up("act", do=do, **data)


def rows(visitor: Visitor) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in visitor.look_up("queue")["rows"]}


def labels_of(project: Project, question_id: int) -> tuple[object, ...]:
    state = project.labels.state(question_id)
    return state.prompts, state.by_hand, state.marks, state.names, state.classes, state.pending, state.tracks


def test_a_deleted_question_is_left_out_everywhere_and_comes_back_as_it_was(visitor: Visitor) -> None:
    project, (first,) = visitor.project, rows(visitor)
    second = act(visitor, "copy", question=first)["question"]
    before = labels_of(project, first)
    assert act(visitor, "delete", questions=[first])["done"] == [first]
    assert [one.id for one in project.library.questions()] == [second]
    assert statistics(project).num_questions == 1
    assert {number: row["isDeleted"] for number, row in rows(visitor).items()} == {first: True, second: False}
    for told in (act(visitor, "accept", question=first), act(visitor, "rename", question=first, text="x")):
        assert "was deleted: restore it" in told["error"]
    edited = visitor.edit(edit="box", object=1, frame=5, xyxy=BOX)
    assert "was deleted: restore it" in of_kind(edited, "notice")[0]["text"]
    with Project.open(project.folder) as another:  # as after a restart
        assert [one.id for one in another.library.questions(is_deleted=True)] == [first]
    assert act(visitor, "restore", questions=[first])["done"] == [first]
    assert labels_of(project, first) == before
    assert not of_kind(visitor.edit(edit="box", object=1, frame=5, xyxy=BOX), "notice")


def test_questions_are_deleted_together_or_not_at_all(visitor: Visitor) -> None:
    (first,) = rows(visitor)
    assert "no question 99 to delete" in act(visitor, "delete", questions=[first, 99])["error"]
    assert not rows(visitor)[first]["isDeleted"]
    assert "no question 1 to restore" in act(visitor, "restore", questions=[first])["error"]


def test_a_copy_has_the_labels_and_a_way_of_its_own(visitor: Visitor) -> None:
    project, (first,) = visitor.project, rows(visitor)
    visitor.edit(edit="absent", object=1, start=9, stop=12)
    visitor.edit(edit="name", object=2, name="post")
    second = act(visitor, "copy", question=first)["question"]
    assert labels_of(project, second) == labels_of(project, first)
    visitor.edit(edit="name", object=2, name="pole")
    assert project.labels.state(second).names == {2: "post"}
    assert project.labels.look(second).done == ()
    assert rows(visitor)[second]["status"] == "in review"


def test_words_are_changed_and_an_asked_question_is_changed_by_a_step(visitor: Visitor) -> None:
    project, (first,) = visitor.project, rows(visitor)
    assert act(visitor, "rename", question=first, text=" the red one ")["status"]
    assert rows(visitor)[first]["instruction"] == "the red one"
    assert "empty" in act(visitor, "rename", question=first, text="  ")["error"]
    from veason.annotation import Asked, GotAnswer
    from veason.types import Answer

    project.labels.record(first, Asked("the red one", (0,)))
    project.labels.follow(first, [GotAnswer(Answer("It is nowhere.", None, ()), ())])
    act(visitor, "rename", question=first, text="the green one")
    assert rows(visitor)[first]["instruction"] == project.labels.state(first).instruction == "the green one"
    assert project.labels.state(first).reasoning == "stale"  # it was about other words
    project.labels.undo(first)
    assert rows(visitor)[first]["instruction"] == "the red one"
    assert project.labels.state(first).reasoning == "fresh"


def test_several_are_decided_and_handed_out_at_once(visitor: Visitor) -> None:
    (first,) = rows(visitor)
    second = act(visitor, "copy", question=first)["question"]
    empty = visitor.project.library.add_question(1, "the blue one")
    told = act(visitor, "decide", questions=[first, second, empty], decision="accept", by="Ada")
    assert told["done"] == [first, second]
    assert "nothing to accept yet" in told["refused"][0]
    assert act(visitor, "hand out", questions=[first, second], name=" Bo ")["done"] == [first, second]
    assert "no question 99" in act(visitor, "hand out", questions=[empty, 99], name="Bo")["error"]
    assert {row["assignee"] for row in rows(visitor).values()} == {"Bo", None}
    items = visitor.send("export", project=visitor.key, format="veason", questions=[second], pictures=False)
    assert "1 question" in " ".join(of_kind(items, "exported")[0]["lines"]), items


def test_classes_are_the_projects_and_an_object_has_one(visitor: Visitor) -> None:
    kept = act(visitor, "rules", classes=[RED], demanded=[], neverOverlap=False)
    assert kept["classes"] == [RED]
    told = visitor.edit(edit="class", object=1, name="red ball", attributes=[{"name": "size", "value": "big"}])
    (session,) = of_kind(told, "session")
    assert (session["classes"], session["attributes"]) == ({"1": "red ball"}, {"1": {"size": "big"}})
    visitor.edit(edit="undo")
    assert visitor.state.classes == {}
    for wrong in (
        {**RED, "colour": "red"},
        {**RED, "name": ""},
        {**RED, "attributes": [{"name": "size", "values": ["big", "big"]}]},
    ):
        assert act(visitor, "rules", classes=[wrong], demanded=[], neverOverlap=False)["error"]
    assert (
        "two classes have the key 'b'"
        in act(visitor, "rules", classes=[RED, {**RED, "name": "x"}], demanded=[], neverOverlap=False)["error"]
    )
    assert visitor.look_up("queue")["classes"] == [RED]


def test_a_project_demands_that_nothing_is_left_open_before_labels_are_accepted(visitor: Visitor) -> None:
    (first,) = rows(visitor)
    act(visitor, "rules", classes=[], demanded=["missing", "empty"], neverOverlap=False)
    visitor.edit(edit="box", object=0, frame=3, xyxy=[1, 1, 5, 5])
    assert "20 frames without an up-to-date mask" in act(visitor, "accept", question=first)["error"]
    assert act(visitor, "decide", questions=[first], decision="accept")["done"] == []
    visitor.propagate()
    assert act(visitor, "accept", question=first)["status"] == "accepted"
    act(visitor, "rules", classes=[], demanded=["unverified"], neverOverlap=False)
    told = act(visitor, "accept", question=first)["error"]
    assert "57 unverified frames" in told  # 3 objects on 20 frames, but for those that were drawn
    for object_id in (1, 2, 3):
        visitor.edit(edit="verified", object=object_id, start=0, stop=20)
    assert act(visitor, "accept", question=first)["status"] == "accepted"


def test_a_project_wants_that_objects_never_overlap_and_every_export_of_it_keeps_to_it(
    visitor: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    for frame_index in (3, 4):
        visitor.edit(edit="box", object=0, frame=frame_index, xyxy=[1, 1, 9, 9])
    visitor.propagate()
    assert visitor.look_up("queue")["neverOverlap"] is False

    def told() -> str:
        items = visitor.send("export", project=visitor.key, format="veason", everything=True, pictures=False)
        return " ".join(of_kind(items, "exported")[0]["lines"])

    assert "overlapping" not in told()
    assert act(visitor, "rules", classes=[], demanded=[], neverOverlap=True)["neverOverlap"] is True
    assert visitor.look_up("queue")["neverOverlap"] is True
    assert "overlapping objects that were given to one of them" in told()
    out = visitor.project.folder.parent / "exported"
    command = ["export", str(visitor.project.folder), "--format", "veason", "--out", str(out), "--no-pictures"]
    assert main([*command, "--everything", "--json"]) == 0
    assert "given to one of them" in capsys.readouterr().out
    assert any(
        mask_iou(a.rle, b.rle) for a, b in zip(visitor.masks(3).values(), visitor.masks(4).values(), strict=True)
    )


def test_the_effort_for_each_object_is_told(visitor: Visitor) -> None:
    (first,) = rows(visitor)
    visitor.edit(edit="click", object=1, frame=7, xy=[5, 5])
    visitor.edit(edit="click", object=1, frame=7, xy=[6, 6], positive=False)
    visitor.edit(edit="box", object=2, frame=5, xyxy=BOX)
    told = visitor.look_up("efforts", question=first)["objects"]
    assert {one: (effort["clicks"], effort["boxes"], effort["corrections"]) for one, effort in told.items()} == {
        "1": (2, 1, 2),  # its first box began it
        "2": (0, 2, 1),
    }
