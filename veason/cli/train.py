"""`veason train sft CORPUS --policy BASE --out DIR`: fine-tune a policy on a corpus, with an engine that exists."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli.options import Commands, positive_int

if TYPE_CHECKING:
    from veason.training.engine import Engine, TrainingStep


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("train", help="train a policy on a corpus, with LLaMA-Factory", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    sft = stages.add_parser("sft", help="supervised fine-tuning with LoRA; a run that was killed goes on")
    sft.add_argument("corpus", metavar="CORPUS", help="a folder of `corpus make` or `export --format sft`, or its JSON")
    sft.add_argument("--policy", required=True, metavar="BASE", help="nano | FOLDER | HUB_ID, on this machine")
    sft.add_argument("--out", required=True, metavar="DIR", help="folder of the training; the policy is DIR/policy")
    sft.add_argument("--engine", choices=["llamafactory"], default="llamafactory", help="what trains (%(default)s)")
    sft.add_argument("--engine-python", metavar="FILE", help="its Python (default: of `make engine-llamafactory`)")
    sft.add_argument("--write-only", action="store_true", help="check the corpus and write the engine's files alone")
    sft.add_argument("--profile", metavar="FILE", help="profile of the policy (default: the base's own)")
    sft.add_argument("--name", metavar="NAME", help="name of the new profile (default: the base's, and sft)")
    sft.add_argument("--rank", type=positive_int, default=8, metavar="N", help="of the LoRA matrices (%(default)s)")
    sft.add_argument("--learning-rate", type=float, default=1e-4, metavar="X", help="its peak (%(default)s)")
    sft.add_argument("--epochs", type=float, default=1.0, metavar="X", help="how often rows are seen (%(default)s)")
    sft.add_argument("--max-steps", type=positive_int, metavar="N", help="steps, in place of epochs")
    sft.add_argument("--accumulation", type=positive_int, default=8, metavar="N", help="rows a step (%(default)s)")
    sft.add_argument("--cutoff", type=positive_int, default=6144, metavar="N", help="tokens of a row (%(default)s)")
    sft.add_argument("--save-steps", type=positive_int, default=50, metavar="N", help="between checkpoints (50)")
    sft.add_argument("--seed", type=int, default=42, help="of the order of the rows (%(default)s)")
    sft.add_argument(
        "--precision", choices=["auto", "bf16", "fp32"], default="auto", help="auto: bf16 on a GPU that has it"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.training.base import find_base
    from veason.training.engine import find_engine
    from veason.training.settings import SftSettings
    from veason.training.sft import prepare_sft, train_sft

    settings = SftSettings(
        rank=args.rank, learning_rate=args.learning_rate, epochs=args.epochs, accumulation=args.accumulation,
        cutoff=args.cutoff, max_steps=args.max_steps, save_steps=args.save_steps, seed=args.seed,
    )  # fmt: skip
    base = find_base(args.policy, args.profile)
    engine = None if args.write_only else find_engine(args.engine_python)
    out = Path(args.out)
    training = prepare_sft(Path(args.corpus), base, out, settings, is_half=_is_half(args.precision, engine))
    report = training.report
    print(
        f"{report.rows:,} rows ({report.absent:,} without a target), {report.pictures:,} pictures, "
        f"{report.tokens:,} tokens, {report.longest:,} the longest",
        file=sys.stderr,
    )
    if engine is None:
        print(f"wrote {out}; in there: llamafactory-cli train train.yaml; llamafactory-cli export merge.yaml")
        return 0
    policy = train_sft(training, engine, args.name or f"{base.profile.name} sft", _show)
    print(f"\nthe policy is in {policy}: veason ask VIDEO WORDS --policy {policy}")
    return 0


def _is_half(precision: str, engine: Engine | None) -> bool:
    if precision == "auto":
        return engine is None or engine.has_half
    return precision == "bf16"


def _show(step: TrainingStep) -> None:
    loss = "" if step.loss is None else f", loss {step.loss:.4f}"
    left = "" if step.left_s is None else f", {step.left_s / 60:.0f} min left"
    print(f"\rstep {step.done} of {step.total}{loss}{left} ", end="", file=sys.stderr, flush=True)
