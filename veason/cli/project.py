"""`veason project new|add|prelabel|status|backup|restore DIR`: manage a project folder with its queue of questions."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from veason.cli.options import (
    Commands,
    add_policy,
    add_sampling,
    add_segmenter,
    pipeline_from_args,
    positive_int,
    read_sampling,
)
from veason.errors import ProjectError
from veason.formats.catalogue import BENCHMARKS

if TYPE_CHECKING:
    from veason.project import Project
    from veason.project.prelabel import Progress

_DOUBTFUL_SHOWN = 5


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("project", help="manage a queue of questions about videos", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("folder", metavar="DIR", help="folder of the project")
        _ADD_OPTIONS[name](action)
    return parser


def _add_new(parser: argparse.ArgumentParser) -> None:
    pass


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", metavar="VIDEO_OR_FOLDER", nargs="*", help="a video, or a folder of videos or frames")
    parser.add_argument(
        "--instructions", metavar="FILE", help="CSV or JSONL file with the columns instruction, video, assignee"
    )
    parser.add_argument("--encoding", metavar="NAME", help="text encoding of --instructions (default: UTF-8)")
    parser.add_argument("--copy", action="store_true", help="copy the videos into the project")
    parser.add_argument("--dataset", metavar="ROOT", help="add the expressions of a benchmark dataset")
    parser.add_argument("--kind", choices=BENCHMARKS, help="format of --dataset")
    parser.add_argument("--split", help="split of --dataset (default: the split that the benchmark scores)")


def _add_prelabel(parser: argparse.ArgumentParser) -> None:
    add_policy(parser)
    add_segmenter(parser)
    parser.add_argument("--assignee", metavar="NAME", help="only the questions of this person")
    add_sampling(parser)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("to", metavar="FOLDER", help="where backups lie: a new file each, named by the time (UTC)")
    parser.add_argument("--keep", metavar="N", type=positive_int, default=0, help="delete all but the newest N of them")
    parser.add_argument("--without-videos", action="store_true", help="leave videos outside the project's folder out")


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a backup; DIR should be empty or not there yet")


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    return _RUN[args.action](args)


def _run_new(args: argparse.Namespace) -> int:
    from veason.project import Project

    with Project.create(args.folder) as project:
        print(f"made a project in {project.folder}")
    return 0


def _run_add(args: argparse.Namespace) -> int:
    from veason.formats.datasets import open_dataset
    from veason.project import Project
    from veason.project.listings import Listing, read_instructions
    from veason.project.sources import add_dataset, add_videos

    if bool(args.dataset) != bool(args.kind):
        raise ProjectError("--dataset ROOT and --kind KIND belong together: give both")
    if not (args.videos or args.instructions or args.dataset):
        raise ProjectError("nothing to add: give videos, --instructions or --dataset")
    with Project.open(args.folder) as project:
        num_videos = num_questions = 0
        if args.videos or args.instructions:
            listing = read_instructions(args.instructions, args.encoding) if args.instructions else Listing(())
            added = add_videos(project, args.videos, listing.wanted, copy=args.copy)
            for line in (*listing.left_out, *added.left_out):
                print(f"left out: {line}", file=sys.stderr)
            num_videos, num_questions = added.num_videos, added.num_questions
        if args.dataset:
            added = add_dataset(project, open_dataset(args.dataset, args.kind, args.split), copy=args.copy)
            num_videos, num_questions = num_videos + added.num_videos, num_questions + added.num_questions
    print(f"added {num_videos} videos and {num_questions} questions")
    return 0


def _run_prelabel(args: argparse.Namespace) -> int:
    from veason.project import Project
    from veason.project.prelabel import prelabel

    sampling = read_sampling(args)
    with Project.open(args.folder) as project:
        if not project.library.questions(status=("new", "thinking"), assignee=args.assignee):
            print("nothing to do: no question is new")  # before any model is loaded
            return 0
        pipeline = pipeline_from_args(args)
        with closing(prelabel(project, pipeline, sampling=sampling, assignee=args.assignee)) as work:
            ends = _show(work)
    print(", ".join(f"{count} {stage}" for stage, count in ends.items()) or "nothing to do: no question is new")
    return 0


def _show(work: Iterator[Progress]) -> dict[str, int]:
    """Show progress on stderr; return the number of questions by final stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    ends: dict[str, int] = {}
    texts = TextColumn("{task.description}"), TextColumn("{task.fields[eta]}")
    with Bar(texts[0], BarColumn(), MofNCompleteColumn(), texts[1], console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, eta="")
        for progress in work:
            bar.update(task, completed=progress.done, total=progress.total, description=_describe(progress))
            bar.update(task, eta=_eta(progress))
            if progress.stage in ("proposed", "failed", "skipped", "withheld"):
                ends[progress.stage] = ends.get(progress.stage, 0) + 1
            if progress.message:
                bar.console.print(f"question {progress.question_id}: {progress.message}", markup=False)
    return ends


