"""Supervised fine-tuning: LLaMA-Factory's sharegpt form.

    dataset_info.json   veason_sft.json   images/<video>/<frame>.jpg (squashed to the profile's size)

A sample teaches reasoning, keyframe and boxes, so it is taken only where the reasoning was confirmed, edited or
regenerated after the last correction: a corrected box under a false reason teaches lies. Boxes are those of the masks.
Train with `template: qwen2_vl` and `cutoff_len: 5120` or more. Source: LLaMA-Factory 0.9.5, data/converter.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from veason.formats.record import Format, Holds

if TYPE_CHECKING:
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo


def _write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    from veason.formats.sft.writer import write

    write(videos, out, tally, options)


SFT = Format(
    name="sft",
    about="Fine-tuning set in ShareGPT form; only accepted answers whose reasoning was checked.",
    holds=Holds(
        masks="boxes",
        identities=False,
        text=True,
        several=True,
        absent=True,
        unlabelled=True,
        reasoning=True,
        keyframe=True,
        boxes=True,
        models=True,
    ),
    pictures="needed",
    accepted_only=True,
    write=_write,
)
