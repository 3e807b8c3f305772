"""Mask metrics equal to those of the official tools: J, F, robustness R, and the summaries of each benchmark.

Scores of a frame or a sequence are fractions in [0, 1]; summaries are percents, as the published tables print them.
A mask is an `(H, W)` array (every value but 0 counts as set) or an `Rle`.

    forms      mask types and size checks      outlines   boundaries, and a cache of them
    frames     J, F and R of one frame         sequence   their means over one expression
    summaries  the tables of each benchmark
"""

from veason.metrics.forms import Mask
from veason.metrics.frames import boundary_f, jaccard, robustness_binary, robustness_legacy
from veason.metrics.outlines import TOLERANCE, Outline, OutlineCache, outline
from veason.metrics.sequence import SequenceScore, score_sequence
from veason.metrics.summaries import (
    ABSENT,
    REASONING,
    REFERRING,
    Absence,
    RevosSummary,
    Summary,
    match_davis_objects,
    paint_objects,
    summarise_absence,
    summarise_mean,
    summarise_ref_davis,
    summarise_revos,
)

__all__ = [
    "ABSENT", "REASONING", "REFERRING", "TOLERANCE", "Absence", "Mask", "Outline", "OutlineCache", "RevosSummary",
    "SequenceScore", "Summary", "boundary_f", "jaccard", "match_davis_objects", "outline", "paint_objects",
    "robustness_binary", "robustness_legacy", "score_sequence", "summarise_absence", "summarise_mean",
    "summarise_ref_davis", "summarise_revos",
]  # fmt: skip
