"""Tools on masks, as the page asks for them: one step each, the person's own, and refused in words."""

from typing import Any

import numpy as np
import pytest

from tests.standins import fill_box
from tests.studio.visitor import BOX, OTHER, SIZE_WH, Visitor, of_kind
from veason.masks import decode_mask, encode_mask, mask_area, mask_box
from veason.types import Box, Rle


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who propagated two objects that were boxed on frame 0."""
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=0, xyxy=BOX)
    visitor.edit(edit="box", object=0, frame=0, xyxy=OTHER)
    visitor.propagate()
    return visitor


def box(x1: int, y1: int, x2: int, y2: int) -> Rle:
    return fill_box(Box(x1, y1, x2, y2), SIZE_WH)


def holed() -> Rle:
    """A square with a hole in it, and a speck beside it."""
    mask = decode_mask(box(4, 4, 14, 14)).copy()
    mask[8, 8] = False
    mask[20, 28] = True
    return encode_mask(mask)


def paint(visitor: Visitor, mask: Rle, frame: int = 5, object_id: int = 1) -> None:
    visitor.edit(edit="mask", object=object_id, frame=frame, counts=mask.counts)


def refused(told: list[dict[str, Any]]) -> str:
    assert of_kind(told, "refused")
    return str(of_kind(told, "notice")[0]["text"])


@pytest.mark.parametrize(
    ("tool", "area"),
    [
        pytest.param({"edit": "fill"}, 101, id="fill holes"),
        pytest.param({"edit": "despeck", "pixels": 3}, 99, id="drop specks"),
        pytest.param({"edit": "largest"}, 99, id="largest part"),
        pytest.param({"edit": "grow", "pixels": 1}, 145, id="grow"),
        pytest.param({"edit": "shrink", "pixels": 2}, 23, id="shrink"),
        pytest.param({"edit": "smooth", "pixels": 3}, 96, id="smooth"),
        pytest.param({"edit": "subtract", "other": 2}, 96, id="subtract"),
        pytest.param({"edit": "intersect", "other": 2}, 4, id="intersect"),
    ],
)
def test_a_tool_paints_its_frame_in_one_step_that_undo_takes_back(
    visitor: Visitor, tool: dict[str, Any], area: int
) -> None:
    paint(visitor, holed())
    before = visitor.state
    told = visitor.edit(object=1, frame=5, **tool)
    masks = of_kind(told, "masks")
    assert masks[0]["reset"]
    after = visitor.state
    assert mask_area(visitor.masks(1)[5].rle) == area
    assert ((1, 5) in after.by_hand, after.is_settled((1, 5)), after.provenance((1, 5))) == (True, True, "corrected")
    assert masks[0]["frames"]["5"]["1"][0] == visitor.masks(1)[5].rle.counts
    assert of_kind(told, "session")[0]["undoSteps"][0].endswith("object 1 on frame 5")
    visitor.edit(edit="undo")
    assert visitor.state == before


def test_a_propagated_mask_becomes_the_persons_own_and_the_rest_follows(visitor: Visitor) -> None:
    visitor.edit(edit="grow", object=1, frame=9, pixels=2)
    grown = visitor.masks(1)[9]
    assert visitor.state.pending == {1: ((1, 9), (10, 20))}
    visitor.propagate(only="stale", object=1, frame=9)
    assert visitor.masks(1)[9] == grown


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param({"edit": "fill", "frame": 5}, "nothing to change", id="no hole"),
        pytest.param({"edit": "shrink", "frame": 5, "pixels": 30}, "nothing would be left", id="all gone"),
        pytest.param({"edit": "intersect", "frame": 5, "other": 2}, "nothing would be left", id="apart"),
        pytest.param({"edit": "subtract", "frame": 5}, "choose one", id="no other"),
        pytest.param({"edit": "subtract", "frame": 5, "other": 1}, "choose one", id="itself"),
        pytest.param({"edit": "subtract", "frame": 5, "other": 7}, "object 7 has no mask", id="a stranger"),
        pytest.param({"edit": "interpolate", "frame": 5}, "on a frame after frame 5", id="nothing after"),
        pytest.param({"edit": "copy", "frame": 5, "start": 5, "stop": 6}, "no frame to draw", id="onto itself"),
        pytest.param({"edit": "copy", "frame": 5, "start": 5, "stop": 99}, "not a range", id="beyond the end"),
        pytest.param({"edit": "grow", "frame": 5, "pixels": 0}, "from 1 to", id="by nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(visitor: Visitor, data: dict[str, Any], why: str) -> None:
    before = visitor.state
    told = visitor.edit(object=1, **data)
    assert why in of_kind(told, "notice")[0]["text"]
    assert visitor.state == before


def test_a_locked_object_is_left_alone(visitor: Visitor) -> None:
    visitor.edit(edit="lock", object=1)
    assert "locked" in refused(visitor.edit(edit="grow", object=1, frame=5, pixels=2))


def test_a_mask_is_copied_to_the_chosen_frames_but_not_over_what_a_person_did(visitor: Visitor) -> None:
    paint(visitor, box(4, 4, 9, 9))
    paint(visitor, box(1, 1, 3, 3), frame=8)
    visitor.edit(edit="verified", object=1, start=10, stop=11)
    visitor.edit(edit="absent", object=1, start=12, stop=13)
    before = visitor.masks(1)
    told = visitor.edit(edit="copy", object=1, frame=5, start=4, stop=14)
    after = visitor.masks(1)
    copies = {at for at in range(20) if after[at].rle == box(4, 4, 9, 9)}
    assert copies == {4, 5, 6, 7, 9, 11, 13}
    assert all(after[at] == before[at] for at in (8, 10, 12))
    assert of_kind(told, "session")[0]["undoSteps"][0] == "copy object 1 on 6 frames"


def test_between_two_paintings_shapes_are_drawn_and_between_two_boxes_boxes(visitor: Visitor) -> None:
    paint(visitor, box(2, 2, 8, 8), frame=4)
    paint(visitor, box(14, 10, 24, 20), frame=8)
    visitor.edit(edit="interpolate", object=1, frame=6)
    middle = mask_box(visitor.masks(1)[6].rle)
    assert middle is not None
    assert np.allclose(middle.xyxy, (8, 6, 16, 14), atol=1)
    assert {at for one, at in visitor.state.by_hand if one == 1} == {0, 4, 5, 6, 7, 8}
    visitor.edit(edit="box", object=2, frame=10, xyxy=[2, 2, 10, 10])
    visitor.edit(edit="interpolate", object=2, frame=3)
    prompt = visitor.state.prompts[2, 5]
    assert prompt.box is not None
    assert prompt.box.xyxy == (7, 7, 15, 15)
    visitor.edit(edit="undo")
    assert (2, 5) not in visitor.state.prompts


def test_what_tools_drew_is_there_after_a_restart(visitor: Visitor) -> None:
    paint(visitor, holed())
    visitor.edit(edit="fill", object=1, frame=5)
    visitor.edit(edit="copy", object=1, frame=5, start=6, stop=9)
    with type(visitor.project).open(visitor.project.folder) as other:
        assert other.labels.state(visitor.question.question_id) == visitor.state
        steps = other.labels.look(visitor.question.question_id).done
    assert [type(step).__name__ for step in steps[-2:]] == ["Drawn", "Drawn"]
