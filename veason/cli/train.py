"""`veason train STAGE`: train a policy with an engine that exists: on a corpus, then by rewards."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli.data import add_dataset_arguments
from veason.cli.options import Commands, positive_int
from veason.secret_file import read_token

if TYPE_CHECKING:
    from veason.training.engine import Engine, TrainingStep
    from veason.training.grpo import GrpoOrder


SERVICE_PATIENCE_S = 30.0
"""How long a reward service that does not answer is waited for before a training."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("train", help="train a policy with LLaMA-Factory, TRL or verl", description=__doc__)
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
    _add_rows(stages)
    _add_grpo(stages)
    return parser


def _add_rows(stages: Commands) -> None:
    rows = stages.add_parser("rows", help="write the rows of a reinforcement learning from a benchmark's ground truth")
    add_dataset_arguments(rows)
    rows.add_argument("--policy", required=True, metavar="BASE", help="nano | FOLDER | HUB_ID: which asks in its way")
    rows.add_argument("--profile", metavar="FILE", help="profile of the policy (default: the base's own)")
    rows.add_argument("--out", required=True, metavar="DIR", help="folder of train.parquet, new or empty")
    rows.add_argument("--present", action="store_true", help="leave out what is absent, as the paper's rules want it")
    rows.add_argument("--force", action="store_true", help="replace earlier rows in the same folder")


