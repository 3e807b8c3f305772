"""The lists of undo and redo say what each step did."""

from __future__ import annotations

import pytest

from veason.annotation import (
    Asked,
    DropPrompt,
    Duplicated,
    Edit,
    Locked,
    Marked,
    Merged,
    MoveKeyframe,
    Named,
    Occluded,
    PutPrompt,
    Reasoned,
)
from veason.annotation.words import describe
from veason.masks import empty_mask
from veason.types import Box, Click, Prompt

DRAWN = PutPrompt(Prompt(2, 4, box=Box(1, 1, 9, 9)))
CLICKED = PutPrompt(Prompt(2, 4, box=Box(1, 1, 9, 9), clicks=(Click(3, 3, is_positive=False),)))


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param([DRAWN], "box the dog on frame 4", id="drawn"),
        pytest.param([DRAWN, DRAWN], "move the box of the dog on frame 4", id="moved"),
        pytest.param([DRAWN, CLICKED], "click off the dog on frame 4", id="clicked"),
        pytest.param([PutPrompt(Prompt(2, 4, mask=empty_mask((4, 4))))], "paint the dog on frame 4", id="painted"),
        pytest.param([DropPrompt(1, 4)], "delete object 1 on frame 4", id="deleted"),
        pytest.param([Duplicated(2, 3)], "duplicate the dog as object 3", id="duplicated"),
        pytest.param([Merged(2, 1)], "merge the dog into object 1", id="merged"),
        pytest.param([MoveKeyframe(7)], "make frame 7 the keyframe", id="keyframe"),
        pytest.param([Marked(2, 3, 4, "verified")], "verify the dog on frame 3", id="verified"),
        pytest.param([Marked(2, 3, 9, "absent")], "mark the dog absent on frames 3 to 8", id="absent"),
        pytest.param([Occluded(2, 3, 9)], "mark the dog occluded on frames 3 to 8", id="occluded"),
        pytest.param([Occluded(2, 3, 4, False)], "mark the dog not occluded on frame 3", id="seen whole"),
        pytest.param([Named(1, "cat")], "name object 1 “cat”", id="named"),
        pytest.param([Locked(2, False)], "unlock the dog", id="unlocked"),
        pytest.param([Reasoned(None)], "confirm the reasoning", id="confirmed"),
        pytest.param([Asked("x" * 90, ())], "ask “" + "x" * 39 + "…”", id="asked"),
    ],
)
def test_a_step_says_what_was_done(edits: list[Edit], expected: str) -> None:
    assert describe(edits, {2: "the dog"}, 1) == [expected]
