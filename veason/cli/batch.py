"""`veason batch IN ... --instructions FILE --out DIR`: ask about many videos; killed runs go on, errors are rows."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli.evaluate import chosen_models
from veason.cli.options import Commands, add_policy, add_segmenter, pipeline_from_args, positive_int
from veason.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("batch", help="ask about many videos; killed runs go on", description=__doc__)
    parser.add_argument("videos", nargs="+", metavar="IN", help="video files, folders, or patterns in quotes")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--instructions", metavar="FILE", help="CSV or JSONL: instruction, and video")
    asked.add_argument("--instruction", metavar="TEXT", help="one question about every video")
    parser.add_argument("--out", metavar="DIR", required=True, help="results; give it again to go on, or to help")
    parser.add_argument("--workers", type=positive_int, default=1, metavar="N", help="processes (%(default)s)")
    parser.add_argument("--retry-errors", action="store_true", help="ask again what ended with an error")
    add_policy(parser)
    add_segmenter(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.batch import ResultFolder, collect, find_videos, plan_jobs, run_batch

    videos = find_videos(args.videos)
    settings = json.dumps(chosen_models(args), sort_keys=True)
    asked = [args.instruction] if args.instruction else _asked(args.instructions, videos)
    jobs = plan_jobs(videos, asked, settings)
    out = Path(args.out)
    folder = ResultFolder(out)
    done = sum(folder.has(job.key, retry_errors=args.retry_errors) for job in jobs)
    print(f"{len(videos)} videos, {len(jobs)} questions, {done} done already", file=sys.stderr)
    started, counts = time.monotonic(), {"answered": 0, "absent": 0, "error": 0}
    work = run_batch(jobs, partial(pipeline_from_args, args), out, workers=args.workers, retry_errors=args.retry_errors)
    for number, outcome in enumerate(work, start=1):
        counts[outcome.kind] += 1
        left = (time.monotonic() - started) / number * (len(jobs) - done - number)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        print(
            f"\r{done + number} of {len(jobs)}: {told}; {left / 60:.0f} min left ", end="", file=sys.stderr, flush=True
        )
    answers, masks = collect(folder, out)
    print(f"\nwrote {out / 'answers.parquet'} ({answers} rows) and masks.parquet ({masks} rows)", file=sys.stderr)
    return 0


def _asked(file: str, videos: Sequence[Path]) -> dict[Path, list[str]]:
    """Return the instructions of a list by video; a row without a video is asked of all.

    Raises:
        OptionError: a row names a video that is not there, or more than one of them; or nothing is left to ask.
    """
    from veason.project.listings import read_instructions

    listing = read_instructions(file)
    for sentence in listing.left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    asked: dict[Path, list[str]] = {video: [] for video in videos}
    for row in listing.wanted:
        meant = [video for video in videos if not row.video or _is_meant(video, row.video)]
        if row.video and len(meant) != 1:
            wrong = (
                "is none of the videos given" if not meant else f"could be any of {len(meant)} videos: write its path"
            )
            raise OptionError(f"{row.row}: {row.video!r} {wrong}")
        for video in meant:
            asked[video].append(row.instruction)
    if not any(asked.values()):
        raise OptionError(f"{file}: asks nothing of these videos")
    return asked


def _is_meant(video: Path, name: str) -> bool:
    parts = Path(name.replace("\\", "/")).parts
    return video.parts[-len(parts) :] == parts or (len(parts) == 1 and video.stem == name)
