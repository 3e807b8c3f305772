"""Which frames were corrected since an object's masks last followed from its prompts, whatever was undone between."""

from veason.session import Asked, DropPrompt, GotMasks, History, PutPrompt, Session, Tracked, corrected_frames
from veason.types import Box, Click, FrameMasks, ObjectMask, Prompt, Rle

CLICK, LATER = (Prompt(1, frame, clicks=(Click(3, 3),)) for frame in (6, 8))


def drawn() -> History:
    return History(Session(10)).record(PutPrompt(Prompt(1, 4, box=Box(1, 1, 9, 9))))


def tracked(history: History) -> History:
    masks = FrameMasks(4, {number: ObjectMask(Rle((2, 2), "04"), 1.0) for number in history.now.object_ids})
    return history.follow(GotMasks(masks)).follow(Tracked(frozenset(history.now.object_ids)))


def corrected(history: History) -> dict[int, frozenset[int]]:
    return corrected_frames(history.now, history.past)


def test_an_object_never_tracked_counts_wherever_it_has_a_prompt() -> None:
    assert corrected(drawn().record(PutPrompt(CLICK))) == {1: {4, 6}}


def test_after_tracking_only_what_was_said_since_counts() -> None:
    history = tracked(drawn().record(PutPrompt(Prompt(2, 4, box=Box(2, 2, 5, 5)))))
    assert corrected(history) == {}
    assert corrected(history.record(PutPrompt(CLICK))) == {1: {6}}


def test_corrections_add_up_until_the_masks_follow() -> None:
    history = tracked(drawn()).record(PutPrompt(CLICK)).record(PutPrompt(LATER))
    assert corrected(history) == {1: {6, 8}}
    assert corrected(tracked(history)) == {}
    assert corrected(history.undo()) == {1: {6}}
    assert corrected(history.undo().undo()) == {}


def test_a_deleted_click_was_a_correction_too() -> None:
    history = tracked(drawn().record(PutPrompt(CLICK)))
    assert corrected(history.record(DropPrompt(1, 6))) == {1: {6}}


def test_masks_of_an_earlier_question_or_of_a_deleted_object_count_for_nothing() -> None:
    asked = tracked(drawn()).record(Asked("the cat", (0,))).record(PutPrompt(CLICK))
    assert corrected(asked) == {1: {6}}
    again = tracked(drawn()).record(DropPrompt(1, 4)).record(PutPrompt(LATER))
    assert corrected(again) == {1: {8}}
