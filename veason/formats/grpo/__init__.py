"""Reinforcement learning: train.parquet, one row a question, as verl reads it.

The prompt has one <image> a frame; the pictures lie in the file, squashed to the profile's size. `ground_truth` is JSON
text from which `reward_case` makes what `veason.rewards` compares with; it names the video by the digest of its
content, so that the reward service finds it (`veason.reward_service`). All accepted questions are taken: the reward
looks at masks, not at reasoning. Source: verl 0.9.1, verl/utils/dataset/rl_dataset.py.
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
    from veason.formats.grpo.writer import write

    write(videos, out, tally, options)


GRPO = Format(
    name="grpo",
    about="Reinforcement learning set in Parquet; all accepted answers.",
    holds=Holds(text=True, several=True, absent=True, unlabelled=True, keyframe=True, models=True),
    pictures="needed",
    accepted_only=True,
    write=_write,
)
