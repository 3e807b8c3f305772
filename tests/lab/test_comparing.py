"""Comparisons: intervals over videos, no difference where there is none, and confidence against success."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lab.conftest import Made
from veason.errors import DataError, OptionError
from veason.lab.comparing import (
    compare,
    default_slices,
    pair_runs,
    paired_interval,
    pearson,
    reliability,
    risk_coverage,
)


def test_lies_cost_what_a_plain_count_says(made: Made) -> None:
    liar, honest = made.lab.run("liar"), made.lab.run("honest")
    (all_cases, *_) = compare(honest, liar, figures=("jf",))
    both = honest.table.join(liar.table, on="key", suffix="_2")
    wanted = float((both["jf_2"] - both["jf"]).mean())  # type: ignore[arg-type]
    assert all_cases.difference.mean == pytest.approx(wanted)
    assert (all_cases.cases, all_cases.videos) == (len(made.dataset), 80)
    assert all_cases.is_difference
    assert wanted < 0
    wrong_masks = sum(kind in ("absent_answered", "present_denied", "wrong_instance") for kind in made.told.values())
    assert (all_cases.higher, all_cases.lower) == (0, wrong_masks)


def test_a_run_does_not_differ_from_itself(made: Made) -> None:
    honest = made.lab.run("honest")
    for one in compare(honest, honest, figures=("jf", "absent_answered")):
        assert one.difference.mean == 0
        assert not one.is_difference


def test_a_flag_is_compared_as_a_share_in_percent(made: Made) -> None:
    (one,) = compare(
        made.lab.run("honest"), made.lab.run("liar"), figures=("count_differs",), slices={"two": "boxes == 2"}
    )
    assert one.second == pytest.approx(100 * 10 / one.cases)


def test_intervals_are_over_videos_not_questions() -> None:
    # 2 videos with 500 equal questions each: a thousand questions, but two witnesses.
    values = np.repeat([1.0, -0.5], 500)
    videos = ["a"] * 500 + ["b"] * 500
    interval = paired_interval(values, videos, np.random.default_rng(0))
    assert interval.low == pytest.approx(-0.5)
    assert interval.high == pytest.approx(1.0)
    assert not interval.leaves_out_zero
    assert paired_interval(values[:500], videos[:500], np.random.default_rng(0)).low is None


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    videos = [f"{one // 4}" for one in range(400)]
    covered = 0
    for _ in range(200):
        values = np.repeat(rng.normal(0.0, 1.0, 100), 4) + rng.normal(0.0, 1.0, 400)
        interval = paired_interval(values, videos, rng)
        covered += interval.low < 0 < interval.high  # type: ignore[operator]
    assert 180 <= covered <= 199


def test_many_comparisons_widen_each_interval() -> None:
    rng = np.random.default_rng(2)
    values, videos = rng.normal(0.3, 1, 300), [str(one) for one in range(300)]
    one = paired_interval(values, videos, np.random.default_rng(3))
    many = paired_interval(values, videos, np.random.default_rng(3), comparisons=20)
    assert many.high - many.low > one.high - one.low  # type: ignore[operator]


def test_what_cannot_be_compared_is_told(made: Made) -> None:
    honest, liar = made.lab.run("honest"), made.lab.run("liar")
    with pytest.raises(OptionError, match="no figure"):
        compare(honest, liar, figures=("instruction",))
    with pytest.raises(DataError, match="share no case"):
        pair_runs(honest, liar, "jf > 1000")
    assert set(default_slices(honest)) == {"all", "absent", "reasoning", "referring"}


def test_reliability_and_risk() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    success = np.array([True, True, True, False])
    found = reliability(confidence, success)
    assert found.calibration_error == pytest.approx(0.05)
    assert found.bins == (pytest.approx((0.55, 0.5, 2)), pytest.approx((0.95, 1.0, 2)))
    coverage, risk = risk_coverage(confidence, 1.0 - success)
    assert coverage.tolist() == [0.5, 1.0]
    assert risk.tolist() == [0.0, 0.25]
    with pytest.raises(DataError, match="0 to 1"):
        reliability(np.array([1.5]), np.array([True]))
    assert pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1)
    assert pearson(np.array([1.0, 1]), np.array([2.0, 4])) is None
