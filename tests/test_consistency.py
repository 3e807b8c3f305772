"""What `check` finds and, as much, what it leaves alone; doubt per frame."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veason.consistency import check, doubt
from veason.masks import encode_mask
from veason.types import Answer, Box, MaskTrack, Note, ObjectMask
from veason_nano.language.corpus import draw_examples
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import look_at

SHOWN = (0, 12, 24, 36)
BOX = Box(2, 2, 6, 6)


def answer(thought: str = "", *, keyframe: int | None = 12, boxes: tuple[Box, ...] = (BOX,), notes=()) -> Answer:
    return Answer(thought, keyframe, boxes, notes)


def kinds(*args, **kwargs) -> list[str]:
    return [finding.kind for finding in check(answer(*args, **kwargs), SHOWN, {})]


def masked(x1: int, y1: int, x2: int, y2: int, score: float = 9.0) -> ObjectMask:
    mask = np.zeros((10, 10), bool)
    mask[y1:y2, x1:x2] = True
    return ObjectMask(encode_mask(mask), score)


def test_an_answer_that_fits_has_no_findings() -> None:
    found = check(answer("The best frame is 12, where the target is large."), SHOWN, {1: masked(2, 2, 6, 6)})
    assert found == ()


def drawn(*parts: tuple[int, int, int, int]) -> ObjectMask:
    """Return a mask of 160x120 that is the union of rectangles."""
    mask = np.zeros((120, 160), bool)
    for x1, y1, x2, y2 in parts:
        mask[y1:y2, x1:x2] = True
    return ObjectMask(encode_mask(mask), 9.0)


LARGE = Box(20, 20, 80, 80)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(drawn((20, 20, 80, 80), (159, 119, 160, 120)), id="one stray pixel far away"),
        pytest.param(drawn((20, 20, 80, 80), (0, 0, 3, 3), (150, 110, 153, 113)), id="specks in the corners"),
        pytest.param(drawn(*((20 + at, 20 + at, 24 + at, 24 + at) for at in range(56))), id="thin and aslant"),
        pytest.param(drawn((20, 20, 80, 24), (20, 20, 24, 80)), id="an L along two edges"),
        pytest.param(drawn((17, 17, 83, 83)), id="a little larger than its box"),
        pytest.param(drawn((20, 20, 62, 80)), id="a part of it is hidden"),
    ],
)
def test_a_good_mask_is_no_finding_whatever_lies_beside_it(mask: ObjectMask) -> None:
    assert check(answer(boxes=(LARGE,)), SHOWN, {1: mask}) == ()


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        pytest.param(drawn((60, 20, 120, 80)), "65% of the mask of object 1 lies outside of its box.", id="slipped"),
        pytest.param(drawn((0, 0, 160, 120)), "80% of the mask", id="the whole picture"),
        pytest.param(drawn((20, 20, 40, 40)), "reaches over only 11% of its box", id="a corner of it"),
        pytest.param(drawn((30, 30, 32, 32), (70, 70, 71, 71)), "reaches over", id="specks alone"),
        pytest.param(drawn((100, 90, 120, 110)), "100% of the mask", id="elsewhere"),
    ],
)
def test_a_mask_that_did_not_follow_its_box_is_told_by_what_is_wrong(mask: ObjectMask, told: str) -> None:
    (finding,) = check(answer(boxes=(LARGE,)), SHOWN, {1: mask})
    assert finding.kind == "mask_misses_box"
    assert told in finding.message


def test_a_keyframe_that_was_not_shown_is_found() -> None:
    (finding,) = check(answer(keyframe=13), SHOWN, {})
    assert finding.kind == "keyframe_not_shown"
    assert finding.message == "Frame 13 was chosen, but only frames 0, 12, 24, 36 were seen."
    assert kinds(keyframe=None, boxes=()) == []


@pytest.mark.parametrize(
    "thought",
    [
        "I choose frame 24 because the dog is large there.",
        "The best timestamp is (24s).",
        "The dog runs. Frame 24 is the best choice.",
        "The keyframe is 24.",
        "So the keyframe is frame 24, where it stands in full view.",
        "At 24s we get the clearest view.",
        "Frame 24 was selected.",
        "In frame 0 the cat enters. The ideal moment is at 24 seconds.",
        "What happens: the dog runs in frame 0. Why this frame: frame 24 shows it large. Where: left.",
    ],
)
def test_reasoning_that_chooses_another_frame_is_found(thought: str) -> None:
    assert kinds(thought) == ["other_frame_named"]
    assert kinds(thought, keyframe=24) == []


@pytest.mark.parametrize(
    "thought",
    [
        "Frame 24 is not the best choice.",
        "I choose frame 12 rather than frame 24.",
        "Frame 24 could be the keyframe.",
        "The best frame is 24 or 12.",
        "The best frame is 13.",
        "In frame 24 the man picks up the box.",
        "The dog appears at 24s.",
        "The best view lasts 24 seconds.",
        "The keyframe is 24. In the end frame 12 is the best frame.",
        "Frame 24 is where the cat is largest; the dog is best seen elsewhere.",
        "The best frame is 24.5.",
        "最佳帧是 24。",
    ],
)
def test_other_mentions_of_frames_are_left_alone(thought: str) -> None:
    assert kinds(thought) == []


@pytest.mark.parametrize(
    "thought",
    [
        "The target is absent.",
        "There is no such object in the video.",
        "The target does not appear in any frame.",
        "Nothing in the video matches.",
        "No such object can be seen anywhere.",
        "What happens: there is no red dog. Why this frame: no frame shows it. Where: nowhere.",
    ],
)
def test_reasoning_that_says_absent_is_found_where_there_are_boxes(thought: str) -> None:
    assert kinds(thought) == ["absent_but_boxes"]
    assert kinds(thought, keyframe=None, boxes=()) == []


@pytest.mark.parametrize(
    "thought",
    [
        "The target is absent in frame 0.",
        "The target is not visible at first.",
        "The target is absent until the dog moves.",
        "There is no dog in the first frame.",
        "The ball is not in the picture, but the dog is.",
        "The target does not move.",
        "If there is no target, nothing is boxed.",
    ],
)
def test_a_target_that_is_away_for_a_while_is_left_alone(thought: str) -> None:
    assert kinds(thought) == []


def test_reasoning_that_chooses_a_frame_is_found_where_the_answer_says_absent() -> None:
    thought = "The best frame is 24, the dog stands in the middle."
    assert kinds(thought, keyframe=None, boxes=()) == ["present_but_no_boxes"]
    assert kinds(thought + " The target is absent.", keyframe=None, boxes=()) == []


@pytest.mark.parametrize(
    ("thought", "is_found"),
    [
        pytest.param("There are two targets.", True, id="two"),
        pytest.param("All three targets are visible.", True, id="three"),
        pytest.param("Both targets stand left.", True, id="both"),
        pytest.param("There are two matching objects.", True, id="matching"),
        pytest.param("There is one target.", False, id="right-count"),
        pytest.param("There are two dogs and the target is the left one.", False, id="other-things"),
        pytest.param("There are three objects in the scene.", False, id="scene"),
        pytest.param("There are not two targets.", False, id="negated"),
        pytest.param("There are two targets. Only one target moves.", False, id="two-counts"),
        pytest.param("One of the two dogs is the target.", False, id="one-of"),
    ],
)
def test_a_count_in_words_is_compared_with_the_boxes(thought: str, is_found: bool) -> None:
    assert kinds(thought) == (["count_differs"] if is_found else [])


def test_boxes_that_reached_outside_are_noted() -> None:
    notes = (
        Note("box_clipped", "[0, 0, 900, 10] was cut"),
        Note("box_dropped", "the box [9, 9, 9, 9] lies outside the picture"),
        Note("box_dropped", "the box [1, 1, 1, 1] has no area"),
    )
    found = check(answer(notes=notes), SHOWN, {})
    assert [(finding.kind, finding.severity) for finding in found] == [("box_outside", "note")] * 2


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        pytest.param(masked(2, 2, 6, 6), [], id="fills-the-box"),
        pytest.param(masked(2, 2, 6, 5), [], id="fills-most"),
        pytest.param(masked(0, 0, 10, 10), ["mask_misses_box"], id="spreads-over-the-picture"),
        pytest.param(masked(7, 7, 9, 9), ["mask_misses_box"], id="elsewhere"),
        pytest.param(masked(0, 0, 0, 0), ["mask_empty"], id="empty"),
    ],
)
def test_a_mask_that_did_not_follow_its_box_is_found(mask, expected) -> None:
    assert [finding.kind for finding in check(answer(), SHOWN, {1: mask})] == expected


def test_masks_are_paired_with_boxes_by_object_number() -> None:
    two = answer(boxes=(Box(0, 0, 3, 3), Box(5, 5, 9, 9)))
    assert check(two, SHOWN, {1: masked(0, 0, 3, 3), 2: masked(5, 5, 9, 9), 7: masked(0, 0, 1, 1)}) == ()
    assert [finding.kind for finding in check(two, SHOWN, {2: masked(0, 0, 3, 3)})] == ["mask_misses_box"]


def test_nano_s_true_lessons_pass_and_their_twisted_twins_do_not() -> None:
    rng = np.random.default_rng(0)
    for seed in range(6):
        view = look_at(Facts(make_scene(seed)), (112, 112))
        for example in draw_examples(view, rng, 6):
            true = Answer(example.thought, example.keyframe, example.boxes)
            assert check(true, view.shown, {}) == (), example.thought
            other = next(index for index in view.shown if index != example.keyframe)
            twisted = replace(true, keyframe=other, boxes=(BOX,))
            expected = "absent_but_boxes" if true.is_absent else "other_frame_named"
            assert [finding.kind for finding in check(twisted, view.shown, {})] == [expected], example.thought


def test_doubt_is_the_worse_of_score_and_change() -> None:
    sure, unsure, gone = masked(0, 0, 4, 4), masked(0, 0, 4, 4, score=-1.0), masked(0, 0, 0, 0, score=-9.0)
    track = MaskTrack(1, {5: sure, 6: sure, 7: masked(0, 0, 4, 2), 8: unsure, 9: gone, 10: gone, 20: unsure})
    found = doubt(track)
    high = 1 / (1 + math.exp(-1.0))
    assert list(found) == [5, 6, 7, 8, 9, 10, 20]
    assert found[5] == found[6] == pytest.approx(1 / (1 + math.exp(9)))
    assert found[7] == 0.5
    assert found[8] == pytest.approx(high)
    assert found[9] == found[10] == 1.0, "gone, where it was just there"
    assert found[20] == pytest.approx(high), "back as it was: the empty frames between are passed over"


def test_a_track_that_starts_empty_is_doubted_by_its_score_alone() -> None:
    found = doubt(MaskTrack(1, {3: masked(0, 0, 0, 0, score=2.0), 4: masked(1, 1, 3, 3, score=900.0)}))
    assert found == {3: pytest.approx(1 / (1 + math.exp(2.0))), 4: 0.0}
    assert doubt(MaskTrack(1)) == {}


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.floats(-1e6, 1e6)), max_size=8))
def test_doubt_is_between_0_and_1(rows) -> None:
    track = MaskTrack(1, {3 * n: masked(0, 0, x, y, score) for n, (x, y, score) in enumerate(rows)})
    assert all(0 <= value <= 1 for value in doubt(track).values())


@given(st.text(), st.sampled_from([(), (BOX,), (BOX, BOX)]))
def test_any_thought_can_be_checked(thought: str, boxes) -> None:
    check(answer(thought, boxes=boxes), SHOWN, {})
