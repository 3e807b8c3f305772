"""`veason lab ACTION`: keep runs of models over a dataset; find, compare and report what they get wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

from veason.cli.data import add_dataset_arguments
from veason.cli.options import Commands, add_policy, add_segmenter, positive_int

FOUND = 50
"""Rows that `find` prints unless told otherwise."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("lab", help="find, count and compare hallucinations", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_import(actions)
    _add_run(actions)
    shown = _action(actions, "list", "the runs, their sizes and tags")
    shown.add_argument("--columns", action="store_true", help="what a query can ask for, instead")
    find = _action(actions, "find", 'cases that fit a query, such as "jf < 30 and absent == false"')
    find.add_argument("run_name", metavar="RUN")
    find.add_argument("query", metavar="QUERY")
    find.add_argument("--sort", metavar="COLUMN", help="lowest first")
    find.add_argument("--descending", action="store_true", help="highest first instead")
    find.add_argument("--limit", type=int, default=FOUND, metavar="N", help="rows to print (%(default)s)")
    compare = _action(actions, "compare", "the second and later runs against the first")
    compare.add_argument("runs", nargs="+", metavar="RUN")
    compare.add_argument("--figures", default="jf", help="columns with commas between (%(default)s)")
    compare.add_argument("--slice", action="append", default=[], metavar="QUERY", help="compare these cases too")
    report = _action(actions, "report", "one HTML page about runs, with figures and cases")
    report.add_argument("runs", nargs="+", metavar="RUN")
    report.add_argument("--out", required=True, metavar="FILE", help="the page to write")
    report.add_argument("--title", default="", help="its heading")
    report.add_argument("--no-pictures", action="store_true", help="tables and figures alone")
    probe = _action(actions, "probe", "change questions and see whether a policy's answers change as they should")
    probe.add_argument("name", metavar="NAME", help="of the table that is written")
    add_dataset_arguments(probe)
    add_policy(probe)
    add_segmenter(probe)
    probe.add_argument("--questions", type=positive_int, default=40, metavar="N", help="spread evenly (%(default)s)")
    probe.add_argument("--probes", default="", metavar="NAMES", help="with commas between (default: all)")
    _add_answers(actions)
    _add_correcting(actions)
    tag = _action(actions, "tag", "give a run words by which it is found")
    tag.add_argument("run_name", metavar="RUN")
    tag.add_argument("tags", nargs="*", metavar="TAG")
    remove = _action(actions, "remove", "move a run out of the way; its files are kept")
    remove.add_argument("run_name", metavar="RUN")
    opened = _action(actions, "open", "look at the runs in the browser")
    opened.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    opened.add_argument("--port", type=int, default=7870, help="port to listen on (%(default)s)")
    opened.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    opened.add_argument("--project", metavar="FOLDER", help="project to which the page may send cases for correcting")
    add_policy(opened)
    add_segmenter(opened)
    verdicts = _action(actions, "verdicts", "what people said of cases, as CSV or JSON lines; with two raters, kappa")
    verdicts.add_argument(
        "--format",
        choices=("csv", "jsonl", "negatives"),
        default="csv",
        help="negatives: the cases that were judged wrong, with what was answered, to train on again (%(default)s)",
    )
    verdicts.add_argument("--kappa", nargs=2, metavar="RATER", help="tell how far two raters agree, instead")
    return parser


def _add_answers(actions: Commands) -> None:
    answers = _action(
        actions, "answers", "draw several answers to questions of a run, as GRPO does, and keep them with it"
    )
    answers.add_argument("run_name", metavar="RUN")
    answers.add_argument("query", metavar="QUERY", help='which cases, such as "jf < 30"')
    answers.add_argument("--answers", type=positive_int, default=8, metavar="G", help="to each question (%(default)s)")
    answers.add_argument("--limit", type=positive_int, default=FOUND, metavar="N", help="most cases (%(default)s)")
    answers.add_argument(
        "--no-tracks", action="store_true", help="no masks: without them there is no reward for tracks"
    )
    add_policy(answers)
    add_segmenter(answers)


def _add_correcting(actions: Commands) -> None:
    send = _action(actions, "send", "put cases into a project with their ground truth, to be corrected in the studio")
    send.add_argument("run_name", metavar="RUN")
    send.add_argument("project", metavar="PROJECT", help="folder of the project, made where it is not there yet")
    send.add_argument("keys", nargs="+", metavar="KEY", help="names of the cases, as `find` prints them")
    correct = _action(actions, "correct", "copy a run and score it against the labels that were accepted in a project")
    correct.add_argument("run_name", metavar="RUN")
    correct.add_argument("project", metavar="PROJECT", help="folder of the project")
    correct.add_argument("new_name", metavar="NEW", help="name of the corrected run")


def _action(actions: Commands, name: str, about: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=about, description=about)
    parser.add_argument("lab", metavar="LAB", help="folder of the lab")
    return parser


def _add_import(actions: Commands) -> None:
    parser = _action(actions, "import", "make a run of an evaluation, or of a folder of predictions")
    parser.add_argument("run_name", metavar="RUN", help="name of the new run")
    parser.add_argument("source", metavar="FOLDER", help="what `veason eval --out` wrote, or predictions (also a ZIP)")
    parser.add_argument("--dataset", metavar="ROOT", help="what the predictions are about; then --kind is needed")
    parser.add_argument("--kind", help="format of the dataset")
    parser.add_argument("--split", help="split of the dataset")
    parser.add_argument("--project", action="store_true", help="FOLDER is a project: score its accepted labels")
    parser.add_argument("--extras", metavar="FILE", help="JSON lines with more about cases")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that score (%(default)s)")
    parser.add_argument("--allow-missing", action="store_true", help="missing pictures count as empty masks")
    parser.add_argument("--no-masks", action="store_true", help="keep the table alone")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG")


def _add_run(actions: Commands) -> None:
    parser = _action(actions, "run", "ask models every question of a dataset and keep the run; killed runs go on")
    parser.add_argument("run_name", metavar="RUN", help="name of the new run")
    add_dataset_arguments(parser)
    add_policy(parser)
    add_segmenter(parser)
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (%(default)s)")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG")


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.cli.lab_actions import ACTIONS
    from veason.lab.store import Lab

    return ACTIONS[args.action](Lab(Path(args.lab)), args)
