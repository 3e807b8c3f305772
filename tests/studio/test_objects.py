"""Whole objects: what the page is told, what has to be computed again, and two tabs at once."""

from __future__ import annotations

import pytest

from tests.studio.visitor import BOX, COUNT, OTHER, Visitor, of_kind, visitor_with_two_objects
from veason.masks import union_mask


@pytest.fixture
def visitor() -> Visitor:
    return visitor_with_two_objects()


def test_a_copy_needs_no_computing_and_goes_its_own_way(visitor: Visitor) -> None:
    told = visitor.edit(edit="duplicate", object=2)
    (session,), (masks,) = of_kind(told, "session"), of_kind(told, "masks")
    assert session["objects"] == [1, 2, 3]
    assert (session["stale"], session["pending"]) == ([], {})
    assert session["undoSteps"][0] == "duplicate object 2 as object 3"
    assert all(shown["3"] == shown["2"] for shown in masks["frames"].values())
    second = visitor.masks(2)
    visitor.edit(edit="box", object=3, frame=5, xyxy=BOX)
    visitor.propagate(only="stale", object=3, frame=5)
    assert visitor.masks(2) == second
    assert {mask.rle for mask in visitor.masks(3).values()} == {mask.rle for mask in visitor.masks(1).values()}


def test_a_copy_of_an_object_that_waits_for_masks_waits_as_well(visitor: Visitor) -> None:
    visitor.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11])
    told = visitor.edit(edit="duplicate", object=1)
    assert of_kind(told, "session")[0]["pending"] == {"1": [[0, COUNT]], "3": [[0, COUNT]]}


def test_two_tabs_that_copy_at_once_get_two_objects(visitor: Visitor) -> None:
    seen = of_kind(visitor.edit(edit="name", object=1, name="dog", tab="a"), "session")[0]["seen"]
    visitor.edit(edit="duplicate", object=1, tab="a", seen=seen)
    told = visitor.edit(edit="duplicate", object=1, tab="b", seen=seen)
    assert of_kind(told, "session")[0]["objects"] == [1, 2, 3, 4]


def test_a_merge_needs_no_computing_and_the_union_outlives_a_run_where_it_was_prompted(visitor: Visitor) -> None:
    visitor.edit(edit="box", object=2, frame=9, xyxy=OTHER)
    visitor.propagate()
    first, second = visitor.masks(1), visitor.masks(2)
    told = visitor.edit(edit="merge", object=2, into=1)
    (session,) = of_kind(told, "session")
    assert (session["objects"], session["stale"], session["pending"]) == ([1], [], {})
    assert session["undoSteps"][0] == "merge object 2 into object 1"
    assert session["paintings"] == [[1, 9]]
    both = union_mask([first[9].rle, second[9].rle])
    assert {mask.rle for at, mask in visitor.masks(1).items() if at != 5} == {both}
    assert visitor.masks(1)[5] == first[5]  # a person drew the object there
    visitor.propagate()
    assert visitor.masks(1)[9].rle == both


def test_a_merge_is_refused_where_another_tab_changed_one_of_the_two(visitor: Visitor) -> None:
    seen = of_kind(visitor.edit(edit="name", object=1, name="dog", tab="a"), "session")[0]["seen"]
    visitor.edit(edit="box", object=2, frame=7, xyxy=BOX, tab="b", seen=seen)
    told = visitor.edit(edit="merge", object=2, into=1, tab="a", seen=seen)
    assert "changed meanwhile by another tab" in of_kind(told, "notice")[0]["text"]
    assert of_kind(told, "session")[0]["objects"] == [1, 2]
    visitor.edit(edit="merge", object=2, into=1, tab="a", seen=of_kind(told, "session")[0]["seen"])
    told = visitor.edit(edit="box", object=2, frame=9, xyxy=BOX, tab="b", seen=seen)
    assert "changed meanwhile" in of_kind(told, "notice")[0]["text"]
