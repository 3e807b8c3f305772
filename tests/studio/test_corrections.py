"""A correction redoes what it touches and nothing else; what a person settled stays bit for bit."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.studio.visitor import BOX, COUNT, Visitor, mask_of, of_kind, visitor_with_two_objects
from veason.segmenter import load_segmenter
from veason.types import ModelOptions, ObjectMask


@pytest.fixture
def visitor() -> Visitor:
    return visitor_with_two_objects()


def changed(before: dict[int, ObjectMask], after: dict[int, ObjectMask]) -> list[int]:
    return [frame for frame in range(COUNT) if before.get(frame) != after.get(frame)]


def verify(visitor: Visitor, start: int, stop: int) -> None:
    visitor.edit(edit="verified", object=1, start=start, stop=stop)


def test_a_correction_leaves_other_objects_as_they_are(visitor: Visitor) -> None:
    first, second = visitor.masks(1), visitor.masks(2)
    visitor.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11])
    visitor.propagate(only="stale", object=1, frame=5)
    assert changed(first, visitor.masks(1)) == list(range(COUNT))
    assert changed(second, visitor.masks(2)) == []
    assert visitor.state.stale == frozenset()


def test_a_correction_ends_at_verified_frames(visitor: Visitor) -> None:
    verify(visitor, 2, 4)
    verify(visitor, 12, 15)
    before = visitor.masks(1)
    visitor.edit(edit="box", object=1, frame=8, xyxy=[3, 3, 11, 11])
    visitor.propagate(only="stale", object=1, frame=8)
    assert changed(before, visitor.masks(1)) == [*range(6, 12)]  # frame 5 holds a box by hand


def test_verified_frames_outlive_a_run_over_everything(visitor: Visitor) -> None:
    verify(visitor, 2, 15)
    before = visitor.masks(1)
    visitor.edit(edit="box", object=1, frame=17, xyxy=[3, 3, 11, 11])
    visitor.propagate()
    assert changed(before, visitor.masks(1)) == [0, 1, 15, 16, 17, 18, 19]


def test_a_painted_mask_stays_as_it_was_painted_and_the_rest_follows(visitor: Visitor) -> None:
    painted = mask_of(3, 4, 9, 13)
    before, second = visitor.masks(1), visitor.masks(2)
    visitor.edit(edit="mask", object=1, frame=9, counts=painted.counts)
    visitor.propagate(only="stale", object=1, frame=9)
    assert visitor.masks(1)[9].rle == painted
    assert changed(before, visitor.masks(1)) == [*range(6, COUNT)]
    visitor.propagate()
    assert visitor.masks(1)[9].rle == painted
    assert visitor.masks(1)[9] is not before[9]
    visitor.edit(edit="undo")
    assert visitor.masks(1) == before
    assert set(second) == set(visitor.masks(2))


@pytest.mark.parametrize(("only", "expected"), [("forward", range(9, 14)), ("backward", range(6, 10))])
def test_masks_go_forward_or_backward_from_a_frame(visitor: Visitor, only: str, expected: range) -> None:
    verify(visitor, 14, 15)
    before, second = visitor.masks(1), visitor.masks(2)
    visitor.propagate(only=only, object=1, frame=9)
    assert changed(before, visitor.masks(1)) == list(expected)
    assert changed(second, visitor.masks(2)) == []


def test_here_shows_the_mask_of_one_frame_and_leaves_the_rest_to_be_done() -> None:
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    visitor.propagate(only="here", object=1, frame=5)
    assert sorted(visitor.masks(1)) == [5]
    visitor.propagate(only="stale", object=1, frame=5)
    assert sorted(visitor.masks(1)) == list(range(COUNT))


def test_what_a_stopped_run_left_is_done_by_the_next_one(visitor: Visitor) -> None:
    visitor.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11])
    visitor.segmenter.on_frame = lambda frame_index: visitor.question.job.stop() if frame_index == 12 else None
    visitor.propagate(only="stale", object=1, frame=5)
    visitor.segmenter.on_frame = lambda frame_index: None
    half = visitor.masks(1)
    assert 1 in visitor.state.stale
    left = {frame for frame in range(COUNT) if half[frame].score == 1}
    assert 0 < len(left) < COUNT
    visitor.propagate(only="stale", object=1, frame=5)
    assert set(changed(half, visitor.masks(1))) == left
    assert visitor.state.stale == frozenset()


def test_verifying_a_range_leaves_absent_frames_absent(visitor: Visitor) -> None:
    visitor.edit(edit="absent", object=1, start=8, stop=11)
    told = visitor.edit(edit="verified", object=1, start=0, stop=COUNT)
    marks = [(one["start"], one["stop"], one["mark"]) for one in of_kind(told, "session")[0]["marks"]]
    assert marks == [(0, 8, "verified"), (8, 11, "absent"), (11, COUNT, "verified")]
    told = visitor.edit(edit="undo")
    assert [one["mark"] for one in of_kind(told, "session")[0]["marks"]] == ["absent"]


def test_only_frames_with_a_mask_can_be_verified() -> None:
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    told = visitor.edit(edit="verified", object=1, start=5, stop=6)
    assert "propagate first" in of_kind(told, "notice")[0]["text"]


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("é" * 8, id="no code"),
        pytest.param("o" * 40, id="a run without an end"),
        pytest.param("54", id="too few pixels"),
        pytest.param("0" * 5000, id="too long"),
        pytest.param("O", id="a run below nothing"),
        pytest.param(mask_of(0, 0, 0, 0).counts, id="nothing painted"),
        pytest.param(mask_of(3, 4, 9, 13).counts[:-1] + "o", id="cut off"),
    ],
)
def test_a_broken_painted_mask_is_refused_in_words(visitor: Visitor, counts: Any) -> None:
    before = visitor.project.library.revision
    told = visitor.edit(edit="mask", object=1, frame=9, counts=counts)
    assert of_kind(told, "notice")[0]["text"]
    assert visitor.project.library.revision == before


def test_a_click_does_not_take_a_painting_away(visitor: Visitor) -> None:
    painted = mask_of(3, 4, 9, 13)
    visitor.edit(edit="mask", object=1, frame=9, counts=painted.counts)
    told = visitor.edit(edit="click", object=1, frame=9, xy=[5, 5])
    assert "painted on frame 9" in of_kind(told, "notice")[0]["text"]
    assert visitor.masks(1)[9].rle == painted


def test_the_page_is_told_which_masks_wait_and_what_can_be_undone(visitor: Visitor) -> None:
    verify(visitor, 12, 13)
    told = visitor.edit(edit="box", object=1, frame=8, xyxy=[3, 3, 11, 11])
    session = of_kind(told, "session")[0]
    assert session["pending"] == {"1": [[6, 12]]}
    assert session["undoSteps"][:2] == ["box object 1 on frame 8", "verify object 1 on frame 12"]
    told = visitor.edit(edit="undo", count=2)
    assert of_kind(told, "session")[0]["redoSteps"] == ["verify object 1 on frame 12", "box object 1 on frame 8"]


def test_a_frame_verified_and_an_object_locked_while_masks_arrive_stay(visitor: Visitor) -> None:
    first, second = visitor.masks(1), visitor.masks(2)

    def meanwhile(frame_index: int) -> None:
        if frame_index == 7:
            visitor.edit(edit="verified", object=1, start=12, stop=15)
            visitor.edit(edit="lock", object=2)
            visitor.edit(edit="name", object=1, name="dog")

    visitor.segmenter.on_frame = meanwhile
    visitor.propagate()
    assert set(changed(first, visitor.masks(1))) == set(range(COUNT)) - {12, 13, 14}
    assert changed(second, visitor.masks(2)) == [5, 6]  # those before frame 7 had arrived


def test_undo_after_a_part_was_propagated_does_not_call_its_masks_outdated() -> None:
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=2, xyxy=BOX)
    visitor.propagate(0, 6)
    visitor.edit(edit="absent", object=1, start=4, stop=COUNT)
    told = visitor.edit(edit="undo")
    assert of_kind(told, "session")[0]["pending"] == {}
    assert sorted(visitor.masks(1)) == [*range(6)]


def test_masks_wait_for_the_edit_that_was_sent_before_them(visitor: Visitor) -> None:
    before = visitor.masks(1)
    waiting = threading.Thread(target=visitor.propagate, kwargs={"only": "stale", "object": 1, "frame": 5, "after": 70})
    waiting.start()
    visitor.edit(edit="name", object=2, name="cat", stamp=69)
    assert visitor.masks(1) == before
    visitor.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11], stamp=70)
    waiting.join(10)
    assert changed(before, visitor.masks(1)) == list(range(COUNT))


def test_on_the_embedded_segmenter_too_only_what_is_touched_changes() -> None:
    visitor = Visitor(segmenter=load_segmenter("nano", ModelOptions(device="cpu")), count=8)
    visitor.edit(edit="box", object=0, frame=0, xyxy=[2, 2, 10, 10])
    visitor.edit(edit="box", object=0, frame=0, xyxy=[20, 12, 28, 20])
    visitor.propagate()
    visitor.edit(edit="verified", object=1, start=6, stop=7)
    first, second = visitor.masks(1), visitor.masks(2)
    painted = mask_of(5, 3, 13, 11)
    visitor.edit(edit="mask", object=1, frame=3, counts=painted.counts)
    visitor.propagate(only="stale", object=1, frame=3)
    after = visitor.masks(1)
    assert after[3].rle == painted
    assert [frame for frame in (0, 6, 7) if after[frame] != first[frame]] == []
    assert any(after[frame] != first[frame] for frame in (1, 2, 4, 5))
    assert visitor.masks(2) == second
