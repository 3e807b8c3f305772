"""`veason data check ROOT --kind KIND`: check the files of a benchmark dataset and list its problems."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from veason.cli import BAD_INPUT
from veason.cli.options import Commands
from veason.cli.progress import showing_progress
from veason.errors import DataError
from veason.formats.catalogue import BENCHMARKS

if TYPE_CHECKING:
    from veason.formats.benchmarks.check import CheckReport


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("data", help="check a benchmark dataset", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="count expressions; list missing frames, wrong sizes and unsorted frames")
    add_dataset_arguments(check)
    return parser


def add_dataset_arguments(parser: argparse.ArgumentParser, kinds: Sequence[str] = BENCHMARKS) -> None:
    """Add ROOT, --kind (one of `kinds`) and --split."""
    parser.add_argument("root", metavar="ROOT", help="folder of the dataset")
    parser.add_argument("--kind", required=True, choices=kinds, help="format of the dataset")
    parser.add_argument(
        "--split", help="for example valid, train or valid_u (default: the split that the benchmark scores)"
    )


def run(args: argparse.Namespace) -> int:
    """Check one split, or every split found; see `veason.cli` for the exit codes."""
    from veason.formats.datasets import present_splits

    splits = (args.split,) if args.split else present_splits(args.root, args.kind)
    if not splits:
        raise DataError(f"{args.root}: no expressions file of a {args.kind} dataset was found: check root and kind")
    is_clean = True
    for split in splits:
        report = check_with_progress(args.root, args.kind, split)
        print("\n".join(report.lines()))
        is_clean = is_clean and report.is_clean
    return 0 if is_clean else BAD_INPUT


def check_with_progress(root: str, kind: str, split: str) -> CheckReport:
    """Check one split with a progress bar on stderr."""
    from veason.formats.benchmarks.check import check_dataset

    with showing_progress(f"checking {split}", "expressions") as on_progress:
        return check_dataset(root, kind, split, on_progress=on_progress)
