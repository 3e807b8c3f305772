"""What an export did: what was written, what was left out and why, and what the format could not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The outcome of one export.

    Attributes:
        format: its name.
        out: where it lies.
        counts: what was written, by kind ("videos", "masks", ...).
        left_out: what was not written, by reason.
        lost: what was written with a loss, by kind ("pixels under another object", ...).
        lowest_iou: for formats that cannot hold masks exactly, the IoU of the worst one.
        models: number of questions by the names of the policy and the segmenter that labelled them, "" for none.
    """

    format: str
    out: Path
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    lost: Mapping[str, int]
    lowest_iou: float | None = None
    models: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the report as lines for people."""
        written = ", ".join(f"{number} {kind}" for kind, number in self.counts.items())
        lines = [f"wrote {written or 'nothing'} as {self.format} to {self.out}"]
        lines += [f"left out: {number} {reason}" for reason, number in self.left_out.items()]
        lines += [f"lost: {number} {kind}" for kind, number in self.lost.items()]
        if self.lowest_iou is not None:
            lines.append(f"the least exact mask keeps an IoU of {self.lowest_iou:.4f}")
        return lines

    def record(self) -> dict[str, Any]:
        """Return the report as JSON values, without the place where it lies."""
        return {
            "format": self.format,
            "counts": dict(self.counts),
            "left_out": dict(self.left_out),
            "lost": dict(self.lost),
            "lowest_iou": self.lowest_iou,
            "models": [
                {"policy": policy, "segmenter": segmenter, "questions": number}
                for (policy, segmenter), number in self.models.items()
            ],
        }


class Tally:
    """Counts while an export runs."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.models: Counter[tuple[str, str]] = Counter()
        self.lowest_iou: float | None = None

    def note_iou(self, iou: float) -> None:
        """Take note of how exact a mask is."""
        self.lowest_iou = iou if self.lowest_iou is None else min(self.lowest_iou, iou)

    def report(self, format: str, out: Path) -> ExportReport:
        """Return what was counted, without zeros."""
        counts, left_out, lost = (
            {key: number for key, number in counter.items() if number}
            for counter in (self.counts, self.left_out, self.lost)
        )
        models = {names: number for names, number in self.models.items() if number}
        return ExportReport(format, out, counts, left_out, lost, self.lowest_iou, models)
