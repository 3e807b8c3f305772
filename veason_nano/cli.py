"""`veason nano`: draw the toy world, write the example clips, train the embedded models on a CPU."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

_STAGES = ("see", "multi", "sft", "grpo", "background", "segmenter")
EXAMPLE_STYLES = ("full", "first-frame", "no-reasoning", "relative")
"""As `veason_nano.language.corpus.Style`, which is not read here because it loads numpy."""


_BEHIND = "put photographs behind {}: a folder of them, or scikit-image for those in that package"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `veason nano`."""
    parser = argparse.ArgumentParser(prog="veason nano", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    world = actions.add_parser("world", help="write clips with masks and questions as a ReVOS dataset")
    world.add_argument("out", type=Path, help="folder of the dataset to write")
    _add_clips(world, "test")
    corpus = actions.add_parser("corpus", help="write clips with questions and true reasoning, for `veason train sft`")
    corpus.add_argument("out", type=Path, help="folder of the corpus to write")
    _add_clips(corpus, "train")
    examples = actions.add_parser("examples", help="render the example clips, their questions and recorded answers")
    examples.add_argument("out", type=Path, help="folder to write them into")
    draw = actions.add_parser("draw", help="draw training clips ahead, with several processes")
    draw.add_argument("pool", type=Path, help="folder for the files")
    draw.add_argument("--shards", type=int, default=48, help="files of 128 clips (default: 48)")
    draw.add_argument("--skip", type=int, default=0, help="number of the first file (default: 0)")
    draw.add_argument("--processes", type=int, default=2, help="that draw at a time (default: %(default)s)")
    draw.add_argument(
        "--style", choices=EXAMPLE_STYLES, default="full", help="as in `veason nano train sft` (default: full)"
    )
    draw.add_argument("--photos", type=Path, help=_BEHIND.format("half of the clips"))
    train = actions.add_parser("train", help="run one training stage; `veason nano train STAGE --help` lists its flags")
    train.add_argument("stage", choices=_STAGES, help="the stage, each beginning where the one before ended")
    train.add_argument("flags", nargs=argparse.REMAINDER, help="flags of the stage")
    evaluate = actions.add_parser("score", help="score nano-policy's boxes and keyframes on clips never trained on")
    evaluate.add_argument("weights", type=Path, help="folder of trained weights")
    evaluate.add_argument("--clips", type=int, default=40, help="how many clips (default: %(default)s)")
    evaluate.add_argument("--seed", type=int, default=7, help="which clips of the split (default: %(default)s)")
    limits = actions.add_parser("limits", help="measure what pictures nano-policy has seen, for the file beside it")
    limits.add_argument("weights", type=Path, help="folder of trained weights; the file is written into it")
    limits.add_argument("--train", type=int, default=250, help="training clips to fit on (default: %(default)s)")
    limits.add_argument("--valid", type=int, default=100, help="clips to choose the limit on (default: %(default)s)")
    table = actions.add_parser("evaluate", help="put policies side by side on unseen clips, with nano-SAM2's masks")
    table.add_argument("policies", nargs="+", metavar="NAME=FOLDER", help="name of the row and folder of weights")
    table.add_argument("--journal", type=Path, required=True, help="file of JSON lines; clips in it are not done again")
    table.add_argument("--segmenter", default="nano", help="nano, or a folder of weights (default: %(default)s)")
    table.add_argument("--clips", type=int, default=200, help="how many clips (default: %(default)s)")
    table.add_argument("--seed", type=int, default=7, help="which clips of the split (default: %(default)s)")
    table.add_argument("--longest", type=int, default=64, help="most frames in a clip (default: 64)")
    table.add_argument("--questions", type=int, default=4, help="questions about a clip (default: %(default)s)")
    table.add_argument("--photos", type=Path, help=_BEHIND.format("every clip"))
    called = "call frames by any numbers of four digits or more up to this one (default: by their indices)"
    table.add_argument("--largest-label", type=int, help=called)
    table.add_argument("--split", choices=("valid", "test"), default="test", help="valid to choose by (default: test)")
    again = "mark the answers of an earlier journal again instead of asking, with another --segmenter, say"
    table.add_argument("--answers", type=Path, help=again)
    drawn = "0 takes the likeliest answers, 1 draws them as GRPO does (default: 0)"
    table.add_argument("--temperature", type=float, default=0.0, help=drawn)
    measured = "count what the thoughts about a world state, and what of it is false, for `veason lab import --extras`"
    statements = actions.add_parser("statements", help=measured)
    statements.add_argument("world", type=Path, help="folder that `veason nano world` wrote")
    statements.add_argument("predictions", type=Path, help="folder with the answers.jsonl of a policy trained on it")
    statements.add_argument("out", type=Path, help="file of JSON lines to write")
    statements.add_argument("--split", help="split of the dataset (default: the one that is scored)")
    return parser


def _add_clips(parser: argparse.ArgumentParser, split: str) -> None:
    """Add what tells which clips are drawn, and which questions are asked about them."""
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), default=split, help="which seeds (default: %(default)s)"
    )
    parser.add_argument("--clips", type=int, default=200, help="how many clips (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="which clips of the split (default: %(default)s)")
    parser.add_argument("--longest", type=int, default=64, help="most frames in a clip, 16 to 300 (default: 64)")
    parser.add_argument("--questions", type=int, default=4, help="questions about a clip (default: 4)")
    parser.add_argument("--photos", type=Path, help=_BEHIND.format("half of the clips"))


def run(arguments: Sequence[str]) -> int:
    """Run what the words after `veason nano` ask for; see `veason.cli` for the exit codes."""
    args = build_parser().parse_args(arguments)
    actions = {
        "world": _world, "corpus": _corpus, "examples": _examples, "draw": _draw, "train": _train, "score": _score,
        "limits": _limits, "evaluate": _evaluate, "statements": _statements,
    }  # fmt: skip
    actions[args.action](args)
    return 0


def _world(args: argparse.Namespace) -> None:
    from veason.formats.datasets import write_dataset
    from veason_nano.dataset import draw_videos
    from veason_nano.world.photos import load_photos

    longest = min(max(args.longest, 16), 300)
    videos = draw_videos(
        args.split, args.seed, args.clips, longest=longest, questions=args.questions, photos=load_photos(args.photos)
    )
    write_dataset(args.out, "revos", videos, "train" if args.split == "train" else "valid")
    print(f"{args.clips} clips in {args.out}")


def _corpus(args: argparse.Namespace) -> None:
    from veason.hub import embedded
    from veason.profile import load_profile
    from veason_nano.corpus import write_corpus
    from veason_nano.world.photos import load_photos

    rows = write_corpus(
        args.out, load_profile(str(embedded("policy"))), args.split, args.seed, args.clips,
        longest=min(max(args.longest, 16), 300), questions=args.questions, photos=load_photos(args.photos),
    )  # fmt: skip
    print(f"{rows} questions about {args.clips} clips in {args.out}")


def _examples(args: argparse.Namespace) -> None:
    from veason_nano.examples import CLIPS, write_examples

    write_examples(args.out)
    print(f"{len(CLIPS)} clips in {args.out}")


def _draw(args: argparse.Namespace) -> None:
    from veason_nano.policy.pool import draw_pool
    from veason_nano.policy.recipe import TRAIN_SEED

    draw_pool(args.pool, TRAIN_SEED, args.shards, args.processes, args.style, args.skip, args.photos)
    print(f"{args.shards} files in {args.pool}")


def _train(args: argparse.Namespace) -> None:
    """Read the stage's own flags only now: listing them loads torch, which the command line must not do."""
    parser = argparse.ArgumentParser(prog=f"veason nano train {args.stage}")
    if args.stage == "segmenter":
        from veason_nano.segmenter.settings import add_segmenter_arguments, settings_from
        from veason_nano.segmenter.train import train_segmenter

        add_segmenter_arguments(parser)
        train_segmenter(settings_from(parser.parse_args(args.flags)))
        return
    if args.stage == "grpo":
        from veason_nano.policy import grpo

        grpo.add_grpo_arguments(parser)
        print(f"weights in {grpo.train_grpo(parser.parse_args(args.flags))}")
        return
    if args.stage == "background":
        from veason_nano.policy import backgrounds

        backgrounds.add_background_arguments(parser)
        print(f"weights in {backgrounds.train_background(parser.parse_args(args.flags))}")
        return
    from veason_nano.policy import train as train_policy

    train_policy.add_policy_arguments(parser)
    flags = parser.parse_args(args.flags)
    print(f"weights in {train_policy.train_policy(args.stage, flags)}")


def _score(args: argparse.Namespace) -> None:
    from veason_nano.policy.score import score_policy

    for name, value in score_policy(args.weights, clips=args.clips, seed=args.seed).items():
        print(f"{name:24} {value:.3f}")


def _limits(args: argparse.Namespace) -> None:
    from veason_nano.policy.seen import write_limits

    seen = write_limits(args.weights, train=args.train, valid=args.valid)
    print(f"clips that score above {seen.limit:.3f} are unlike anything seen")


def _evaluate(args: argparse.Namespace) -> None:
    from veason.errors import DataError
    from veason.segmenter import load_segmenter
    from veason_nano.evaluate import FIGURES, evaluate_policies, format_figure, make_table

    policies = {}
    for text in args.policies:
        name, _, folder = text.partition("=")
        if not folder or not (Path(folder) / "model.safetensors").is_file():
            raise DataError(f"want NAME=FOLDER with trained weights, got {text!r}: train them with `veason nano train`")
        policies[name] = Path(folder)
    rows = evaluate_policies(
        policies,
        load_segmenter(args.segmenter),
        args.journal,
        clips=args.clips,
        seed=args.seed,
        longest=args.longest,
        questions=args.questions,
        temperature=args.temperature,
        photos=args.photos,
        largest=args.largest_label,
        split=args.split,
        answers=args.answers,
    )
    print(f"{len(rows) // len(policies)} questions about {args.clips} clips; percent, 95 % intervals over clips")
    print("\n| policy | " + " | ".join(FIGURES) + " |")
    print("|---" * (len(FIGURES) + 1) + "|")
    for policy, figures in make_table(rows).items():
        cells = map(format_figure, figures.values())
        print(f"| {policy} | " + " | ".join(cells) + " |")


def _statements(args: argparse.Namespace) -> None:
    import json

    from veason.atomic import write_atomically
    from veason.errors import DataError
    from veason.formats.benchmarks.predictions import read_saved_answers
    from veason.formats.datasets import open_dataset
    from veason_nano.statements import measure_statements

    answers = read_saved_answers(args.predictions)
    if answers is None:
        raise DataError(f"{args.predictions}: has no answers.jsonl: name the folder of predictions of an evaluation")
    rows = list(measure_statements(open_dataset(args.world, "revos", args.split), answers))
    write_atomically(args.out, "".join(json.dumps(row) + "\n" for row in rows))
    stated, false = (sum(row[name] for row in rows) for name in ("statements", "false_statements"))
    print(f"{len(rows)} thoughts, {stated} statements, {false} of them false")
