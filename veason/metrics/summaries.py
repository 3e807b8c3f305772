"""Summaries of each benchmark over its expressions, in percent as the published tables print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from veason.boxes import match_boxes
from veason.errors import DataError
from veason.metrics.forms import side_by_side
from veason.metrics.sequence import SequenceScore

REFERRING, REASONING, ABSENT = 0, 1, 2
"""The `type_id` of a ReVOS expression."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Means in percent over `count` expressions, not rounded for print. R is None where it was not scored."""

    count: int
    j: float
    f: float
    r_legacy: float | None = None
    r_binary: float | None = None

    @property
    def jf(self) -> float:
        """J&F: the mean of J and F."""
        return (self.j + self.f) / 2


@dataclass(frozen=True, slots=True)
class RevosSummary:
    """ReVOS figures by type; a type without expressions is None, and so is `overall` unless both types are there."""

    referring: Summary | None
    reasoning: Summary | None
    overall: Summary | None


@dataclass(frozen=True, slots=True)
class Absence:
    """Percents: N-acc, absent targets answered with no mask; T-acc, present ones answered with one (None: no such)."""

    n_acc: float | None
    t_acc: float | None
    num_absent: int
    num_present: int


def summarise_mean(scores: Sequence[SequenceScore]) -> Summary | None:
    """Return the plain mean over expressions in percent (MeViS, ReasonVOS, Ref-DAVIS by expression), None of none.

    The official tools print it rounded to 2 decimals. Source: VISA tools/eval_mevis.py and tools/eval_davis17.py
    @40ae6e8, VideoLISA evaluation/reason_vos/eval_reason_vos.py @0273d32 (which leaves out missing expressions:
    here every expression must be given).
    """
    return _summarise(scores, decimals=None)


def summarise_revos(scores: Sequence[SequenceScore], type_ids: Sequence[int]) -> RevosSummary:
    """Return the ReVOS table: `overall` is the plain mean of the two types, whatever their counts.

    Every expression's percents are rounded to 2 decimals first. Type 2 (absent) enters none of the figures.

    Raises:
        DataError: there is not one `type_id` for each score.

    Source: VISA tools/eval_revos.py @40ae6e8.
    """
    pairs = list(side_by_side(scores, type_ids))
    kinds = [
        _summarise([score for score, type_id in pairs if type_id == kind], decimals=2)
        for kind in (REFERRING, REASONING)
    ]
    referring, reasoning = kinds
    if referring is None or reasoning is None:
        return RevosSummary(referring, reasoning, None)
    overall = Summary(
        referring.count + reasoning.count,
        (referring.j + reasoning.j) / 2,
        (referring.f + reasoning.f) / 2,
        _middle(referring.r_legacy, reasoning.r_legacy),
        _middle(referring.r_binary, reasoning.r_binary),
    )
    return RevosSummary(referring, reasoning, overall)


def summarise_ref_davis(annotators: Sequence[Sequence[tuple[float, float]]]) -> Summary | None:
    """Return the official Ref-DAVIS17 figures: objects averaged for each annotator, then annotators averaged.

    `annotators` holds, for each of the 4 annotators, `(J, F)` of every object of every video as fractions, as
    `match_davis_objects` gives them. `count` is the number of objects and annotators together. The other protocol,
    each expression a binary mask of its own, is `summarise_mean`; its figures differ.

    Source: VideoLISA evaluation/refdavis/eval_davis.py @d4c87cc over davis2017-evaluation @30b698a.
    """
    filled = [np.array(objects, dtype=np.float64).mean(0) for objects in annotators if len(objects)]
    if not filled:
        return None
    j, f = 100 * np.mean(filled, axis=0)
    return Summary(sum(len(objects) for objects in annotators), float(j), float(f))


def match_davis_objects(j: np.ndarray, f: np.ndarray) -> list[tuple[float, float]]:
    """Return `(J, F)` of every true object, matched with the predicted objects so that summed J&F is largest.

    `j` and `f` are `(P, G)` means over the frames of one video, of every predicted with every true object; pad with
    rows of an empty prediction's scores where P is smaller than G.

    Raises:
        DataError: the tables differ in shape, or there are fewer predicted than true objects.

    Source: davis2017-evaluation, davis2017/evaluation.py _evaluate_unsupervised @30b698a.
    """
    if j.shape != f.shape or j.ndim != 2 or j.shape[0] < j.shape[1]:
        raise DataError(
            f"want two equal (predicted, true) tables with at least as many predicted as true objects, "
            f"got {j.shape} and {f.shape}: add a row for an empty prediction for each missing object"
        )
    pairs = sorted(match_boxes((j + f) / 2), key=lambda pair: pair[1])
    return [(float(j[predicted, true]), float(f[predicted, true])) for predicted, true in pairs]


def paint_objects(masks: np.ndarray) -> np.ndarray:
    """Return `(N, H, W)` binary masks as one `(H, W)` uint8 picture of object numbers 1..N, 0 for background.

    Where masks overlap the first one wins. Source: VideoLISA evaluation/refdavis/post_process_davis.py @d4c87cc.
    """
    is_set = np.asarray(masks) != 0
    return np.where(is_set.any(0), is_set.argmax(0) + 1, 0).astype(np.uint8)


def summarise_absence(is_absent: Sequence[bool], is_empty: Sequence[bool]) -> Absence:
    """Return N-acc and T-acc: `is_absent` is the truth of each expression, `is_empty` that no frame got a mask.

    >>> summarise_absence([True, False, False], [True, True, False])
    Absence(n_acc=100.0, t_acc=50.0, num_absent=1, num_present=2)

    Raises:
        DataError: there is not one answer for each expression.

    Source: MeViSv2 and LSVOS 2026, as described in arXiv 2608.23234.
    """
    pairs = list(side_by_side(is_absent, is_empty))
    absent = [bool(empty) for gone, empty in pairs if gone]
    present = [not empty for gone, empty in pairs if not gone]
    return Absence(_percent(absent), _percent(present), len(absent), len(present))


def _percent(hits: Sequence[bool]) -> float | None:
    return 100 * sum(hits) / len(hits) if hits else None


def _middle(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2


def _summarise(scores: Sequence[SequenceScore], *, decimals: int | None) -> Summary | None:
    if not scores:
        return None

    def mean(values: list[float | None]) -> float | None:
        if any(value is None for value in values):
            return None
        percents = 100 * np.array(values, dtype=np.float64)
        return float(np.mean(percents if decimals is None else np.round(percents, decimals)))

    j, f = mean([score.j for score in scores]), mean([score.f for score in scores])
    assert j is not None
    assert f is not None
    r_legacy, r_binary = mean([score.r_legacy for score in scores]), mean([score.r_binary for score in scores])
    return Summary(len(scores), j, f, r_legacy, r_binary)
