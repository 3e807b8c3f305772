"""Two runs side by side: paired differences with intervals over videos, and how far confidence tells success.

Questions about one video are not independent, so intervals come from drawing videos, not questions, with replacement.
A difference is called one only where its interval leaves out zero; where many are looked at together, the intervals are
widened so that all of them hold at once (Bonferroni), and the number is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from veason.errors import DataError, OptionError
from veason.lab.columns import BY_NAME, CASE_FIGURES
from veason.lab.query import columns_named, compile_query
from veason.lab.store import Run
from veason.libraries import library_imports

if TYPE_CHECKING:
    import polars as pl

DRAWS = 2000
LEVEL = 0.95
TIE = 0.5
"""Figures that differ by less than this many percent of their range are a tie."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its interval. `low` and `high` are None where there are too few videos (fewer than two)."""

    mean: float
    low: float | None
    high: float | None

    @property
    def leaves_out_zero(self) -> bool:
        """Tell whether the interval is there and does not hold zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two runs over the cases that both have.

    Attributes:
        figure: the column that is compared.
        slice: which cases, "all" or a query or a type.
        cases: number of cases in both.
        videos: number of videos they are about.
        first: mean of the first run.
        second: mean of the second run.
        difference: second minus first, with its interval over videos.
        higher: cases where the second is higher by more than `TIE`: better of a score, worse of a flag.
        lower: cases where it is lower by more than that.
        looked_at: number of comparisons that were looked at together.
    """

    figure: str
    slice: str
    cases: int
    videos: int
    first: float
    second: float
    difference: Interval
    higher: int
    lower: int
    looked_at: int

    @property
    def is_difference(self) -> bool:
        """Tell whether it may be called a difference."""
        return self.difference.leaves_out_zero


def pair_runs(first: Run, second: Run, query: str = "") -> pl.DataFrame:
    """Return the cases of both runs by key, the columns of the second with the suffix `_2`.

    A query filters by the first run's columns.

    Raises:
        DataError: the runs are about different datasets, or share no case.
    """
    for name in ("kind", "fingerprint"):
        if first.info.dataset[name] != second.info.dataset[name]:
            raise DataError(
                f"{first.info.name} is about {first.info.dataset['kind']} at {first.info.dataset['root']} and "
                f"{second.info.name} about {second.info.dataset['kind']} at {second.info.dataset['root']}: "
                "runs over the same expressions can be compared"
            )
    parent = {one.info.made_by.get("corrected_from") for one in (first, second)} - {None}
    labels = {one.info.made_by.get("corrected_labels") for one in (first, second)}
    if parent and (None in labels or len(labels) > 1) and parent != {first.info.name} and parent != {second.info.name}:
        raise DataError(
            f"{first.info.name} and {second.info.name} are scored against other labels: correct both alike, or compare "
            f"a corrected run with the one that it was made of ({', '.join(sorted(map(str, parent)))})"
        )
    table = first.with_columns(columns_named(query)) if query.strip() else first.table
    if query.strip():
        table = table.filter(compile_query(query))
    paired = table.join(second.table, on="key", how="inner", suffix="_2", maintain_order="left")
    if paired.is_empty():
        raise DataError(f"{first.info.name} and {second.info.name} share no case" + (f" with {query}" if query else ""))
    return paired


def compare(
    first: Run, second: Run, *, figures: Sequence[str] = ("jf",), slices: Mapping[str, str] | None = None, seed: int = 0
) -> list[Comparison]:
    """Return the differences of every figure on every slice.

    Args:
        first: the run that is compared with.
        second: the run whose gain or loss is told.
        figures: columns that hold numbers or flags (a flag counts 100 where it is true).
        slices: queries by the name of their slice; by default all cases, and each type of question.
        seed: of the draws.

    Raises:
        OptionError: a figure is no number.
        DataError: the runs cannot be paired.
    """
    for figure in figures:
        if figure not in BY_NAME or BY_NAME[figure].kind not in ("number", "whole", "flag"):
            raise OptionError(f"{figure!r} is no figure to compare: choose from {', '.join(CASE_FIGURES)} or a flag")
    wanted = default_slices(first) if slices is None else dict(slices)
    tables = {name: pair_runs(first, second, query) for name, query in wanted.items()}
    looked_at = len(figures) * len(tables)
    return [
        _compare(table, figure, name, looked_at, np.random.default_rng(seed))
        for name, table in tables.items()
        for figure in figures
    ]


