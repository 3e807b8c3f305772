"""`veason mcp`: the tools ask, answers, track and export, over standard input and output (Model Context Protocol).

A program that knows the protocol starts this command: its configuration names `veason` and the argument `mcp`. The same
tools over HTTP: `veason serve --mcp`.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from veason.cli.options import Commands, add_policy, add_segmenter, add_stock, pipeline_from_args


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("mcp", help="offer the models as tools of MCP over stdio", description=__doc__)
    add_policy(parser)
    add_segmenter(parser)
    add_stock(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Answer until the program that started this ends."""
    from veason.libraries import require_library

    require_library("mcp", "veason mcp")
    with redirect_stdout(sys.stderr):  # standard output is the program's
        from veason.studio.server.tool_server import serve_stdio

        pipeline = pipeline_from_args(args)
    serve_stdio(pipeline)
    return 0
