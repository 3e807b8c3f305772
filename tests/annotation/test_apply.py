"""Annotation state: what each edit does, and what it refuses."""

import pytest

from veason.annotation import (
    Asked,
    DropPrompt,
    GotAnswer,
    GotMasks,
    MoveKeyframe,
    PutPrompt,
    State,
    Tracked,
    apply,
)
from veason.annotation.apply import apply_masks
from veason.errors import SessionError
from veason.masks import empty_mask
from veason.types import Answer, Box, FrameMasks, ObjectMask, Prompt

MASK = ObjectMask(empty_mask((4, 3)), 1.0)


def box_prompt(object_id: int = 1, frame_index: int = 5, x1: float = 0) -> Prompt:
    return Prompt(object_id, frame_index, box=Box(x1, 0, x1 + 2, 2))


def answered() -> State:
    answer = Answer("thought", 5, (Box(0, 0, 2, 2),))
    return apply(State(10, "the ball", (0, 5, 9)), GotAnswer(answer, (box_prompt(),)))


def test_an_answer_makes_its_boxes_the_prompts_and_its_frame_the_keyframe() -> None:
    session = answered()
    assert session.keyframe == 5
    assert session.object_ids == (1,)
    assert session.stale == {1}


def test_moving_the_keyframe_takes_its_boxes_along() -> None:
    session = apply(answered(), MoveKeyframe(7))
    assert list(session.prompts) == [(1, 7)]
    assert session.prompts[1, 7].box == Box(0, 0, 2, 2)
    assert session.keyframe == 7


def test_changing_a_box_marks_only_its_own_object_stale() -> None:
    session = apply(apply(answered(), PutPrompt(box_prompt(2))), Tracked(frozenset({1, 2})))
    assert apply(session, PutPrompt(box_prompt(2, x1=1))).stale == {2}


def test_deleting_the_last_prompt_of_an_object_deletes_its_masks() -> None:
    session = apply(answered(), GotMasks(FrameMasks(5, {1: MASK})))
    session = apply(session, DropPrompt(1, 5))
    assert session.object_ids == ()
    assert session.tracks == {}


def test_a_new_question_gives_the_old_answer_up() -> None:
    assert apply(answered(), Asked("the cube", (0, 9))) == State(10, "the cube", (0, 9))


@pytest.mark.parametrize("frame_index", [-1, 10, 99])
def test_a_frame_outside_the_video_is_refused(frame_index: int) -> None:
    with pytest.raises(SessionError, match="10 frames"):
        apply(answered(), MoveKeyframe(frame_index))


def test_deleting_what_is_not_there_is_refused() -> None:
    with pytest.raises(SessionError, match="object 3"):
        apply(answered(), DropPrompt(3, 5))


def test_masks_that_arrive_together_are_those_that_arrive_one_by_one() -> None:
    arrived = [FrameMasks(frame_index, {1: MASK, 2: MASK}) for frame_index in (5, 6, 5)]
    one_by_one = answered()
    for frame_masks in arrived:
        one_by_one = apply(one_by_one, GotMasks(frame_masks))
    assert apply_masks(answered(), arrived) == one_by_one
