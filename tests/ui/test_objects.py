"""Whole objects at the desk: what the page is told, what has to be computed again, and two tabs at once."""

from __future__ import annotations

import pytest

from tests.ui.desk import COUNT, Seat, of_kind

BOX, OTHER = [2, 2, 10, 10], [12, 12, 20, 20]


@pytest.fixture
def seat() -> Seat:
    """Two objects with boxes on frame 5, propagated over the whole clip."""
    seat = Seat()
    seat.edit(edit="box", object=0, frame=5, xyxy=BOX)
    seat.edit(edit="box", object=0, frame=5, xyxy=OTHER)
    seat.propagate()
    return seat


def test_a_copy_needs_no_computing_and_goes_its_own_way(seat: Seat) -> None:
    told = seat.edit(edit="duplicate", object=2)
    (session,), (masks,) = of_kind(told, "session"), of_kind(told, "masks")
    assert session["objects"] == [1, 2, 3]
    assert (session["stale"], session["pending"]) == ([], {})
    assert session["undoSteps"][0] == "duplicate object 2 as object 3"
    assert all(shown["3"] == shown["2"] for shown in masks["frames"].values())
    second = seat.masks(2)
    seat.edit(edit="box", object=3, frame=5, xyxy=BOX)
    seat.propagate(only="stale", object=3, frame=5)
    assert seat.masks(2) == second
    assert {mask.rle for mask in seat.masks(3).values()} == {mask.rle for mask in seat.masks(1).values()}


def test_a_copy_of_an_object_that_waits_for_masks_waits_as_well(seat: Seat) -> None:
    seat.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11])
    told = seat.edit(edit="duplicate", object=1)
    assert of_kind(told, "session")[0]["pending"] == {"1": [[0, COUNT]], "3": [[0, COUNT]]}


def test_two_tabs_that_copy_at_once_get_two_objects(seat: Seat) -> None:
    seen = of_kind(seat.edit(edit="name", object=1, name="dog", tab="a"), "session")[0]["seen"]
    seat.edit(edit="duplicate", object=1, tab="a", seen=seen)
    told = seat.edit(edit="duplicate", object=1, tab="b", seen=seen)
    assert of_kind(told, "session")[0]["objects"] == [1, 2, 3, 4]
