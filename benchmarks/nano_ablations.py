"""The ablations of the paper on nano: every row trained from the same weights, with the same small budget.

    python benchmarks/nano_ablations.py --start runs/nano/sft/export                  # all rows
    python benchmarks/nano_ablations.py --start runs/nano/sft/export without-boxes    # one row, and what it builds on

A row is supervised examples in a style, then reinforcement with some of the four rewards, then 240 questions about 60
test clips. Each step is printed as the command that does it, goes on where it was cut off, and is not done twice.
"""

from __future__ import annotations

import argparse
import math
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from report import write_result

from veason_nano.evaluate import FIGURES, ResultRow, compare_policies, format_figure, make_table, read_results

CLIPS = 60
FULL = "full"


@dataclass(frozen=True, slots=True)
class Ablation:
    """One row: how its examples are written, and which rewards follow; `without` is None where none follow."""

    style: str = "full"
    without: tuple[str, ...] | None = ()


ROWS = {
    "start": None,
    "sft-only": Ablation(without=None),
    FULL: Ablation(),
    "without-boxes": Ablation(without=("boxes",)),
    "without-keyframe": Ablation(without=("keyframe",)),
    "without-tracks": Ablation(without=("tracks",)),
    "keyframe-only": Ablation(without=("boxes", "tracks")),
    "grounding-only": Ablation("first-frame", ("keyframe",)),
    "relative": Ablation("relative"),
    "no-reasoning": Ablation("no-reasoning"),
}
"""By name. "grounding-only" has the first frame with the target as its keyframe, and no reward for a better one;
"start" is what all begin with."""


class Comparison:
    """The folders of one comparison, and the commands that fill them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.given = arguments

    def weights(self, name: str) -> Path:
        """Train what is not there yet and return the folder of a row's weights."""
        row, given = ROWS[name], self.given
        if row is None:
            return Path(given.start)
        examples = [
            "train", "sft", "--pool", given.pool, "--style", row.style, "--start", given.start, "--clips", 5,
            "--steps", given.sft_steps, "--rate", given.sft_rate, "--optimizer", "adamw", "--shards", given.shards,
            "--first-shards", min(given.shards, 8),
        ]  # fmt: skip
        taught = self._trained(f"sft-{row.style}", examples)
        if row.without is None:
            return taught
        rewards = ["train", "grpo", "--start", taught, "--steps", given.grpo_steps, "--rate", given.grpo_rate]
        return self._trained(name, [*rewards, *(["--without", *row.without] if row.without else [])])

    def rows(self, name: str) -> list[ResultRow]:
        """Ask a row's weights what is not in its journal yet and return all answers' scores."""
        journal = Path(self.given.out) / f"{name}.jsonl"
        if len(read_results(journal)) < CLIPS:
            self._run(["evaluate", f"{name}={self.weights(name)}", "--clips", CLIPS, "--journal", journal])
        return [row for rows in read_results(journal).values() for row in rows]

    def _trained(self, name: str, flags: list[object]) -> Path:
        weights = Path(self.given.out) / name / "export"
        if not weights.is_dir():
            self._run([*flags, "--name", name, "--out", self.given.out, "--seed", self.given.seed])
        return weights

    def _run(self, flags: list[object]) -> None:
        command = [sys.executable, "-m", "veason", "nano", *map(str, flags)]
        print("$ python " + shlex.join(command[1:]), flush=True)
        subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"rows to do: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--start", required=True, help="weights that all rows start from")
    parser.add_argument("--out", default="runs/nano/ablations", help="(%(default)s)")
    parser.add_argument("--pool", default="runs/nano/pool", help="folder of drawn clips (%(default)s)")
    parser.add_argument("--shards", type=int, default=14, help="files of the pool (%(default)s)")
    parser.add_argument("--sft-steps", type=int, default=500, help="(%(default)s)")
    parser.add_argument("--sft-rate", type=float, default=1e-3, help="(%(default)s)")
    parser.add_argument("--grpo-steps", type=int, default=24, help="(%(default)s)")
    parser.add_argument("--grpo-rate", type=float, default=3e-5, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=3, help="(%(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.rows) - set(ROWS)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}: choose from {', '.join(ROWS)}")
    comparison = Comparison(arguments)
    names = arguments.rows or list(ROWS)
    answers = {name: comparison.rows(name) for name in dict.fromkeys([*names, FULL])}
    table = make_table([row for rows in answers.values() for row in rows])
    margins = {name: compare_policies(answers[FULL], rows) for name, rows in answers.items() if name != FULL}
    print("\n| row | J&F minus that of full | " + " | ".join(FIGURES) + " |")
    print("|---" * (len(FIGURES) + 2) + "|")
    for name, figures in table.items():
        cells = map(format_figure, (margins.get(name, (0.0, 0.0, 0.0)), *figures.values()))
        print(f"| {name} | " + " | ".join(cells) + " |")
    settings = {key: value for key, value in vars(arguments).items() if key not in ("rows", "out", "pool", "start")}
    rounded = {row: {key: _rounded(values) for key, values in figures.items()} for row, figures in table.items()}
    minus_full = {name: _rounded(values) for name, values in margins.items()}
    print(write_result("nano-ablations", {**settings, "clips": CLIPS, "rows": rounded, "minus_full": minus_full}))


def _rounded(values: tuple[float, float, float]) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 2) for value in values]


if __name__ == "__main__":
    main()
