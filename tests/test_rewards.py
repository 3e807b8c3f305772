"""The four rewards under the three sets of rules, and what each says for itself."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veason.answer import AnswerContext
from veason.errors import DataError, DeviceError, PromptError
from veason.masks import encode_mask
from veason.rewards import (
    EXTENDED,
    PAPER,
    UPSTREAM,
    RewardCase,
    RewardRules,
    Weights,
    boxes_reward,
    format_reward,
    group_advantages,
    inclusive_iou,
    keyframe_reward,
    read_answer,
    read_parsed,
    total_reward,
    tracks_reward,
)
from veason.types import Answer, Box

WIDTH, HEIGHT = 40, 30
CONTEXT = AnswerContext((2, 7, 12), 20, (WIDTH, HEIGHT), (WIDTH, HEIGHT))
RULES = {rules.name: rules for rules in (PAPER, UPSTREAM, EXTENDED)}
ALL_RULES = pytest.mark.parametrize("rules", RULES.values(), ids=RULES)


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def case(*objects: dict[int, tuple[int, int, int, int]]) -> RewardCase:
    return RewardCase(CONTEXT, tuple({i: encode_mask(rectangle(*r)) for i, r in one.items()} for one in objects))


LEFT = {2: (4, 4, 10, 10), 7: (4, 4, 16, 16), 12: (4, 4, 10, 16)}
RIGHT = {7: (24, 10, 34, 20), 12: (24, 10, 34, 20)}
ONE, TWO, NOBODY = case(LEFT), case(LEFT, RIGHT), case({}, {})


def text(keyframe, boxes, thought: str = "a thought") -> str:
    body = json.dumps({"keyframe_timestamp": keyframe, "bbox_2d_list": boxes})
    return f"<think>{thought}</think>\n<answer>{body}</answer>"


def paint(boxes, keyframe):
    """A segmenter that fills the boxes on every frame shown."""
    filled = np.zeros((HEIGHT, WIDTH), bool)
    for box in boxes:
        filled |= rectangle(*(round(value) for value in box.xyxy))
    return dict.fromkeys(CONTEXT.shown, filled)


def never(boxes, keyframe):
    raise AssertionError("nothing to segment here")


def values(answer: str, case: RewardCase, rules: RewardRules, propagate=paint) -> list[float]:
    found = total_reward(answer, case, propagate, rules)
    return [reward.value for reward in (found.format, found.keyframe, found.boxes, found.tracks)]


PERFECT, ABSENT = text(7, [[4, 4, 16, 16]]), text(None, [])


def test_a_perfect_answer_earns_every_term() -> None:
    still = case(dict.fromkeys(CONTEXT.shown, (4, 4, 16, 16)))
    assert values(PERFECT, still, EXTENDED) == [1, 1, 1, 1]
    assert total_reward(PERFECT, still, paint, EXTENDED).total == 4
    ends = text(7, [[4.5, 4.5, 15.5, 15.5]])
    assert values(ends, still, PAPER) == [1, 1, 1, 1]
    assert values(ends, still, UPSTREAM) == [2, 1, 1, 1]
    assert total_reward(ends, still, paint, UPSTREAM).total == 5


def test_weights_scale_the_terms() -> None:
    rules = RewardRules("extended", Weights(format=0, keyframe=2, boxes=0.5, tracks=0))
    assert total_reward(PERFECT, ONE, paint, rules).total == 2.5


@pytest.mark.parametrize(
    ("answer", "paper", "upstream", "extended"),
    [
        pytest.param(PERFECT, 1.0, 2.0, 1.0, id="well-formed"),
        pytest.param("Sure. " + PERFECT, 0.5, 1.0, 0.5, id="words-around-the-tags"),
        pytest.param(text(7, []), 0.5, 1.0, 1.0, id="no-boxes"),
        pytest.param(ABSENT, 0.5, 1.0, 1.0, id="no-boxes-no-keyframe"),
        pytest.param(text(7, [[0, 0, 0, 0]]), 1.0, 2.0, 0.5, id="zero-box"),
        pytest.param(text(7, [[4, 4, 16, 16], [1, 2, 3]]), 0.75, 1.5, 0.75, id="one-good-box-of-two"),
        pytest.param(text("7", [[4, 4, 16, 16]]), 0.5, 1.0, 0.5, id="keyframe-as-text"),
        pytest.param(text(True, [[4, 4, 16, 16]]), 0.5, 2.0, 0.5, id="true-is-no-keyframe"),
        pytest.param(PERFECT.replace("]]", "]"), 0.5, 1.0, 0.5, id="broken-json"),
        pytest.param("a thought", 0.0, 0.0, 0.0, id="prose"),
        pytest.param("", 0.0, 0.0, 0.0, id="nothing"),
    ],
)
def test_format_counts_tags_and_fields(answer, paper, upstream, extended) -> None:
    found = [format_reward(answer, ONE, rules) for rules in (PAPER, UPSTREAM, EXTENDED)]
    assert [reward.value for reward in found] == [paper, upstream, extended]
    assert all(reward.reasons for reward in found if reward.value == 0)


@ALL_RULES
def test_keyframe_is_rewarded_by_the_share_of_the_largest_area(rules) -> None:
    def reward(frame: int):
        return keyframe_reward(read_answer(text(frame, [[4, 4, 16, 16]]), ONE, rules), ONE, rules)

    assert [reward(frame).value for frame in (2, 7, 12)] == [36 / 144, 1.0, 72 / 144]
    assert reward(3).value == 0
    assert "3 is not among the frames shown" in reward(3).reasons[0]


def test_boxes_are_matched_and_extra_ones_cost() -> None:
    def reward(*boxes):
        return boxes_reward(read_answer(text(7, list(boxes)), TWO, EXTENDED), TWO, EXTENDED)

    left, right, nowhere = [4, 4, 16, 16], [24, 10, 34, 20], [0, 24, 3, 30]
    assert reward(right, left).value == 1.0
    assert [(pair.predicted, pair.true) for pair in reward(right, left).pairs] == [(0, 1), (1, 0)]
    assert reward(left).value == 0.5
    assert reward(left, right, nowhere).value == pytest.approx(2 / 3)
    assert reward(nowhere).value == 0
    assert reward(nowhere).reasons == ("no box overlaps a true one on frame 7",)
    assert reward(nowhere).pairs == ()


def test_both_end_pixels_count_for_paper_and_not_for_extended() -> None:
    reading = read_answer(PERFECT, ONE, PAPER)
    assert boxes_reward(reading, ONE, EXTENDED).value == 1.0
    true, predicted = np.array([[4.5, 4.5, 15.5, 15.5]]), np.array([[4, 4, 16, 16]])
    assert boxes_reward(reading, ONE, PAPER).value == pytest.approx(float(inclusive_iou(predicted, true)[0, 0]))
    assert inclusive_iou(true, predicted)[0, 0] == pytest.approx(144 / 169)


def test_tracks_are_compared_on_every_frame_shown_and_explained() -> None:
    reward = tracks_reward(read_answer(PERFECT, ONE, EXTENDED), ONE, paint, EXTENDED)
    assert reward.frame_iou == {2: 36 / 144, 7: 1.0, 12: 72 / 144}
    assert reward.value == pytest.approx((36 / 144 + 1 + 0.5) / 3)
    assert reward.pairs[0].iou == 1.0


def test_only_matched_boxes_prompt_the_segmenter() -> None:
    asked = []

    def remember(boxes, keyframe):
        asked.append((list(boxes), keyframe))
        return paint(boxes, keyframe)

    answer = text(7, [[0, 24, 3, 30], [4, 4, 16, 16]])
    values(answer, ONE, EXTENDED, remember)
    assert asked == [([Box(4, 4, 16, 16)], 7)]


def test_an_object_missing_on_the_keyframe_wants_a_zero_box_only_upstream() -> None:
    some, zero = text(2, [[4, 4, 10, 10]]), text(2, [[0, 0, 0, 0]])
    assert boxes_reward(read_answer(some, TWO, EXTENDED), TWO, EXTENDED).value == 1.0
    assert boxes_reward(read_answer(some, TWO, UPSTREAM), TWO, UPSTREAM).value == pytest.approx(36 / 49 / 2)
    assert boxes_reward(read_answer(zero, TWO, UPSTREAM), TWO, UPSTREAM).value == 0.5, "the free point"
    for rules in (PAPER, EXTENDED):
        assert boxes_reward(read_answer(zero, TWO, rules), TWO, rules).value == 0


def test_an_absent_target_is_rewarded_by_extended_only() -> None:
    assert values(ABSENT, NOBODY, EXTENDED, never) == [1, 1, 1, 1]
    assert values(text(7, []), NOBODY, EXTENDED, never) == [1, 1, 1, 1]
    assert values(ABSENT, NOBODY, PAPER, never) == [0.5, 0, 0, 0]
    assert values(ABSENT, NOBODY, UPSTREAM, never) == [1, 0, 0, 0]
    assert values(text(7, [[0, 0, 0, 0]]), NOBODY, EXTENDED, never) == [0.5, 0, 0, 0]
    assert values(text(7, [[0, 0, 0, 0]]), NOBODY, UPSTREAM, paint) == [2, 0, 1, 1]


def test_extended_gives_nothing_to_absent_answers_about_what_is_there_and_to_boxes_about_what_is_not() -> None:
    assert values(ABSENT, ONE, EXTENDED, never) == [1, 0, 0, 0]
    assert values(PERFECT, NOBODY, EXTENDED, never) == [1, 0, 0, 0]
    reasons = total_reward(PERFECT, NOBODY, never, EXTENDED).tracks.reasons
    assert reasons == ("the target is absent, but the answer gives boxes",)


@ALL_RULES
@pytest.mark.parametrize(
    "answer",
    [
        PERFECT,
        ABSENT,
        "",
        "prose",
        text(3, [[1, 1, 2, 2]]),
        text(7, [[0, 24, 3, 30]]),
        text(7, [[1, 2, 3]]),
        text(7, 5),
    ],
)
@pytest.mark.parametrize("truth", [ONE, TWO, NOBODY], ids=["one", "two", "nobody"])
def test_every_zero_has_a_reason(answer, truth, rules) -> None:
    found = total_reward(answer, truth, lambda boxes, keyframe: paint([], keyframe), rules)
    for reward in (found.format, found.keyframe, found.boxes, found.tracks):
        assert reward.value > 0 or reward.reasons


def test_a_failing_segmenter_is_swallowed_by_upstream_only() -> None:
    def fail(boxes, keyframe):
        raise DeviceError("out of memory")

    found = total_reward(PERFECT, ONE, fail, UPSTREAM)
    assert found.boxes.value > 0
    assert (found.tracks.value, found.tracks.reasons) == (0, ("the segmenter failed: out of memory",))
    for rules in (PAPER, EXTENDED):
        with pytest.raises(DeviceError):
            total_reward(PERFECT, ONE, fail, rules)


def test_boxes_that_no_segmenter_takes_are_worth_nothing_and_end_no_training() -> None:
    def refuse(boxes, keyframe):
        raise PromptError("the box has no area")

    for rules in (PAPER, UPSTREAM, EXTENDED):
        tracks = total_reward(PERFECT, ONE, refuse, rules).tracks
        assert (tracks.value, tracks.reasons) == (0, ("the segmenter failed: the box has no area",))


def test_without_a_segmenter_the_other_terms_still_count() -> None:
    found = total_reward(PERFECT, ONE, None, EXTENDED)
    assert (found.boxes.value, found.tracks.value, found.tracks.reasons) == (1, 0, ("no segmenter was given",))


def test_a_segmenter_that_leaves_a_frame_out_is_an_error() -> None:
    with pytest.raises(DataError, match=r"\[12\] are missing"):
        total_reward(PERFECT, ONE, lambda boxes, keyframe: {2: rectangle(0, 0, 1, 1), 7: rectangle(0, 0, 1, 1)}, PAPER)


def test_upstream_scales_true_boxes_into_the_policys_space() -> None:
    context = AnswerContext((2, 7, 12), 20, (WIDTH, HEIGHT), (2 * WIDTH, 2 * HEIGHT))
    scaled = RewardCase(context, ONE.objects)
    reading = read_answer(text(7, [[8.5, 8.5, 30.5, 30.5]]), scaled, UPSTREAM)
    assert boxes_reward(reading, scaled, UPSTREAM).value == 1.0
    assert reading.boxes == (Box(4.25, 4.25, 15.25, 15.25),)


def test_a_corrected_answer_can_be_scored_too() -> None:
    reading = read_parsed(Answer("by hand", 7, (Box(4, 4, 16, 16),)), ONE)
    assert boxes_reward(reading, ONE, EXTENDED).value == 1.0


boxes_of_any_kind = st.lists(
    st.lists(st.floats(-50, 50) | st.integers(-9, 60) | st.just(float("nan")), min_size=3, max_size=5), max_size=4
)


@ALL_RULES
@given(keyframe=st.sampled_from([2, 7, 12, 3, None, "7"]), boxes=boxes_of_any_kind, absent=st.booleans())
@settings(max_examples=60, deadline=None)
def test_rewards_stay_in_their_bounds(rules, keyframe, boxes, absent) -> None:
    found = values(text(keyframe, boxes), NOBODY if absent else TWO, rules)
    assert 0 <= found[0] <= (2 if rules is UPSTREAM else 1)
    assert 0 <= found[1] <= 1
    assert 0 <= found[3] <= 1
    if rules is not UPSTREAM:  # there swapped corners make areas negative
        assert 0 <= found[2] <= 1


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_scored(answer) -> None:
    for rules in RULES.values():
        assert values(answer, ONE, rules, never)[1:] == [0, 0, 0]


@st.composite
def box_lists(draw):
    rows = st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(1, 10), st.integers(1, 10))
    boxes = [[x, y, x + w, y + h] for x, y, w, h in draw(st.lists(rows, min_size=1, max_size=5))]
    return boxes, draw(st.permutations(boxes))


@given(box_lists())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_boxes_does_not_matter(pair) -> None:
    for rules in (PAPER, EXTENDED):
        scores = [boxes_reward(read_answer(text(7, boxes), TWO, rules), TWO, rules).value for boxes in pair]
        assert scores[0] == pytest.approx(scores[1], abs=1e-12)


@given(st.lists(st.floats(0, 5), min_size=2, max_size=16))
def test_advantages_of_a_group_sum_to_zero(rewards) -> None:
    found = group_advantages(rewards)
    assert abs(found.mean()) < 1e-6
    assert np.argmax(found) == np.argmax(rewards) or len(set(rewards)) > len(set(found.tolist()))


@pytest.mark.parametrize("rewards", [[], [3.0], [2.0, 2.0, 2.0]])
def test_a_group_without_differences_has_no_advantages(rewards) -> None:
    assert group_advantages(rewards).tolist() == [0.0] * len(rewards)
