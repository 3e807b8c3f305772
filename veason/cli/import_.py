"""`veason import PROJECT FILE_OR_FOLDER --format F`: read labels or model predictions into a project for review."""

from __future__ import annotations

import argparse
import sys

from veason.cli.options import Commands
from veason.formats.catalogue import IMPORTABLE, format_lines


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser(
        "import",
        help="read labels or predictions into a project",
        description=__doc__,
        epilog=f"formats:\n{format_lines(IMPORTABLE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", metavar="PROJECT", help="folder of the project")
    parser.add_argument("source", metavar="FILE_OR_FOLDER", help="file or folder with the labels")
    parser.add_argument(
        "--format", required=True, choices=IMPORTABLE, metavar="FORMAT", help="format of the labels: one of those below"
    )
    parser.add_argument(
        "--videos",
        metavar="DIR_OR_FILE",
        help="folder with the videos under the names in the labels, or the only video",
    )
    parser.add_argument("--copy", action="store_true", help="copy the videos into the project")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.formats.projects.into_project import into_project
    from veason.project import Project

    with Project.open(args.project) as project:
        imported = into_project(project, args.source, args.format, videos=args.videos, copy=args.copy, is_owners=True)
    print(imported.summary(), file=sys.stderr)
    return 0
