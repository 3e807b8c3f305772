"""A clicked frame keeps the mask that the person saw, whichever prompt begins the track later."""

from tests.segmenter.clips import square_mask
from veason.annotation import DropPrompt, GotMasks, PutPrompt, State, apply
from veason.annotation.difference import applied, difference, inverse, number_prompts, renumbered
from veason.types import Box, Click, FrameMasks, ObjectMask, Prompt

CLICKED, OTHER_CLICK = Prompt(1, 2, clicks=(Click(3, 3),)), Prompt(1, 2, clicks=(Click(3, 3), Click(5, 5)))
BOXED = Prompt(1, 8, box=Box(1, 1, 9, 9))
MASK = ObjectMask(square_mask(), 3.0)


def clicked(*, has_mask: bool = True) -> State:
    state = apply(State(12), PutPrompt(CLICKED))
    return apply(state, GotMasks(FrameMasks(2, {1: MASK}))) if has_mask else state


def test_a_click_that_began_the_track_keeps_its_mask_when_a_box_begins_it() -> None:
    assert apply(clicked(), PutPrompt(BOXED)).kept == {(1, 2)}


def test_a_click_after_the_box_shapes_what_is_tracked_and_is_not_kept() -> None:
    state = apply(apply(State(12), PutPrompt(BOXED)), GotMasks(FrameMasks(2, {1: MASK})))
    assert apply(state, PutPrompt(CLICKED)).kept == frozenset()


def test_what_nobody_has_seen_is_not_kept() -> None:
    assert apply(clicked(has_mask=False), PutPrompt(BOXED)).kept == frozenset()


def test_a_place_is_freed_by_another_click_on_it_and_by_deleting_either_prompt() -> None:
    state = apply(clicked(), PutPrompt(BOXED))
    assert apply(state, PutPrompt(OTHER_CLICK)).kept == frozenset()
    assert apply(state, DropPrompt(1, 2)).kept == frozenset()
    assert apply(state, DropPrompt(1, 8)).kept == frozenset()


def test_undo_and_redo_bring_it_back() -> None:
    before = clicked()
    after = apply(before, PutPrompt(BOXED))
    numbers = number_prompts(before.prompts, {})
    step = difference(before, after, {(1, 2): 1}, {(1, 2): 1}, numbers, number_prompts(after.prompts, numbers))
    loads = (lambda ids: {}, lambda number: None)
    assert applied(after, inverse(step), numbers, *loads).kept == frozenset()  # type: ignore[arg-type]
    assert applied(before, step, renumbered(numbers, step), *loads).kept == {(1, 2)}  # type: ignore[arg-type]
