"""`veason models [list|get|check|remove|probe]`: the models that are here, and those that can be had."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from veason.cli.options import Commands
from veason.errors import MissingBackend, OptionError

if TYPE_CHECKING:
    from veason.models.catalogue import ModelKind
    from veason.models.overview import ModelRow

_ACTIONS = {
    "list": "tell which models are here and which can be had, and whether they fit this machine (the default)",
    "get": "fetch a model: it says before how much, goes on where it was stopped, and checks what arrives",
    "check": "compare the files of a model with their hashes",
    "remove": "delete a model from the hub cache",
    "probe": "measure how fast a model is here, in some seconds, and keep it",
}


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("models", help="list, fetch, check and remove models", description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        if name == "list":
            action.add_argument("--json", action="store_true", help="print everything as JSON")
            continue
        action.add_argument("name", metavar="NAME", help="a hub id, such as Qwen/Qwen2.5-VL-7B-Instruct")
        if name == "remove":
            action.add_argument("--force", action="store_true", help="also while a process uses it")
        if name == "get":
            action.add_argument("--yes", action="store_true", help="do not ask before fetching")
        if name == "probe":
            action.add_argument("--device", default="auto", help="cpu | cuda | auto (%(default)s)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    return _RUN[args.action or "list"](args)


def _list(args: argparse.Namespace) -> int:
    from veason.models.overview import overview

    machine, rows = overview()
    if getattr(args, "json", False):
        import dataclasses

        content = {"machine": machine.text, "models": [dataclasses.asdict(row) for row in rows]}
        json.dump(content, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0
    print(f"This machine has {machine.text}.")
    for kind in ("policy", "segmenter"):
        print(f"\n{'Policies' if kind == 'policy' else 'Segmenters'}")
        _table([row for row in rows if row.kind == kind])
    print("\nfetch one: veason models get NAME; use it: --policy NAME, --segmenter NAME, or choose it in the app")
    return 0


def _table(rows: list[ModelRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("name", "good for", "here", "memory", "fits", "speed here", "licence"):
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(row.name, row.about, row.here, row.memory, row.fits, row.speed or "not measured", row.licence)
    Console().print(table)


def _get(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from veason.models.catalogue import find_model, known_licence
    from veason.models.fetch import fetch_model, gigabytes, plan_fetch, wanted_files

    entry = find_model(args.name)
    if entry is not None and entry.is_embedded:
        print(f"{args.name} comes with the package")
        return 0
    plan = plan_fetch(args.name, wanted_files(entry))
    if not plan.missing_bytes:
        print(f"{args.name} is here: {gigabytes(plan.num_bytes)}")
        return 0
    print(f"{args.name}: {gigabytes(plan.missing_bytes)} to fetch of {gigabytes(plan.num_bytes)}", file=sys.stderr)
    licence = f"{plan.licence}, as its page says" if plan.licence else f"its page names none; {known_licence(entry)}"
    print(f"licence: {licence}", file=sys.stderr)
    if not args.yes and sys.stdin.isatty() and input("fetch it? [y/N] ").strip().lower() not in ("y", "yes"):
        return 0
    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=plan.num_bytes)
        folder = fetch_model(plan, lambda here: progress.update(task, completed=here))
    print(f"{args.name} is in {folder}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from veason.models.local import check_model

    wrong = check_model(args.name)
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"{args.name}: every file is what was published")
    return 2 if wrong else 0


def _remove(args: argparse.Namespace) -> int:
    from veason.models.fetch import gigabytes
    from veason.models.local import remove_model

    removed = remove_model(args.name, is_forced=args.force)
    if removed.kept is not None:
        print(f"removed {args.name}, which was a link: what it led to stays in {removed.kept}")
    else:
        print(f"removed {args.name}: {gigabytes(removed.num_bytes)} are free again")
    return 0


def _probe(args: argparse.Namespace) -> int:
    from veason import hub
    from veason.models.local import check_hub_id
    from veason.models.overview import kinds_of
    from veason.models.speed import keep_speed, measure_policy, measure_segmenter
    from veason.pipeline import load_pipeline
    from veason.types import ModelOptions

    kinds: tuple[ModelKind, ...] = kinds_of(args.name)
    if not kinds:
        check_hub_id(args.name)
        raise MissingBackend(f"{args.name} is not here: veason models get {args.name}")
    from veason.device import choose_device

    options = ModelOptions(device=args.device)
    device = choose_device(args.device).type
    for kind in kinds:
        is_policy = kind == "policy"
        pipeline = load_pipeline(
            args.name if is_policy else None, hub.NANO if is_policy else args.name, options, has_policy=is_policy
        )
        speed = measure_policy(pipeline) if is_policy else measure_segmenter(pipeline)
        if not speed.text:
            raise OptionError(f"{args.name} did nothing that could be measured within the time: is it loaded right?")
        keep_speed(args.name, kind, device, speed)
        print(f"{args.name} ({kind}, {device}): {speed.text}")
    return 0


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "get": _get,
    "check": _check,
    "remove": _remove,
    "probe": _probe,
}
