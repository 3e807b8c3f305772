"""The actions of `veason lab`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli.evaluate import run_asking
from veason.cli.options import pipeline_from_args, read_model_options
from veason.cli.progress import showing_progress
from veason.errors import OptionError
from veason.lab.store import Lab

if TYPE_CHECKING:
    from veason.formats.datasets import Dataset
    from veason.types import Policy


def _import(lab: Lab, args: argparse.Namespace) -> int:
    from veason.formats.datasets import open_dataset
    from veason.lab.importing import import_evaluation, import_predictions

    source, with_masks = Path(args.source), not args.no_masks
    if bool(args.dataset) != bool(args.kind):
        raise OptionError("predictions need both --dataset ROOT and --kind; an evaluation's folder needs neither")
    if args.dataset:
        if args.extras:
            raise OptionError("--extras goes with the folder of an evaluation: import that one")
        dataset = open_dataset(args.dataset, args.kind, args.split)
        made = import_predictions(
            lab, args.run_name, dataset, partial(_write_labels, source, dataset) if args.project else source,
            workers=args.workers, allow_missing=args.allow_missing, with_masks=with_masks, tags=args.tag,
        )  # fmt: skip
    else:
        if args.project:
            raise OptionError("a project's labels are scored against a dataset: give --dataset ROOT and --kind")
        extras = Path(args.extras) if args.extras else None
        made = import_evaluation(lab, args.run_name, source, extras=extras, with_masks=with_masks, tags=args.tag)
    print(f"{made.info.name}: {made.info.cases} cases", file=sys.stderr)
    return 0


def _write_labels(folder: Path, dataset: Dataset, target: Path) -> None:
    """Write the accepted labels of a project as predictions."""
    from veason.lab.correcting import labels_as_predictions
    from veason.project import Project

    with Project.open(folder) as project:
        count = labels_as_predictions(project, list(dataset), target)
    print(f"{count} of {len(dataset)} expressions have accepted labels in {folder}", file=sys.stderr)


def _run(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.importing import import_evaluation

    lab.check_name(args.run_name)
    out = lab.folder / "evaluations" / args.run_name / "out"
    nothing_else = {"predictions": None, "prompt": None, "allow_missing": False}
    run_asking(argparse.Namespace(**vars(args), **nothing_else, out=str(out)))
    made = import_evaluation(lab, args.run_name, out, tags=args.tag)
    print(f"{made.info.name}: {made.info.cases} cases", file=sys.stderr)
    return 0


def _list(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.columns import COLUMNS

    if args.columns:
        for column in COLUMNS:
            print(f"{column.name:24} {column.kind:8} {column.meaning}")
        return 0
    for one in lab:
        tags = " ".join(f"#{tag}" for tag in one.info.tags)
        about = f"{one.info.dataset['kind']} {one.info.dataset['split']}"
        print(f"{one.info.name:24} {one.info.cases:7} cases  {about}  {tags}")
    return 0


def _find(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.columns import BY_NAME
    from veason.lab.query import columns_named, compile_query

    one = lab.run(args.run_name)
    table = one.with_columns(columns_named(args.query)).filter(compile_query(args.query))
    if args.sort:
        if args.sort not in BY_NAME or BY_NAME[args.sort].is_long:
            raise OptionError(f"cannot sort by {args.sort!r}: see `veason lab list LAB --columns`")
        table = table.sort(args.sort, descending=args.descending, nulls_last=True)
    print("key\tjf\tabsent\tsaid_absent\tinstruction")
    for row in table.head(args.limit).select("key", "jf", "absent", "said_absent", "instruction").iter_rows():
        key, jf, absent, said, instruction = row
        print(f"{key}\t{'-' if jf is None else f'{jf:.1f}'}\t{absent}\t{said}\t{instruction}")
    print(f"{len(table)} of {one.info.cases} cases", file=sys.stderr)
    return 0


def _compare(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.comparing import compare, default_slices
    from veason.lab.report import interval, shown_number

    if len(args.runs) < 2:
        raise OptionError("comparing takes two runs or more")
    first, *others = [lab.run(name) for name in args.runs]
    figures = tuple(name.strip() for name in args.figures.split(",") if name.strip())
    slices = default_slices(first) | {query: query for query in args.slice}
    print(
        f"{'against ' + first.info.name:24} {'figure':16} {'slice':24} {'cases':>6} {'first':>7} {'second':>7}  change"
    )
    for other in others:
        rows = compare(first, other, figures=figures, slices=slices)
        for row in rows:
            digits = 2 if row.figure.startswith("reward_") else 1
            told = "" if row.is_difference else "  (no difference that holds)"
            means = f"{shown_number(row.first, digits):>7} {shown_number(row.second, digits):>7}"
            print(
                f"{other.info.name:24} {row.figure:16} {row.slice[:24]:24} {row.cases:6} {means}  "
                f"{interval(row.difference, digits)}, {row.higher} higher, {row.lower} lower{told}"
            )
        print(f"{len(rows)} comparisons looked at together; their intervals hold at once", file=sys.stderr)
    return 0


def _report(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.report import write_report

    write_report(
        [lab.run(name) for name in args.runs], Path(args.out), title=args.title, with_pictures=not args.no_pictures
    )
    print(f"wrote {args.out}", file=sys.stderr)
    return 0


def _tag(lab: Lab, args: argparse.Namespace) -> int:
    info = lab.describe(args.run_name, tags=tuple(args.tags))
    print(" ".join(f"#{tag}" for tag in info.tags))
    return 0


def _remove(lab: Lab, args: argparse.Namespace) -> int:
    print(f"moved to {lab.remove(args.run_name)}", file=sys.stderr)
    return 0


def _probe(lab: Lab, args: argparse.Namespace) -> int:
    from veason.formats.datasets import open_dataset
    from veason.lab.probe_tables import ProbeTable, check_new, write_table
    from veason.lab.probes import Probed, run_probes, summarise

    check_new(lab, args.name)
    pipeline = pipeline_from_args(args)
    assert pipeline.policy is not None
    samples = [sample for sample in open_dataset(args.root, args.kind, args.split) if sample.has_truth]
    chosen = samples[:: max(len(samples) // args.questions, 1)][: args.questions]
    names = tuple(name.strip() for name in args.probes.split(",") if name.strip())
    rows: list[Probed] = []
    with showing_progress("probing", "questions") as on_progress:
        for done, found in enumerate(run_probes(pipeline.policy, chosen, names), start=1):
            rows += found
            on_progress(done, len(chosen))
    out = write_table(lab, ProbeTable(args.name, pipeline.policy.name, args.root, tuple(rows)))
    print(f"{'probe':16} {'judged':>6} {'held':>6}   95 % interval")
    for one in summarise(rows):
        interval = "-" if one.low is None else f"{one.low:.0f} to {one.high:.0f} %"
        print(f"{one.probe:16} {one.cases:6} {one.held:6}   {interval}")
    print(f"wrote {out}", file=sys.stderr)
    return 0


def _answers(lab: Lab, args: argparse.Namespace) -> int:
    from veason.formats.datasets import open_dataset
    from veason.lab.groups import ask_group, group_agreement, read_groups
    from veason.lab.query import columns_named, compile_query

    if args.answers < 2:
        raise OptionError(f"a group has two answers or more, got {args.answers}")
    one = lab.run(args.run_name)
    args.policy = args.policy or one.info.made_by.get("policy")
    args.segmenter = args.segmenter or one.info.made_by.get("segmenter")
    table = one.with_columns(columns_named(args.query)).filter(compile_query(args.query))
    keys = set(table.head(args.limit).get_column("key").to_list())
    about = one.info.dataset
    samples = [one for one in open_dataset(about["root"], about["kind"], about["split"]) if one.key in keys]
    pipeline = pipeline_from_args(args)
    with showing_progress("asking", "questions") as on_progress:
        count = ask_group(
            one, pipeline, samples, count=args.answers, with_masks=not args.no_tracks, on_progress=on_progress
        )
    shares = {key: share for key, drawn in read_groups(one, keys) if (share := group_agreement(drawn)) is not None}
    lab.fill(args.run_name, "agreement", shares)
    print(f"{count} questions asked, {len(keys) - count} known already", file=sys.stderr)
    return 0


def _send(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.correcting import send_cases
    from veason.project import Project

    folder = Path(args.project)
    with Project.open(folder) if folder.exists() else Project.create(folder) as project:
        sent = send_cases(lab.run(args.run_name), args.keys, project)
    print(f"{sent.summary()}\ncorrect and accept: veason serve --project {folder}", file=sys.stderr)
    return 0


def _correct(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.correcting import correct_run
    from veason.project import Project

    with Project.open(args.project) as project:
        made = correct_run(lab, args.run_name, args.new_name, project)
    print(f"{made.info.name}: {made.info.made_by['corrected_cases']} cases scored again", file=sys.stderr)
    return 0


def _open(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.open_lab import OpenLab
    from veason.lab.server import lab_app, serve_page

    is_local = args.host in ("127.0.0.1", "localhost", "::1")
    opened = OpenLab(lab, project=Path(args.project) if args.project else None, load_policy=_policy_loader(args))
    app = lab_app(opened, hosts=() if is_local else (args.host,))
    serve_page(app, "the lab", args.host, args.port, opens_browser=not args.no_browser)
    return 0


def _policy_loader(args: argparse.Namespace) -> Callable[[], Policy] | None:
    """Return what loads the policy that was named, None where none was."""
    if not args.policy:
        return None

    from veason.policy import load_policy

    return partial(load_policy, args.policy, read_model_options(args))


def _verdicts(lab: Lab, args: argparse.Namespace) -> int:
    from veason.lab.verdicts import Verdicts, as_csv, as_jsonl, hard_negatives, kappa

    said = Verdicts(lab.folder).all()
    if args.kappa:
        first, second = args.kappa
        agreement = kappa(said, first, second)
        told = "not defined" if agreement.kappa is None else f"{agreement.kappa:.3f}"
        print(f"{first} and {second}: {agreement.cases} cases of both, {agreement.agreed} agreed, kappa {told}")
        return 0
    if args.format == "negatives":
        for row in hard_negatives(lab, said):
            print(json.dumps(row, ensure_ascii=False))
        return 0
    print(as_csv(said) if args.format == "csv" else as_jsonl(said), end="")
    return 0


ACTIONS: dict[str, Callable[[Lab, argparse.Namespace], int]] = {
    "import": _import,
    "run": _run,
    "list": _list,
    "find": _find,
    "compare": _compare,
    "report": _report,
    "tag": _tag,
    "remove": _remove,
    "open": _open,
    "probe": _probe,
    "answers": _answers,
    "send": _send,
    "correct": _correct,
    "verdicts": _verdicts,
}
"""What each action does; its exit code comes back."""
