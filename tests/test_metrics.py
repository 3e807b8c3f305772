"""J, F, R and the summaries: known values, errors, and what must hold for any mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from veason.errors import DataError
from veason.masks import encode_mask
from veason.metrics import (
    Absence,
    OutlineCache,
    SequenceScore,
    boundary_f,
    jaccard,
    match_davis_objects,
    outline,
    paint_objects,
    robustness_binary,
    robustness_legacy,
    score_sequence,
    summarise_absence,
    summarise_mean,
    summarise_ref_davis,
    summarise_revos,
)


def mask(*rows: str) -> np.ndarray:
    return np.array([[character == "#" for character in row] for row in rows])


def grey(*rows: str) -> np.ndarray:
    return mask(*rows).astype(np.uint8) * 255


def two_masks() -> st.SearchStrategy:
    sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))
    return sizes.flatmap(lambda size: st.tuples(arrays(bool, size), arrays(bool, size)))


BALL = mask("......", ".##...", ".##...", "......")
EMPTY, FULL = mask(*["......"] * 4), mask(*["######"] * 4)


@pytest.mark.parametrize(
    ("prediction", "truth", "j"),
    [
        pytest.param(BALL, BALL, 1.0, id="equal"),
        pytest.param(EMPTY, EMPTY, 1.0, id="both-empty"),
        pytest.param(EMPTY, BALL, 0.0, id="prediction-empty"),
        pytest.param(BALL, EMPTY, 0.0, id="truth-empty"),
        pytest.param(FULL, BALL, 4 / 24, id="full-frame"),
        pytest.param(mask("......", "..##..", "..##..", "......"), BALL, 2 / 6, id="half-overlap"),
    ],
)
def test_j_is_intersection_over_union(prediction, truth, j) -> None:
    assert jaccard(prediction, truth) == pytest.approx(j)
    assert jaccard(encode_mask(prediction), encode_mask(truth)) == pytest.approx(j)
    assert jaccard(encode_mask(prediction), truth) == pytest.approx(j)


@pytest.mark.parametrize(
    ("prediction", "truth", "f"),
    [
        pytest.param(EMPTY, EMPTY, 1.0, id="both-empty"),
        pytest.param(FULL, FULL, 1.0, id="a-full-frame-has-no-outline"),
        pytest.param(EMPTY, FULL, 1.0, id="nor-has-an-empty-one"),
        pytest.param(EMPTY, BALL, 0.0, id="prediction-empty"),
        pytest.param(BALL, FULL, 0.0, id="truth-full"),
        pytest.param(mask("......", "..##..", "..##..", "......"), BALL, 1.0, id="one-pixel-off-is-within-tolerance"),
    ],
)
def test_f_compares_outlines_within_a_tolerance(prediction, truth, f) -> None:
    assert boundary_f(prediction, truth) == pytest.approx(f)
    assert boundary_f(encode_mask(prediction), encode_mask(truth)) == pytest.approx(f)


def test_tolerance_grows_with_the_diagonal() -> None:
    truth, near, far = (np.zeros((720, 1280), bool) for _ in range(3))
    truth[300:400, 300:400] = near[312:412, 300:400] = far[313:413, 300:400] = True
    assert boundary_f(near, truth) == 1.0
    assert boundary_f(far, truth) < 1.0


def test_f_in_all_four_corners_is_the_same_as_in_the_middle_of_nowhere() -> None:
    for top, left in ((0, 0), (0, 60), (44, 0), (44, 60)):
        one = np.zeros((48, 64), bool)
        one[top : top + 4, left : left + 4] = True
        assert boundary_f(one, one) == 1.0
        assert boundary_f(outline(one), encode_mask(one)) == 1.0
        assert boundary_f(one, np.roll(one, 24, 0)) == 0.0


@given(two_masks())
@settings(max_examples=200, deadline=None)
def test_j_and_f_are_symmetric_and_between_0_and_1(pair) -> None:
    a, b = pair
    for measure in (jaccard, boundary_f):
        assert 0 <= measure(a, b) <= 1
        assert measure(a, b) == measure(b, a)
        assert measure(a, a) == 1.0
        assert measure(a, b) == measure(encode_mask(a), encode_mask(b))


@given(two_masks())
@settings(max_examples=100, deadline=None)
def test_f_does_not_depend_on_which_side_is_up_of_the_diagonal(pair) -> None:
    a, b = pair
    assert boundary_f(a.T, b.T) == boundary_f(a, b)


@given(two_masks())
@settings(max_examples=100, deadline=None)
def test_r_is_1_without_false_pixels_and_binary_is_kinder_than_legacy(pair) -> None:
    predicted, truth = pair
    around = (predicted | truth).astype(np.uint8)
    legacy = robustness_legacy(predicted.astype(np.uint8) * 255, truth.astype(np.uint8), around)
    binary = robustness_binary(predicted, truth, around)
    assert 0 <= legacy <= binary + 1e-6
    assert binary <= 1
    assert robustness_binary(predicted & truth, truth, around) == 1.0


@pytest.mark.parametrize(
    ("prediction", "truth", "foreground", "legacy", "binary"),
    [
        pytest.param(grey("...."), np.uint8([[1, 0, 0, 0]]), np.uint8([[1, 1, 0, 0]]), 1.0, 1.0, id="empty-prediction"),
        pytest.param(grey("#..."), np.uint8([[1, 0, 0, 0]]), np.uint8([[1, 1, 0, 0]]), 1.0, 1.0, id="exact"),
        pytest.param(grey("##.."), np.uint8([[1, 0, 0, 0]]), np.uint8([[1, 1, 0, 0]]), 0.0, 0.5, id="255-a-pixel"),
        pytest.param(grey("#..."), np.uint8([[2, 0, 0, 0]]), np.uint8([[1, 1, 0, 0]]), 0.5, 1.0, id="overlap-wraps"),
        pytest.param(np.uint8([[1, 0]]), np.uint8([[2, 0]]), np.uint8([[1, 1]]), 0.0, 1.0, id="overlap-grey-1"),
        pytest.param(grey("...."), np.uint8([[0] * 4]), np.uint8([[0] * 4]), 1.0, 1.0, id="no-foreground-no-mask"),
        pytest.param(grey("#..."), np.uint8([[0] * 4]), np.uint8([[0] * 4]), 0.0, 0.0, id="no-foreground-some-mask"),
    ],
)
def test_r_has_its_known_values(prediction, truth, foreground, legacy, binary) -> None:
    assert robustness_legacy(prediction, truth, foreground) == pytest.approx(legacy, abs=1e-6)
    assert robustness_binary(prediction, truth, foreground) == pytest.approx(binary)


def test_an_outline_that_was_dropped_from_the_cache_is_worked_out_again() -> None:
    truths = [encode_mask(BALL), encode_mask(EMPTY), encode_mask(BALL)]
    cache = OutlineCache(limit=1)
    assert [boundary_f(BALL, cache.outline(truth)) for truth in truths] == [1.0, 0.0, 1.0]
    assert cache.outline(truths[2]) is cache.outline(truths[2])


def test_an_expression_is_scored_frame_by_frame_with_all_its_objects() -> None:
    left, right = mask("##....", "##...."), mask("....##", "....##")
    truths = [[encode_mask(left), encode_mask(right)], [encode_mask(left)], []]
    around = [encode_mask(left | right)] * 3
    perfect = [left | right, encode_mask(left), np.zeros((2, 6), np.uint8)]
    score = score_sequence(perfect, truths, around)
    assert (score.j, score.f, score.jf, score.r_legacy, score.r_binary) == (1.0, 1.0, 1.0, 1.0, 1.0)
    assert score.num_frames == 3
    clumsy = score_sequence([(left | right).astype(np.uint8) * 255] * 3, truths, around)
    assert clumsy.j == pytest.approx((1 + 0.5 + 0) / 3)
    assert clumsy.r_binary == pytest.approx((1 + 0.5 + 0) / 3)
    assert clumsy.r_legacy == pytest.approx(1 / 3)
    assert score_sequence(perfect, truths).r_legacy is None


def test_a_perfect_prediction_of_overlapping_objects_loses_legacy_r_only() -> None:
    a, b = mask("###..", "###.."), mask(".####", ".....")
    score = score_sequence([a | b], [[encode_mask(a), encode_mask(b)]], [encode_mask(a | b)])
    assert (score.j, score.f, score.r_binary) == (1.0, 1.0, 1.0)
    assert score.r_legacy == pytest.approx(1 - 2 / 8, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: jaccard(BALL, BALL[1:]), id="j-sizes"),
        pytest.param(lambda: boundary_f(BALL, encode_mask(BALL[1:])), id="f-sizes"),
        pytest.param(lambda: boundary_f(BALL[None], BALL), id="not-a-picture"),
        pytest.param(lambda: score_sequence([BALL], [[encode_mask(BALL)]] * 2), id="lengths"),
        pytest.param(lambda: score_sequence([BALL[1:]], [[encode_mask(BALL)]]), id="prediction-of-another-size"),
        pytest.param(lambda: score_sequence([], []), id="no-frames"),
        pytest.param(lambda: robustness_legacy(BALL, grey("."), grey(".")), id="legacy-wants-uint8"),
        pytest.param(lambda: summarise_revos([SequenceScore(1, 1)], []), id="types-missing"),
        pytest.param(lambda: match_davis_objects(np.ones((1, 2)), np.ones((1, 2))), id="objects-missing"),
    ],
)
def test_wrong_input_is_an_error_that_says_so(wrong) -> None:
    with pytest.raises(DataError):
        wrong()


def test_revos_overall_is_the_mean_of_the_types_and_leaves_absent_targets_out() -> None:
    scores = [
        SequenceScore(0.123456, 0.5, 0.1, 0.9),
        SequenceScore(0.5, 0.5, 0.3, 0.9),
        SequenceScore(0.8, 0.6, 0.4, 0.5),
    ]
    summary = summarise_revos([*scores, SequenceScore(0, 0, 0, 0)], [0, 0, 1, 2])
    assert summary.referring.j == pytest.approx((12.35 + 50) / 2)
    assert summary.overall.j == pytest.approx(((12.35 + 50) / 2 + 80) / 2)
    assert summary.overall.jf == pytest.approx((summary.overall.j + summary.overall.f) / 2)
    assert summary.overall.r_legacy == pytest.approx((20 + 40) / 2)
    assert summary.overall.r_binary == pytest.approx((90 + 50) / 2)
    assert summary.overall.count == 3


def test_a_revos_split_with_one_type_has_no_overall_figure() -> None:
    summary = summarise_revos([SequenceScore(1.0, 1.0)], [0])
    assert summary.referring is not None
    assert (summary.reasoning, summary.overall) == (None, None)
    assert summary.referring.r_legacy is None


def test_other_benchmarks_take_the_plain_mean() -> None:
    summary = summarise_mean([SequenceScore(0.123456, 0.2), SequenceScore(0.3, 0.4)])
    assert (summary.j, summary.f) == (pytest.approx(21.1728), pytest.approx(30.0))
    assert summarise_mean([]) is None


def test_ref_davis_averages_objects_then_annotators() -> None:
    summary = summarise_ref_davis([[(1.0, 0.5), (0.0, 0.5)], [(1.0, 1.0)]])
    assert (summary.j, summary.f, summary.jf) == (75.0, 75.0, 75.0)
    assert summarise_ref_davis([]) is None


def test_davis_objects_are_matched_whatever_their_order() -> None:
    j = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
    f = np.array([[0.2, 0.7], [0.6, 0.1], [0.5, 0.5]])
    assert match_davis_objects(j, f) == [(0.8, 0.6), (0.9, 0.7)]
    assert match_davis_objects(j[::-1], f[::-1]) == [(0.8, 0.6), (0.9, 0.7)]


def test_the_first_object_wins_where_painted_masks_overlap() -> None:
    painted = paint_objects(np.stack([mask("##.."), mask(".##.")]))
    assert painted.tolist() == [[1, 1, 2, 0]]
    assert painted.dtype == np.uint8


def test_an_empty_predictor_is_seen_through_by_t_acc() -> None:
    assert summarise_absence([True, False, False, False], [True] * 4) == Absence(100.0, 0.0, 1, 3)
    assert summarise_absence([False], [False]) == Absence(None, 100.0, 0, 1)
