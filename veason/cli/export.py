"""`veason export PROJECT --format F --out DIR`: write the labels of a project in an exchange or training format."""

from __future__ import annotations

import argparse
import json
import sys

from veason.cli.options import Commands
from veason.formats.catalogue import EXPORTABLE, format_lines


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser(
        "export",
        help="write labels in an exchange or training format",
        description=__doc__,
        epilog=f"formats:\n{format_lines(EXPORTABLE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", metavar="PROJECT", help="folder of the project")
    parser.add_argument(
        "--format", required=True, choices=EXPORTABLE, metavar="FORMAT", help="one of the formats below"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the target folder, new or empty")
    parser.add_argument(
        "--everything", action="store_true", help="include answers that nobody has accepted (never in sft, grpo)"
    )
    parser.add_argument(
        "--no-overlaps",
        action="store_true",
        help="let no two objects of a question share a pixel (always so where the project wants it)",
    )
    parser.add_argument("--disputed", action="store_true", help="include accepted answers that a reviewer disputes")
    parser.add_argument("--force", action="store_true", help="replace an earlier export in the same folder")
    parser.add_argument("--no-pictures", action="store_true", help="leave out the frames if the format allows it")
    parser.add_argument(
        "--profile",
        metavar="FILE",
        help="JSON file with frame size, labels and answer keys of the policy to train (sft, grpo)",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON to stdout")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from pathlib import Path

    from veason.formats.exporting import export_labels
    from veason.formats.labels.options import ExportOptions
    from veason.formats.projects.from_project import from_project
    from veason.profile import GENERIC, read_profile
    from veason.project import Project

    profile = read_profile(Path(args.profile)) if args.profile else GENERIC
    with Project.open(args.project) as project:
        options = ExportOptions(
            is_everything=args.everything,
            has_disputed=args.disputed,
            has_overlaps=not (args.no_overlaps or project.overlap_rule.is_never()),
            is_forced=args.force,
            has_pictures=not args.no_pictures,
            profile=profile,
        )
        report = export_labels(from_project(project), args.format, args.out, options)
    print("\n".join(report.lines()), file=sys.stderr)
    if args.json:
        print(json.dumps(report.record(), ensure_ascii=False))
    return 0
