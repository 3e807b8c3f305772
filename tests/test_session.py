"""Annotation state: what each edit does, and that undo gives back exactly what was there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veason.errors import SessionError
from veason.masks import empty_mask
from veason.session import (
    Asked,
    DropPrompt,
    GotAnswer,
    GotMasks,
    History,
    MoveKeyframe,
    PutPrompt,
    Session,
    Tracked,
    apply,
)
from veason.types import Answer, Box, FrameMasks, ObjectMask, Prompt

MASK = ObjectMask(empty_mask((4, 3)), 1.0)


def box_prompt(object_id: int = 1, frame_index: int = 5, x1: float = 0) -> Prompt:
    return Prompt(object_id, frame_index, box=Box(x1, 0, x1 + 2, 2))


def answered() -> Session:
    answer = Answer("thought", 5, (Box(0, 0, 2, 2),))
    return apply(Session(10, "the ball", (0, 5, 9)), GotAnswer(answer, (box_prompt(),)))


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
    assert apply(answered(), Asked("the cube", (0, 9))) == Session(10, "the cube", (0, 9))


@pytest.mark.parametrize("frame_index", [-1, 10, 99])
def test_a_frame_outside_the_video_is_refused(frame_index: int) -> None:
    with pytest.raises(SessionError, match="10 frames"):
        apply(answered(), MoveKeyframe(frame_index))


def test_deleting_what_is_not_there_is_refused() -> None:
    with pytest.raises(SessionError, match="object 3"):
        apply(answered(), DropPrompt(3, 5))


def test_undo_restores_the_masks_before_the_edit() -> None:
    history = History(answered()).follow(GotMasks(FrameMasks(5, {1: MASK})))
    assert history.record(DropPrompt(1, 5)).undo().now == history.now


def test_masks_arriving_are_no_step_of_their_own() -> None:
    history = History(answered()).record(PutPrompt(box_prompt(x1=1))).follow(GotMasks(FrameMasks(5, {1: MASK})))
    assert history.undo().now == answered()


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=12))
def test_undoing_everything_and_redoing_it_changes_nothing(steps: list[tuple[int, int, int]]) -> None:
    history = History(answered())
    for object_id, frame_index, x1 in steps:
        history = history.record(PutPrompt(box_prompt(object_id, frame_index, x1)))
    end = history.now
    for _ in steps:
        history = history.undo()
    assert history.now == answered()
    with pytest.raises(SessionError):
        history.undo()
    for _ in steps:
        history = history.redo()
    assert history.now == end
