"""`veason eval ROOT --kind KIND`: score saved predictions, or run the models and score their masks.

Datasets without expressions (davis16, davis17, youtube-vos, mose, lvos, sa-v) score a segmenter alone: each object is
prompted on its first frame, as --prompt says, and tracked.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from veason import hub
from veason.cli.data import add_dataset_arguments
from veason.cli.options import (
    Commands,
    add_engine,
    add_policy,
    add_segmenter,
    check_engine,
    read_model_options,
)
from veason.cli.progress import showing_progress
from veason.errors import DataError
from veason.formats.catalogue import BENCHMARKS

if TYPE_CHECKING:
    from veason.evaluate import ClusterWorkers

TRACKING_KINDS = ("davis16", "davis17", "youtube-vos", "mose", "lvos", "sa-v")
_PROMPT_KINDS = ("mask", "box", "click")
MODEL_OPTIONS = ("policy", "profile", "quantization", "segmenter", "segmenter_config")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser(
        "eval", help="score on a benchmark; an interrupted run can be resumed", description=__doc__
    )
    add_dataset_arguments(parser, (*BENCHMARKS, *TRACKING_KINDS))
    parser.add_argument(
        "--prompt", choices=_PROMPT_KINDS, help="datasets without expressions: what prompts each object (default: mask)"
    )
    parser.add_argument(
        "--predictions", metavar="DIR", help="score the saved mask images in DIR/Annotations instead of running models"
    )
    add_policy(parser)
    add_segmenter(parser)
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the journal and report; give the same one to resume"
    )
    add_engine(parser, "actors, each with the models")
    parser.add_argument(
        "--allow-missing", action="store_true", help="score missing mask images as empty masks, which the report states"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    check_engine(args, ("address", "worker_gpus"))
    if args.kind in TRACKING_KINDS:
        run_tracking(args)
    else:
        run_asking(args)
    sys.stdout.write((Path(args.out) / "report.md").read_text(encoding="utf-8"))
    print(f"wrote {Path(args.out) / 'report.json'}", file=sys.stderr)
    return 0


def chosen_models(args: argparse.Namespace) -> dict[str, str]:
    """Return what tells the chosen models from others: the options that were given, and a stamp of what is local.

    Weights that were trained on in their folder are another model, and a profile that was edited asks another question:
    what was answered before is not theirs.
    """
    chosen = {name: str(value) for name in MODEL_OPTIONS if (value := getattr(args, name))}
    stamps = {f"{name}_files": hub.path_stamp(Path(value)) for name, value in chosen.items() if Path(value).exists()}
    return chosen | stamps


def run_asking(args: argparse.Namespace) -> None:
    """Score expressions: saved predictions, or what policy and segmenter say."""
    from veason.evaluate import Live, evaluate
    from veason.formats.datasets import open_dataset
    from veason.pipeline import load_pipeline

    if args.prompt:
        raise DataError(f"--prompt belongs to datasets without expressions ({', '.join(TRACKING_KINDS)}): leave it out")
    chosen = chosen_models(args)
    if args.predictions and chosen:
        raise DataError(
            "give either --predictions DIR, to score saved masks, or --policy and --segmenter, to run models"
        )
    if not args.predictions and not (args.policy and args.segmenter):
        raise DataError("give both --policy and --segmenter, which the report records, or --predictions")
    dataset = open_dataset(args.root, args.kind, args.split)
    threads = args.threads or (1 if args.engine == "ray" else None)
    if threads is not None and not args.predictions:
        chosen["threads"] = str(threads)  # other numbers change last bits
    make_pipeline = partial(load_pipeline, args.policy, args.segmenter, read_model_options(args))
    source = Path(args.predictions) if args.predictions else Live(make_pipeline, chosen, threads)
    with showing_progress("scoring" if args.predictions else "predicting", "expressions") as on_progress:
        evaluate(
            dataset,
            source,
            Path(args.out),
            workers=args.workers if args.engine == "local" else _actors(args),
            allow_missing=args.allow_missing,
            on_progress=on_progress,
        )


def _actors(args: argparse.Namespace) -> ClusterWorkers:
    from veason.cluster import Cluster
    from veason.evaluate import ClusterWorkers

    return ClusterWorkers(Cluster(args.address), args.workers, args.worker_gpus)


def run_tracking(args: argparse.Namespace) -> None:
    """Track every object of a dataset from its first frame and score the masks."""
    from veason.evaluate.sequences import LAYOUTS, read_sequences
    from veason.evaluate.tracking import evaluate_tracking
    from veason.segmenter import load_segmenter

    given = ("policy", "profile", "quantization", "predictions")
    unfit = [f"--{name}" for name in given if getattr(args, name)]
    unfit += ["--allow-missing"] * args.allow_missing + ["--workers"] * (args.workers > 1)
    unfit += ["--engine"] * (args.engine != "local") + ["--threads"] * bool(args.threads)
    if unfit:
        raise DataError(f"{args.kind} scores a segmenter alone, in one process: leave out {', '.join(unfit)}")
    if not args.segmenter:
        raise DataError("give the --segmenter, which the report records, for example --segmenter nano")
    videos = read_sequences(Path(args.root), args.kind, args.split)
    label = {
        "kind": args.kind,
        "root": str(Path(args.root).resolve()),
        "split": args.split or LAYOUTS[args.kind].split,
        **chosen_models(args),
    }
    with showing_progress("tracking", "videos") as on_progress:
        evaluate_tracking(
            videos,
            partial(load_segmenter, args.segmenter, read_model_options(args)),
            Path(args.out),
            prompt=args.prompt or "mask",
            label=label,
            on_progress=on_progress,
        )
