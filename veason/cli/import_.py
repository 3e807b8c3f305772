"""`veason import PROJECT FILE_OR_FOLDER --format F`: take labels, or a model's predictions, in to review them."""

from __future__ import annotations

import argparse
import sys

from veason.cli.options import Commands
from veason.formats.catalogue import IMPORTABLE, format_lines


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser(
        "import",
        help="take in labels that others made",
        description=__doc__,
        epilog=f"formats:\n{format_lines(IMPORTABLE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", metavar="PROJECT", help="folder of the project")
    parser.add_argument("source", metavar="FILE_OR_FOLDER", help="the labels")
    parser.add_argument(
        "--format", required=True, choices=IMPORTABLE, metavar="FORMAT", help="how they are written: one of those below"
    )
    parser.add_argument("--videos", metavar="DIR", help="folder with the videos, called as in the labels")
    parser.add_argument("--copy", action="store_true", help="copy the videos into the project")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.formats.importing import import_labels
    from veason.formats.projects.to_project import Imported, check_fits, to_project
    from veason.project import Project

    total = Imported()
    with Project.open(args.project) as project:
        for video in import_labels(args.source, args.format, videos=args.videos, is_owners=True):
            check_fits(project, video)  # all of them before the first change
        for video in import_labels(args.source, args.format, videos=args.videos, is_owners=True):
            total += to_project(project, video, copy=args.copy)
    print(total.told(), file=sys.stderr)
    return 0
