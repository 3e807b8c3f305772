"""`veason reward-service --footage FOLDER`: a segmenter that rewards the answers of a policy in training."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from veason.cli.options import Commands, add_segmenter, positive_int, read_model_options
from veason.secret_file import read_token


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("reward-service", help="serve the reward for tracks to a trainer", description=__doc__)
    parser.add_argument(
        "--footage", action="append", required=True, metavar="FOLDER",
        help="videos and folders of frames that may be asked about, with all below; may be repeated",
    )  # fmt: skip
    parser.add_argument("--index", metavar="FILE", help="keeps the digests of the footage, so that it is read once")
    add_segmenter(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument(
        "--token-file", metavar="FILE", help="holds the token that is wanted; needed beyond this machine"
    )
    parser.add_argument(
        "--replicas", type=positive_int, default=1, metavar="N", help="processes, each with a segmenter"
    )
    parser.add_argument("--batch", type=positive_int, default=64, metavar="N", help="questions answered together (64)")
    parser.add_argument(
        "--waiting", type=positive_int, default=1024, metavar="N", help="questions that may wait (1024)"
    )
    parser.add_argument("--ray", action="store_true", help="behind Ray Serve instead, where ray is installed")
    parser.add_argument("--ray-address", metavar="A", help="of a cluster that runs (default: one is started here)")
    parser.add_argument(
        "--gpus", type=float, default=0.0, metavar="X", help="with --ray: GPUs of a replica (%(default)s)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; see `veason.cli` for the exit codes."""
    from veason.reward_service.server import ServiceSettings, index_footage, serve_rewards

    settings = ServiceSettings(
        footage=tuple(Path(one) for one in args.footage),
        segmenter=args.segmenter, options=read_model_options(args), host=args.host, port=args.port,
        token=read_token(args.token_file),
        replicas=args.replicas, most=args.batch, waiting=args.waiting,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="veason-footage-") as folder:
        index = Path(args.index) if args.index else Path(folder, "index.json")
        footage = index_footage(settings, index, _show)
        print(f"\r{len(footage):,} videos in {', '.join(args.footage)}", file=sys.stderr)
        for path, reason in footage.unread.items():
            print(f"left out, cannot be read: {path}: {reason}", file=sys.stderr)
        settings = replace(settings, index=index)
        if args.ray:
            from veason.reward_service.ray_app import serve_on_ray

            serve_on_ray(settings, args.ray_address, args.gpus, _tell)
        else:
            serve_rewards(settings, _tell)
    return 0


def _show(done: int) -> None:
    if done % 20 == 0:
        print(f"\rreading footage: {done:,} ", end="", file=sys.stderr, flush=True)


def _tell(url: str) -> None:
    print(f"the reward service is at {url} (replicas load their segmenter now; GET {url}/health)", flush=True)
