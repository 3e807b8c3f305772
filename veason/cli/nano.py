"""`veason nano ...`: pass all arguments to `veason_nano`, which draws the toy world and trains the embedded models."""

from __future__ import annotations

import argparse
import importlib

from veason.cli.options import Commands
from veason.errors import MissingBackend


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser, which passes on every argument after `nano` unparsed."""
    parser = commands.add_parser(
        "nano", help="draw the toy world, train the embedded models", add_help=False, prefix_chars="\0"
    )
    parser.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes.

    Raises:
        MissingBackend: `veason_nano` is not installed.
    """
    try:
        nano = importlib.import_module("veason_nano.cli")
    except ModuleNotFoundError as error:
        if error.name != "veason_nano":
            raise
        raise MissingBackend("veason_nano is not installed: it comes with `pip install veason`") from error
    code: int = nano.run(args.words)
    return code
