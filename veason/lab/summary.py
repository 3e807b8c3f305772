"""What a run comes to: means with intervals, the benchmark's own table, and how often each flag is raised."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from veason.lab.comparing import Interval, paired_interval
from veason.lab.flags import FLAGS
from veason.lab.store import Run
from veason.metrics import ABSENT, REASONING, REFERRING, SequenceScore, summarise_revos

SHOWN = ("jf", "j", "f", "r_legacy", "r_binary")
_TYPE_IDS = {"referring": REFERRING, "reasoning": REASONING, "absent": ABSENT}


@dataclass(frozen=True, slots=True)
class FlagCount:
    """How often a flag is raised: `raised` of `known` cases; in the others nobody can tell."""

    name: str
    meaning: str
    raised: int
    known: int

    @property
    def percent(self) -> float | None:
        """Share of the known cases, None where there is none."""
        return 100 * self.raised / self.known if self.known else None


def count_flags(run: Run) -> list[FlagCount]:
    """Return the count of every flag, in their order."""
    found = []
    for flag in FLAGS:
        column = run.table.get_column(flag.name)
        found.append(FlagCount(flag.name, flag.meaning, int(column.sum() or 0), len(column) - column.null_count()))
    return found


def mean_figures(run: Run, seed: int = 0) -> dict[str, Interval]:
    """Return the plain mean over all scored cases of each figure, in percent, with its interval over videos."""
    figures = {}
    for name in SHOWN:
        known = run.table.select("video", name).drop_nulls()
        if len(known):
            values = known.get_column(name).to_numpy()
            figures[name] = paired_interval(values, known.get_column("video").to_list(), np.random.default_rng(seed))
    return figures


def revos_table(run: Run) -> dict[str, dict[str, float | int | None] | None] | None:
    """Return the official table of ReVOS (means by type, and the mean of the two), None for another benchmark.

    Source: `veason.metrics.summarise_revos`, which is what `veason eval` prints.
    """
    if run.info.dataset["kind"] != "revos":
        return None
    known = run.table.drop_nulls(["j", "f"])
    names = ("j", "f", "r_legacy", "r_binary", "num_frames", "type")
    scores, types = [], []
    for j, f, legacy, binary, frames, kind in known.select(names).iter_rows():
        scores.append(SequenceScore(j / 100, f / 100, _fraction(legacy), _fraction(binary), frames))
        types.append(_TYPE_IDS[kind or "referring"])
    if not scores:
        return None
    found = summarise_revos(scores, types)
    parts = {"referring": found.referring, "reasoning": found.reasoning, "overall": found.overall}
    return {name: None if one is None else {**asdict(one), "jf": one.jf} for name, one in parts.items()}


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
