"""Doubt that learns from people: what they corrected and what they verified say how often a doubt was right.

`veason.consistency.doubt` tells how unsure a mask looks. A project keeps which masks people left as they were, and
which they changed, and how much. From these pairs a rising curve is fitted (isotonic regression): the doubt that is
shown is the share of such masks that people changed. Without any pair it is the raw doubt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from veason.masks import mask_area, mask_iou
from veason.project.database import Database, next_revision
from veason.project.maskrows import unpack_mask
from veason.types import Rle

_LEAST_IOU = 0.85
"""A correction that leaves less of a mask says that the mask was wrong. Source: the bar of the scripted annotator."""

PRIOR_WEIGHT = 2.0
"""Each of 21 doubts from 0 to 1 counts as so many masks that were wrong as often as it says. Source: ours."""

MOST_PAIRS = 400
"""Of verified masks, and of corrected ones, the last so many are looked at."""

RELEARNT_AFTER = 50
"""Lines of the log after which the curve is fitted anew."""

DoubtCurve = Callable[[float], float]
"""Gives the share of masks that people changed, for the doubt that such masks have, both in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A mask of a model that a person judged: its raw doubt in [0, 1], and whether it was wrong."""

    doubt: float
    was_wrong: bool


def fit_curve(judged: list[Judged]) -> DoubtCurve:
    """Return a rising curve through what people judged, which leans to the raw doubt where there is little.

    >>> fit_curve([])(0.25)
    0.25
    """
    if not judged:
        return lambda raw: raw
    prior = np.linspace(0, 1, 21)
    raw = np.concatenate([prior, [one.doubt for one in judged]])
    wrong = np.concatenate([prior, [float(one.was_wrong) for one in judged]])
    weights = np.concatenate([np.full(len(prior), PRIOR_WEIGHT), np.ones(len(judged))])
    order = np.argsort(raw, kind="stable")
    found = isotonic_regression(wrong[order], weights=weights[order]).x
    return lambda value: float(np.interp(value, raw[order], found))


class LearntDoubt:
    """The curve of a project, fitted when it is asked for and people have judged more meanwhile.

    Raises ProjectError as `LabelStore` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._curve: DoubtCurve | None = None
        self._learnt_at = 0

    def curve(self) -> DoubtCurve:
        """Return the curve as of the last `RELEARNT_AFTER` changes."""
        with self._lock:
            with self._database.read() as db:
                revision = next_revision(db)
            if self._curve is None or revision - self._learnt_at >= RELEARNT_AFTER:
                self._curve, self._learnt_at = fit_curve(self.judged()), revision
            return self._curve

    def judged(self) -> list[Judged]:
        """Return the masks of models that people judged last, verified ones first."""
        with self._database.read() as db:
            verified = db.execute(
                f"SELECT m.score, m.counts, NULL, p.counts, v.height, v.width FROM marks k {_CURRENT} "
                "WHERE k.kind = 'verified' AND m.provenance IN ('model', 'propagated') ORDER BY m.id DESC LIMIT ?",
                (MOST_PAIRS,),
            ).fetchall()
            corrected = db.execute(
                f"SELECT o.score, o.counts, m.counts, p.counts, v.height, v.width FROM prompts k {_CURRENT} "
                "JOIN masks o ON o.id = (SELECT max(id) FROM masks WHERE question_id = k.question_id "
                "AND object_id = k.object_id AND frame_index = k.frame_index AND id < m.id "
                "AND provenance IN ('model', 'propagated')) WHERE k.is_by_hand = 1 ORDER BY m.id DESC LIMIT ?",
                (MOST_PAIRS,),
            ).fetchall()
        return [_judged(*row) for row in (*verified, *corrected)]


_CURRENT = (
    "JOIN masks m ON m.question_id = k.question_id AND m.object_id = k.object_id AND m.frame_index = k.frame_index "
    "AND m.is_current = 1 LEFT JOIN masks p ON p.question_id = k.question_id AND p.object_id = k.object_id "
    "AND p.frame_index = k.frame_index - 1 AND p.is_current = 1 "
    "JOIN questions q ON q.id = k.question_id JOIN videos v ON v.id = q.video_id"
)
"""The mask that counts at a place `k`, and the one before it."""


def _judged(score: float, old: bytes, new: bytes | None, previous: bytes | None, height: int, width: int) -> Judged:
    size = (height, width)
    mask = unpack_mask(old, size)
    before: Rle | None = None if previous is None else unpack_mask(previous, size)
    change = 0.0 if before is None or not mask_area(before) else 1 - mask_iou(mask, before)
    was_wrong = new is not None and mask_iou(mask, unpack_mask(new, size)) < _LEAST_IOU
    return Judged(max(float(expit(-score)), change), was_wrong)