def _add_grpo(stages: Commands) -> None:
    grpo = stages.add_parser("grpo", help="reinforcement learning with GRPO and the four rewards")
    grpo.add_argument("rows", metavar="ROWS", help="a folder of `train rows` or `export --format grpo`, or its Parquet")
    grpo.add_argument("--policy", required=True, metavar="BASE", help="nano | FOLDER | HUB_ID, on this machine")
    grpo.add_argument("--out", required=True, metavar="DIR", help="folder of the training; the policy is DIR/policy")
    grpo.add_argument(
        "--engine", choices=["trl", "verl"], required=True, help="trl: one GPU or a CPU; verl: 1 GPU and up"
    )
    grpo.add_argument(
        "--service", required=True, metavar="URL", help="of `veason reward-service`, which has the footage"
    )
    grpo.add_argument("--token-file", metavar="FILE", help="holds the token of the service")
    grpo.add_argument(
        "--engine-python", metavar="FILE", help="its Python (default: of `make engine-trl`, `engine-verl`)"
    )
    grpo.add_argument("--write-only", action="store_true", help="check the rows and write the engine's files alone")
    grpo.add_argument("--profile", metavar="FILE", help="profile of the policy (default: the base's own)")
    grpo.add_argument("--name", metavar="NAME", help="name of the new profile (default: the base's, and grpo)")
    grpo.add_argument("--rules", choices=["paper", "extended"], default="paper", help="of the rewards (%(default)s)")
    for name, default, about in (
        ("group", 8, "answers to a question"),
        ("prompts", 16, "questions a step"),
        ("epochs", 1, "how often rows are asked"),
        ("prompt-tokens", 7100, "of a question with its pictures, at most"),
        ("answer-tokens", 1024, "of an answer, at most"),
        ("save-steps", 50, "between checkpoints"),
        ("micro", 1, "answers that go through the network at a time, on one GPU"),
        ("gpus", 1, "with verl: GPUs of a node"),
        ("nodes", 1, "with verl: nodes"),
        ("rollout-gpus", 1, "with verl: GPUs that share one model while it answers"),
    ):
        grpo.add_argument(f"--{name}", type=positive_int, default=default, metavar="N", help=f"{about} (%(default)s)")
    grpo.add_argument("--max-steps", type=positive_int, metavar="N", help="steps, in place of epochs")
    for name, value, about in (
        ("learning-rate", 1e-6, "constant"),
        ("kl", 5e-3, "weight of the divergence from the start"),
        ("entropy", 1e-3, "weight of the bonus for entropy"),
        ("temperature", 1.0, "of drawing answers"),
    ):
        grpo.add_argument(f"--{name}", type=float, default=value, metavar="X", help=f"{about} (%(default)s)")
    grpo.add_argument("--seed", type=int, default=42, help="of the order of the rows and of answers (%(default)s)")
    grpo.add_argument(
        "--precision", choices=["auto", "bf16", "fp32"], default="auto", help="auto: bf16 on a GPU that has it"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    return {"sft": _sft, "rows": _rows, "grpo": _grpo}[args.stage](args)


def _sft(args: argparse.Namespace) -> int:
    from veason.training.base import find_base
    from veason.training.engine import LLAMAFACTORY, find_engine
    from veason.training.settings import SftSettings
    from veason.training.sft import prepare_sft, train_sft

    settings = SftSettings(
        rank=args.rank, learning_rate=args.learning_rate, epochs=args.epochs, accumulation=args.accumulation,
        cutoff=args.cutoff, max_steps=args.max_steps, save_steps=args.save_steps, seed=args.seed,
    )  # fmt: skip
    base = find_base(args.policy, args.profile)
    engine = None if args.write_only else find_engine(LLAMAFACTORY, args.engine_python)
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


def _rows(args: argparse.Namespace) -> int:
    from veason.formats.datasets import open_dataset
    from veason.formats.exporting import export_labels
    from veason.formats.labels.options import ExportOptions
    from veason.training.base import find_base
    from veason.training.dataset_rows import label_samples

    profile = find_base(args.policy, args.profile).profile
    dataset = open_dataset(args.root, args.kind, args.split)
    videos = label_samples(dataset, is_present=args.present)
    report = export_labels(videos, "grpo", args.out, ExportOptions(is_forced=args.force, profile=profile))
    print("\n".join(report.lines()), file=sys.stderr)
    print(f"wrote {args.out}: veason reward-service --footage {args.root}")
    return 0


def _grpo(args: argparse.Namespace) -> int:
    from veason.reward_service.client import RewardClient
    from veason.training.base import find_base
    from veason.training.engine import TRL, VERL, find_engine
    from veason.training.grpo import GrpoOrder
    from veason.training.grpo_rows import check_grpo_rows
    from veason.training.grpo_settings import GrpoTrainingSettings

    settings = GrpoTrainingSettings(
        rules=args.rules, group=args.group, prompts=args.prompts, learning_rate=args.learning_rate, kl=args.kl,
        entropy=args.entropy, temperature=args.temperature, epochs=args.epochs, max_steps=args.max_steps,
        prompt_tokens=args.prompt_tokens, answer_tokens=args.answer_tokens, save_steps=args.save_steps, seed=args.seed,
    )  # fmt: skip
    base = find_base(args.policy, args.profile)
    kind = TRL if args.engine == "trl" else VERL
    engine = None if args.write_only else find_engine(kind, args.engine_python)
    client = RewardClient(
        args.service,
        read_token(args.token_file),
        patience_s=SERVICE_PATIENCE_S,
    )
    report = check_grpo_rows(Path(args.rows), base, settings, client)
    print(
        f"{report.rows:,} rows ({report.absent:,} without a target) about {report.footage:,} videos, "
        f"{report.longest:,} tokens the longest question"
        + (f"; {report.left_over} rows of an epoch fill no step, others each time" if report.left_over else ""),
        file=sys.stderr,
    )
    order = GrpoOrder(args.engine, base, report, settings, _is_half(args.precision, engine))
    name = args.name or f"{base.profile.name} grpo"
    policy = (_with_trl if kind is TRL else _with_verl)(args, order, engine, name)
    if policy is not None:
        print(f"\nthe policy is in {policy}: veason ask VIDEO WORDS --policy {policy}")
    return 0


def _with_trl(args: argparse.Namespace, order: GrpoOrder, engine: Engine | None, name: str) -> Path | None:
    from veason.training.grpo import train_with_trl, write_order
    from veason.training.trl_files import CONFIG, trl_config

    out = Path(args.out)
    config = trl_config(
        order.report, order.base, order.settings,
        service=args.service, token_file=args.token_file or "", is_half=order.is_half, micro=args.micro,
    )  # fmt: skip
    if engine is not None:
        return train_with_trl(order, out, engine, config, name, _show)
    write_order(order, out, {CONFIG: json.dumps(config, indent=1)})
    print(f"wrote {out / CONFIG}")
    return None


def _with_verl(args: argparse.Namespace, order: GrpoOrder, engine: Engine | None, name: str) -> Path | None:
    from veason.training.verl_files import SCRIPT, VerlMachines, verl_overrides
    from veason.training.verl_run import check_with_verl, train_with_verl, write_verl

    out = Path(args.out)
    groups = verl_overrides(
        order.report, order.base, order.settings, VerlMachines(args.gpus, args.nodes, args.rollout_gpus), out,
        service=args.service, token_file=args.token_file or "",
    )  # fmt: skip
    write_verl(order, out, groups, "python3" if engine is None else str(engine.python))
    if engine is not None:
        check_with_verl(order, out, engine)
        policy = train_with_verl(order, out, engine, name)
        if policy is not None:
            return policy
    checked = "" if engine is None else ", which verl takes"
    print(f"wrote {out / SCRIPT}{checked}: run it where there are GPUs and vLLM, then this again for the policy")
    return None


def _is_half(precision: str, engine: Engine | None) -> bool:
    if precision == "auto":
        return engine is None or engine.has_half
    return precision == "bf16"


def _show(step: TrainingStep) -> None:
    loss = "" if step.loss is None else f", loss {step.loss:.4f}"
    left = "" if step.left_s is None else f", {step.left_s / 60:.0f} min left"
    print(f"\rstep {step.done} of {step.total}{loss}{left} ", end="", file=sys.stderr, flush=True)