def default_slices(run: Run) -> dict[str, str]:
    """Return the queries of all cases and of each type of question that occurs."""
    types = sorted(kind for kind in run.table.get_column("type").unique().to_list() if kind is not None)
    return {"all": "", **({name: f'type == "{name}"' for name in types} if len(types) > 1 else {})}


def _compare(table: pl.DataFrame, figure: str, name: str, looked_at: int, rng: np.random.Generator) -> Comparison:
    with library_imports():
        import polars as pl
    scale = 100.0 if BY_NAME[figure].kind == "flag" else 1.0
    both = table.select(
        "video",
        (pl.col(figure).cast(pl.Float64) * scale).alias("a"),
        (pl.col(f"{figure}_2").cast(pl.Float64) * scale).alias("b"),
    ).drop_nulls(["a", "b"])
    if both.is_empty():
        return Comparison(
            figure, name, 0, 0, float("nan"), float("nan"), Interval(float("nan"), None, None), 0, 0, looked_at
        )
    a, b = both.get_column("a").to_numpy(), both.get_column("b").to_numpy()
    tie = TIE / 100 if figure.startswith("reward_") else TIE  # rewards lie in 0 to 1, all else in 0 to 100
    difference = paired_interval(b - a, both.get_column("video").to_list(), rng, comparisons=looked_at)
    return Comparison(
        figure, name, len(a), both.get_column("video").n_unique(), float(a.mean()), float(b.mean()), difference,
        int(np.sum(b - a > tie)), int(np.sum(a - b > tie)), looked_at,
    )  # fmt: skip


def paired_interval(
    values: np.ndarray, videos: Sequence[str], rng: np.random.Generator, *, comparisons: int = 1
) -> Interval:
    """Return the mean of `(N,)` values with its bootstrap interval over videos.

    `comparisons` that are looked at together widen it. Below two videos there is no interval.
    """
    _, places = np.unique(np.asarray(videos), return_inverse=True)
    count = int(places.max()) + 1
    mean = float(np.mean(values))
    if count < 2:
        return Interval(mean, None, None)
    sums, sizes = np.bincount(places, values, count), np.bincount(places, minlength=count)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    means = (drawn @ sums) / (drawn @ sizes)
    tail = (1 - LEVEL) / 2 / max(comparisons, 1)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


# --- confidence against success


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far a confidence in [0, 1] tells success, in equal bins; a bin is (mean confidence, share of success, cases).

    `calibration_error` is the mean distance of both, weighted by cases (ECE).
    """

    bins: tuple[tuple[float, float, int], ...]
    calibration_error: float
    cases: int


def reliability(confidence: np.ndarray, success: np.ndarray, bins: int = 10) -> Reliability:
    """Return how `(N,)` confidences fit `(N,)` bool successes. Raises DataError for none, or values outside [0, 1]."""
    if not len(confidence) or np.isnan(confidence).any() or confidence.min() < 0 or confidence.max() > 1:
        raise DataError(f"a confidence lies in 0 to 1 and is known, got {len(confidence)} values")
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    found = [
        (float(confidence[places == one].mean()), float(success[places == one].mean()), int(np.sum(places == one)))
        for one in range(bins)
        if np.any(places == one)
    ]
    error = sum(abs(said - true) * count for said, true, count in found) / len(confidence)
    return Reliability(tuple(found), float(error), len(confidence))


def risk_coverage(confidence: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage and risk, both `(N,)`: the mean loss of the surest cases, as more and more are taken.

    Equally sure cases are taken together, so that their order does not matter.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, losses = confidence[order], loss[order]
    ends = np.append(np.flatnonzero(np.diff(sure)), len(sure) - 1)
    taken = ends + 1
    return taken / len(sure), np.cumsum(losses)[ends] / taken


def pearson(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return the correlation of two `(N,)` arrays, None where one of them does not vary."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