def _describe(progress: Progress) -> str:
    frames = f" {progress.frames[0]}/{progress.frames[1]} frames" if progress.stage == "tracking" else ""
    return f"question {progress.question_id}: {progress.stage}{frames}"


def _eta(progress: Progress) -> str:
    if progress.seconds_left is None:
        return ""
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return f"{minutes}:{seconds:02d} left"


def _run_status(args: argparse.Namespace) -> int:
    from veason.project import Project

    with Project.open(args.folder) as project:
        status = describe_project(project)
    if args.json:
        json.dump(status, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0
    print(f"{status['videos']} videos, {status['questions']} questions, {status['masks']} masks")
    print(", ".join(f"{count} {name}" for name, count in status["by_status"].items() if count) or "the queue is empty")
    if status["disputed"]:
        numbers = ", ".join(str(number) for number in status["disputed"])
        print(f"{len(status['disputed'])} disputed by a reviewer (exported with --disputed only): question {numbers}")
    print(f"{status['effort']['seconds'] / 60:.1f} minutes of work, {sum(status['effort']['edits'].values())} edits")
    print(f"{status['bytes'] / 1e6:.1f} MB on disk")
    for one in status["most_doubtful"]:
        print(f"  doubt {one['doubt']:.2f}  question {one['id']}: {one['instruction']}")
    return 0


def _run_backup(args: argparse.Namespace) -> int:
    from veason.project import Project
    from veason.project.folder import back_up

    with Project.open(args.folder) as project:
        made = back_up(project, args.to, keep=args.keep, with_videos=not args.without_videos)
    print(f"wrote {made} ({made.stat().st_size / 1e6:.1f} MB)")
    return 0


def _run_restore(args: argparse.Namespace) -> int:
    from veason.project.folder import unpack

    with unpack(args.file, args.folder, keep_outside=True) as project:
        print(f"put {args.file} back into {project.folder}")
    return 0


def describe_project(project: Project) -> dict[str, Any]:
    """Return the content of `status --json`."""
    from veason.folders import size_of
    from veason.project.statistics import statistics

    numbers = statistics(project)
    doubtful = project.library.questions(status="proposed", most_doubtful_first=True)
    return {
        "folder": str(project.folder),
        "revision": project.library.revision,
        "is_read_only": project.is_read_only,
        "videos": numbers.num_videos,
        "questions": numbers.num_questions,
        "masks": numbers.num_masks,
        "by_status": dict(numbers.by_status),
        "disputed": {number: list(names) for number, names in project.queue.disputed().items()},
        "effort": dataclasses.asdict(numbers.total),
        "annotators": {name: dataclasses.asdict(effort) for name, effort in numbers.annotators.items()},
        "bytes": size_of(project.folder),
        "most_doubtful": [
            {"id": one.id, "instruction": one.instruction, "doubt": one.doubt, "failure": one.failure or None}
            for one in doubtful[:_DOUBTFUL_SHOWN]
            if one.doubt is not None
        ],
    }


_ACTIONS = {
    "new": "make an empty project",
    "add": "add videos and instructions to the queue",
    "prelabel": "propose an answer to every new question with policy and segmenter",
    "status": "show the state of the queue",
    "backup": "write a backup of the project, also while the app runs",
    "restore": "restore a backup into an empty folder",
}
_ADD_OPTIONS = {
    "new": _add_new,
    "add": _add_add,
    "prelabel": _add_prelabel,
    "status": _add_status,
    "backup": _add_backup,
    "restore": _add_restore,
}
_RUN = {
    "new": _run_new,
    "add": _run_add,
    "prelabel": _run_prelabel,
    "status": _run_status,
    "backup": _run_backup,
    "restore": _run_restore,
}
