"""What is left open of an annotation, and all empty frames marked absent in one step."""

from __future__ import annotations

import numpy as np
import pytest

from veason.annotation import GotMasks, Marked, PutPrompt, Settled, State, apply
from veason.annotation.left_open import empty_as_absent, left_open
from veason.errors import SessionError
from veason.masks import empty_mask, encode_mask
from veason.types import Box, FrameMasks, ObjectMask, Prompt

SIZE_WH = (8, 6)
FULL = encode_mask(np.ones(SIZE_WH[::-1], bool))
NOTHING = empty_mask(SIZE_WH)


def labelled(*masks: ObjectMask) -> State:
    """Return one object, drawn on frame 0, with these masks from there on."""
    state = apply(State(6), PutPrompt(Prompt(1, 0, box=Box(0, 0, 8, 6))))
    for frame_index, mask in enumerate(masks):
        state = apply(state, GotMasks(FrameMasks(frame_index, {1: mask})), is_by_person=False)
    return state


SURE, UNSURE, GONE = ObjectMask(FULL, 9.0), ObjectMask(FULL, -1.0), ObjectMask(NOTHING, -9.0)


def test_every_frame_is_open_in_the_way_that_a_person_can_close_it() -> None:
    left = left_open(labelled(SURE, SURE, UNSURE, GONE, SURE), 0.5)
    assert left.missing == {1: ((5, 6),)}
    assert left.empty == {1: ((3, 4),)}
    assert left.doubtful == {1: ((2, 3),)}
    assert left.unverified == {1: ((1, 3), (4, 5))}  # frame 0 was drawn by hand
    assert left.count("unverified") == 3


def test_frames_that_a_run_left_as_they_were_are_told_until_it_goes_on_or_a_person_says_they_are_right() -> None:
    state = labelled(SURE, SURE, SURE, SURE, SURE, SURE)
    state = apply(state, PutPrompt(Prompt(1, 1, box=Box(0, 0, 8, 6))))
    state = apply(state, Settled(1, 1, (0, 3), ((3, 6),)), is_by_person=False)
    assert left_open(state, 0.5).assumed == {1: ((3, 6),)}
    assert left_open(apply(state, Marked(1, 3, 5, "verified")), 0.5).assumed == {1: ((5, 6),)}
    gone_on = apply(state, GotMasks(FrameMasks(3, {1: SURE})), is_by_person=False)
    assert left_open(gone_on, 0.5).assumed == {1: ((4, 6),)}


def test_what_a_person_said_is_open_no_more() -> None:
    state = labelled(SURE, SURE, UNSURE, GONE, SURE, SURE)
    state = apply(apply(state, Marked(1, 1, 3, "verified")), Marked(1, 3, 4, "absent"))
    left = left_open(state, 0.5)
    assert (left.missing, left.empty, left.doubtful) == ({}, {}, {})
    assert left.unverified == {1: ((4, 6),)}


def test_all_empty_frames_are_marked_absent_but_for_those_that_were_drawn() -> None:
    state = labelled(GONE, SURE, GONE, GONE, SURE, GONE)
    edits = empty_as_absent(state, SIZE_WH)
    assert [edit for edit in edits if isinstance(edit, Marked)] == [
        Marked(1, 2, 4, "absent"),
        Marked(1, 5, 6, "absent"),
    ]
    for edit in edits:
        state = apply(state, edit)
    assert left_open(state, 0.5).empty == {}
    with pytest.raises(SessionError, match="no empty frame"):
        empty_as_absent(state, SIZE_WH)
