"""`veason eval ROOT --kind KIND`: score saved predictions, or run the models and score their masks."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from veason.cli.data import add_dataset_arguments
from veason.cli.options import Commands, add_policy, add_segmenter, pipeline_from_args
from veason.errors import DataError

MODEL_OPTIONS = ("policy", "profile", "quantization", "segmenter", "segmenter_config")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser(
        "eval", help="score on a benchmark; an interrupted run can be resumed", description=__doc__
    )
    add_dataset_arguments(parser)
    parser.add_argument(
        "--predictions", metavar="DIR", help="score the saved mask images in DIR/Annotations instead of running models"
    )
    add_policy(parser)
    add_segmenter(parser)
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the journal and report; give the same one to resume"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="number of processes (%(default)s)")
    parser.add_argument(
        "--allow-missing", action="store_true", help="score missing mask images as empty masks, which the report states"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from veason.evaluate import Live, evaluate
    from veason.formats.datasets import open_dataset

    if args.workers < 1:
        raise DataError(f"--workers is 1 or more, got {args.workers}")
    chosen = {name: value for name in MODEL_OPTIONS if (value := getattr(args, name))}
    if args.predictions and chosen:
        raise DataError(
            "give either --predictions DIR, to score saved masks, or --policy and --segmenter, to run models"
        )
    if not args.predictions and not (args.policy and args.segmenter):
        raise DataError("give both --policy and --segmenter, which the report records, or --predictions")
    dataset = open_dataset(args.root, args.kind, args.split)
    source = Path(args.predictions) if args.predictions else Live(partial(pipeline_from_args, args), chosen)
    columns = (
        TextColumn("scoring" if args.predictions else "predicting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("expressions"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(dataset))
        evaluate(
            dataset,
            source,
            Path(args.out),
            workers=args.workers,
            allow_missing=args.allow_missing,
            on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    sys.stdout.write((Path(args.out) / "report.md").read_text(encoding="utf-8"))
    print(f"wrote {Path(args.out) / 'report.json'}", file=sys.stderr)
    return 0
