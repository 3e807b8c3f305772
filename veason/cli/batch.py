"""`veason batch IN ... --instructions FILE --out DIR`: ask about many videos; killed runs go on, errors are rows."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veason.cli.evaluate import chosen_models
from veason.cli.options import (
    Commands,
    add_engine,
    add_policy,
    add_segmenter,
    check_engine,
    positive_int,
    read_model_options,
    read_threads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from veason.batch import Job, JobOutcome, MakePipeline, Spent

_RAY_ONLY = ("address", "worker_gpus", "policy_workers", "policy_gpus")
_TOLD = 20
"""Rows of a list about which something is told on the screen."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("batch", help="ask about many videos; killed runs go on", description=__doc__)
    parser.add_argument(
        "videos",
        nargs="+",
        metavar="IN",
        help="videos, folders, patterns in quotes, addresses such as s3://bucket/clips",
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--instructions", metavar="FILE", help="CSV or JSONL: instruction, and video")
    asked.add_argument("--instruction", metavar="TEXT", help="one question about every video")
    parser.add_argument("--out", metavar="DIR", required=True, help="results; give it again to go on, or to help")
    parser.add_argument("--retry-errors", action="store_true", help="ask again what ended with an error")
    parser.add_argument("--masks-zip", action="store_true", help="write the masks as palette pictures too: masks.zip")
    parser.add_argument("--project", metavar="FOLDER", help="put the answers into the queue of a project, new or not")
    add_policy(parser)
    add_segmenter(parser)
    add_engine(parser, "actors with the segmenter")
    parser.add_argument(
        "--policy-workers", type=positive_int, metavar="N", help="ray: actors with the policy (default: as --workers)"
    )
    parser.add_argument("--policy-gpus", type=float, default=0.0, metavar="X", help="ray: GPUs of such an actor (0)")
    parser.add_argument(
        "--price-in", type=float, default=0.0, metavar="X", help="of a million tokens that a server reads"
    )
    parser.add_argument("--price-out", type=float, default=0.0, metavar="X", help="of a million tokens that it writes")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.batch import ResultFolder, collect, digest_videos, find_videos, plan_jobs
    from veason.pipeline import load_pipeline

    check_engine(args, _RAY_ONLY)
    out = Path(args.out)
    videos = find_videos(args.videos)
    asked = _asked(args, videos)
    digests = digest_videos(dict.fromkeys(one.video for one in asked if not one.failure), out)
    settings = json.dumps({**chosen_models(args), "threads": read_threads(args)}, sort_keys=True)
    jobs = plan_jobs(asked, digests, settings)
    make_pipeline = partial(load_pipeline, args.policy, args.segmenter, read_model_options(args))
    folder = ResultFolder(out)
    keys = {job.key for job in jobs}
    done = len(keys & folder.done(retry_errors=args.retry_errors))
    print(f"{len(videos)} videos, {len(keys)} questions, {done} done already", file=sys.stderr)
    spent = _work(args, _outcomes(args, jobs, make_pipeline, out), len(keys), done)
    tables = collect(folder, out, jobs)
    print(
        f"wrote {out / 'answers.parquet'} ({tables.answers} rows) and masks.parquet ({tables.masks} rows)",
        file=sys.stderr,
    )
    if tables.missing:
        print(f"{tables.missing} questions are still with another run: give the command again later", file=sys.stderr)
    if tables.others:
        print(f"{tables.others} results of other questions stay in {out / 'results'}, in no table", file=sys.stderr)
    _tell_cost(args, spent)
    _write_more(args, jobs, out)
    return 0


def _asked(args: argparse.Namespace, videos: Sequence[str]) -> list[Any]:
    from veason.batch import ask_all, read_asked

    if not args.instructions:
        return ask_all(videos, args.instruction)
    asked, told = read_asked(args.instructions, videos)
    for sentence in told[:_TOLD]:
        print(f"note: {sentence}", file=sys.stderr)
    if len(told) > _TOLD:
        print(f"note: and {len(told) - _TOLD} rows more", file=sys.stderr)
    return asked


def _outcomes(
    args: argparse.Namespace, jobs: Sequence[Job], make_pipeline: MakePipeline, out: Path
) -> Iterator[JobOutcome]:
    from veason.batch import Pools, run_batch, run_on_cluster

    more: dict[str, Any] = {"threads": read_threads(args), "retry_errors": args.retry_errors}
    if args.engine == "local":
        return run_batch(jobs, make_pipeline, out, workers=args.workers, **more)
    from veason.cluster import Cluster

    pools = Pools(
        args.policy_workers or args.workers,
        args.workers,
        policy_cpus=0.1 if args.policy and "://" in args.policy else None,  # a server's policy waits for the server
        policy_gpus=args.policy_gpus,
        segmenter_gpus=args.worker_gpus,
    )
    return run_on_cluster(jobs, make_pipeline, out, Cluster(args.address), pools, **more)


def _work(args: argparse.Namespace, outcomes: Iterator[JobOutcome], total: int, done: int) -> Spent:
    """Go through the outcomes, show how far they are, and return what they cost."""
    from veason.batch import Spent

    counts = {"answered": 0, "absent": 0, "error": 0}
    spent, started = Spent(), time.monotonic()
    try:
        for number, outcome in enumerate(outcomes, start=1):
            counts[outcome.kind] += 1
            spent += outcome.spent
            left = (time.monotonic() - started) / number * (total - done - number)
            told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
            print(f"\r{done + number} of {total}: {told}; {_span(left)} left ", end="", file=sys.stderr, flush=True)
    finally:
        if any(counts.values()):
            print(file=sys.stderr)  # else what is said next stands on the same line
    return spent


def _tell_cost(args: argparse.Namespace, spent: Spent) -> None:
    """Say what this run cost."""
    parts = [f"policy {_span(spent.policy_s)}", f"segmenter {_span(spent.segmenter_s)}"]
    if spent.prompt_tokens or spent.answer_tokens:
        parts.append(f"{spent.prompt_tokens:,} tokens read and {spent.answer_tokens:,} written by the server")
        cost = (spent.prompt_tokens * args.price_in + spent.answer_tokens * args.price_out) / 1e6
        parts += [f"{cost:.2f} at the prices given"] if cost else []
    print(f"this run took, over all workers: {', '.join(parts)}", file=sys.stderr)


def _span(seconds: float) -> str:
    """Return a time in words.

    >>> _span(42), _span(600), _span(90_000)
    ('42 s', '10 min', '25.0 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _write_more(args: argparse.Namespace, jobs: Sequence[Job], out: Path) -> None:
    """Write the palette pictures and the project, where they are wanted."""
    from veason.batch import ResultFolder, into_queue, write_masks_zip

    folder = ResultFolder(out)
    if args.masks_zip:
        written = write_masks_zip(folder, out, jobs)
        lost = f"; {written.lost_pixels} pixels where objects overlap are given to one only" * bool(written.lost_pixels)
        print(f"wrote {out / 'masks.zip'} ({written.pictures} pictures{lost})", file=sys.stderr)
    if args.project:
        queued = into_queue(folder, jobs, Path(args.project))
        known = f", {queued.known} were there already" * bool(queued.known)
        print(f"put {queued.added} questions into the queue of {args.project}{known}", file=sys.stderr)
        for sentence in queued.left_out[:_TOLD]:
            print(f"left out: {sentence}", file=sys.stderr)
