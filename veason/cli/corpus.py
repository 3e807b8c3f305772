"""`veason corpus make DATASET`: let a teacher explain answers that are known, for supervised fine-tuning."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli import BAD_INPUT
from veason.cli.data import add_dataset_arguments
from veason.cli.options import Commands, positive_int, read_endpoint_options
from veason.cli.progress import showing_progress

if TYPE_CHECKING:
    from veason.profile import Profile


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("corpus", help="make a corpus of reasoning with a teacher", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("make", help="teach expressions of a dataset; a run that was cut off goes on")
    add_dataset_arguments(make)
    make.add_argument("--out", required=True, metavar="DIR", help="folder of the corpus")
    make.add_argument("--teacher", required=True, metavar="URL", help="an OpenAI-compatible server, with /v1")
    make.add_argument("--model", dest="policy_model", metavar="NAME", help="its model (default: its only one)")
    make.add_argument("--key-file", dest="policy_key_file", metavar="FILE", help="file with the server's key")
    make.add_argument("--profile", metavar="FILE", help="profile of the policy to train (default: Veason-R1's)")
    make.add_argument("--count", type=positive_int, default=10_000, metavar="N", help="expressions (%(default)s)")
    make.add_argument(
        "--absent", type=int, metavar="N", help="further ones without a target (0; with --only all that it names)"
    )
    make.add_argument(
        "--only", metavar="FILE", help="JSON lines that name expressions, as `lab verdicts --format negatives` writes"
    )
    make.add_argument("--tries", type=positive_int, default=3, metavar="N", help="attempts at each (%(default)s)")
    make.add_argument("--seed", type=int, default=0, help="of the choice and of what is drawn (%(default)s)")
    make.add_argument("--parallel", type=positive_int, default=4, metavar="N", help="requests at once (%(default)s)")
    make.add_argument("--max-tokens", type=positive_int, metavar="N", help="stop when so many tokens are spent")
    make.add_argument("--max-cost", type=float, metavar="X", help="stop when so much money is spent")
    make.add_argument("--price-in", type=float, default=0.0, metavar="X", help="of a million tokens of prompts")
    make.add_argument("--price-out", type=float, default=0.0, metavar="X", help="of a million tokens of answers")
    check = actions.add_parser("check", help="check the rows of a corpus, also of one that was made elsewhere")
    _add_corpus(check)
    view = actions.add_parser("view", help="look at a corpus in the browser, with what was not kept and why")
    _add_corpus(view)
    view.add_argument("--port", type=int, default=7871, help="port of this machine to listen on (%(default)s)")
    view.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    return parser


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corpus", metavar="DIR_OR_FILE", help="a folder of `make` or `export --format sft`, or its JSON"
    )
    parser.add_argument("--profile", metavar="FILE", help="profile of the policy to train (default: Veason-R1's)")


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    return {"make": _make, "check": _check, "view": _view}[args.action](args)


def _make(args: argparse.Namespace) -> int:
    from veason.corpus.examples import read_named
    from veason.corpus.making import Budget, CorpusOrder, make_corpus
    from veason.corpus.teacher import Teacher
    from veason.formats.datasets import open_dataset

    budget = Budget(args.max_tokens, args.max_cost, args.price_in, args.price_out)
    options = read_endpoint_options(args)
    dataset = open_dataset(args.root, args.kind, args.split)
    only = read_named(Path(args.only), dataset) if args.only else frozenset()
    num_absent = len(only) if args.absent is None else max(args.absent, 0)
    order = CorpusOrder(args.count, num_absent, args.tries, args.seed, args.parallel, only)
    with showing_progress("teaching", "examples") as on_progress:
        card = make_corpus(
            dataset, _profile(args), lambda: Teacher(args.teacher, options), Path(args.out), order,
            budget=budget, on_progress=on_progress,
        )  # fmt: skip
    print("\n".join(card.lines()))
    if card.states.get("waiting"):
        print(f"{card.states['waiting']} examples wait: the budget is spent; the same command goes on", file=sys.stderr)
    return 0


def _check(args: argparse.Namespace) -> int:
    from veason.corpus.rows import check_rows, read_rows

    rows = read_rows(Path(args.corpus))
    report = check_rows(rows, _profile(args))
    for place, wrong in report.items():
        print(f"row {place}: {'; '.join(wrong)}")
    print(json.dumps({"rows": len(rows), "with faults": len(report)}), file=sys.stderr)
    return BAD_INPUT if report else 0


def _view(args: argparse.Namespace) -> int:
    from veason.lab.corpus import CorpusView
    from veason.lab.corpus_server import corpus_app
    from veason.lab.server import serve_page

    view = CorpusView(Path(args.corpus), _profile(args))
    serve_page(corpus_app(view), "the corpus", "127.0.0.1", args.port, opens_browser=not args.no_browser)
    return 0


def _profile(args: argparse.Namespace) -> Profile:
    from veason.profile import BUILT_IN, read_profile

    return read_profile(Path(args.profile)) if args.profile else BUILT_IN["SitongGong/Veason-R1"]
