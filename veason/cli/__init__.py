"""The command line: one module per command, each with `add_parser(commands)` and `run(args) -> exit code`.

Exit codes: 0 success (also for an absent target), 2 bad input, 3 no usable answer, 4 a library or weights are missing,
130 cancelled.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from veason import __version__
from veason.disk import refusal_of
from veason.errors import AnswerError, MissingBackend, VeasonError
from veason.libraries import missing_library

COMMANDS = (
    "ask", "track", "serve", "mcp", "user", "evaluate", "batch", "train",
    "reward_service", "lab", "corpus", "data", "nano", "project", "models", "export", "import_",
)  # fmt: skip
"""Module names in veason.cli, in the order of the help text."""

BAD_INPUT, NO_ANSWER, MISSING, CANCELLED = 2, 3, 4, 130


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m veason`."""
    parser = argparse.ArgumentParser(prog="veason", description="Segment what you describe, in any video.")
    parser.add_argument("--version", action="version", version=f"veason {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"veason.cli.{name}")
        module.add_parser(commands).set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. A VeasonError, or what the disk refuses, is one line on stderr."""
    try:
        args = build_parser().parse_args(arguments)
        code: int = args.run(args)
    except KeyboardInterrupt:
        print("cancelled; what was done is kept", file=sys.stderr)
        return CANCELLED
    except AnswerError as error:
        print(f"no usable answer: {error}", file=sys.stderr)
        return NO_ANSWER
    except MissingBackend as error:
        print(f"missing: {error}", file=sys.stderr)
        return MISSING
    except VeasonError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        refused = refusal_of(error)
        if refused is None:
            raise
        print(f"error: {refused}", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            raise
        print(f"missing: {missing}", file=sys.stderr)
        return MISSING
    return code
