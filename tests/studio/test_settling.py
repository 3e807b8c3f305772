"""A correction that is followed until masks come out as they were: what the page is told, what the project keeps."""

from typing import Any

import pytest

from tests.standins import Fading, fill_box
from tests.studio.visitor import BOX, OTHER, SIZE_WH, Visitor, of_kind
from veason.project import Project
from veason.types import Box

FRAMES = 60
CORRECTED = fill_box(Box(*OTHER), SIZE_WH)


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who boxed an object on frame 0, propagated, and boxed it elsewhere on frame 30."""
    visitor = Visitor(segmenter=Fading(reach=5), count=FRAMES)
    visitor.edit(edit="box", object=0, frame=0, xyxy=BOX)
    visitor.propagate()
    visitor.edit(edit="box", object=1, frame=30, xyxy=OTHER)
    return visitor


def follow(visitor: Visitor, **data: Any) -> list[dict[str, Any]]:
    return visitor.propagate(only="stale", object=1, frame=30, settles=True, **data)


def test_the_page_is_told_where_a_run_ended_and_what_it_left(visitor: Visitor) -> None:
    told = follow(visitor)
    settled = of_kind(told, "settled")
    assert settled == [{"kind": "settled", "object": 1, "frame": 30, "start": 21, "stop": 40, "left": 40}]
    session = of_kind(told, "session")[-1]
    assert (session["pending"], session["stale"]) == ({}, [])
    assert session["assumed"] == {"1": [[1, 21], [40, 60]]}


def test_what_is_left_is_kept_on_the_disk_and_undone_with_the_correction(visitor: Visitor) -> None:
    follow(visitor)
    kept = visitor.state
    with Project.open(visitor.project.folder) as other:
        assert other.labels.state(visitor.question.question_id) == kept
    assert kept.assumed == {1: ((1, 21), (40, 60))}
    visitor.edit(edit="undo")
    assert visitor.state.assumed == {}
    visitor.edit(edit="redo")
    assert visitor.state == kept


def test_going_on_does_what_was_left(visitor: Visitor) -> None:
    follow(visitor)
    told = visitor.propagate(only="rest", object=1, frame=30)
    assert sorted({int(at) for item in of_kind(told, "masks") for at in item["frames"]}) == [
        *range(1, 21), *range(40, 60)
    ]  # fmt: skip
    assert of_kind(told, "session")[-1]["assumed"] == {}


def test_without_the_wish_and_over_everything_a_run_is_whole(visitor: Visitor) -> None:
    told = visitor.propagate(only="stale", object=1, frame=30)
    assert (of_kind(told, "settled"), visitor.state.assumed) == ([], {})
    visitor.edit(edit="box", object=1, frame=31, xyxy=OTHER)
    assert of_kind(visitor.propagate(settles=True), "settled") == []


def test_an_edit_while_it_runs_makes_it_assume_nothing(visitor: Visitor) -> None:
    segmenter = visitor.studio.models.pipeline.segmenter
    assert isinstance(segmenter, Fading)

    def meanwhile(frame_index: int) -> None:
        if frame_index == 24:
            segmenter.on_frame = lambda _: None
            visitor.edit(edit="box", object=1, frame=50, xyxy=[5, 5, 9, 9])

    segmenter.on_frame = meanwhile
    told = follow(visitor)
    assert of_kind(told, "settled") == []
    assert (visitor.state.assumed, visitor.state.touched) == ({}, {(1, 30), (1, 50)})
    follow(visitor)
    assert visitor.state.pending == {}
    assert {at for at in range(FRAMES) if visitor.masks(1)[at].rle == CORRECTED} == {*range(25, 36)}
