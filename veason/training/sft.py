"""Supervised fine-tuning with LLaMA-Factory: from a corpus and a checkpoint to a policy folder.

Each part is done once: what is there already is taken, so the same command goes on after whatever ended it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.corpus.rows import read_rows
from veason.errors import TrainingError
from veason.outputs import write_json
from veason.training.base import Base
from veason.training.engine import Engine, TrainingStep, compare_prompts, drop_broken_checkpoints, run_engine
from veason.training.files import ADAPTER, MERGE, MERGED, TRAIN, write_files
from veason.training.policy_folder import make_policy_folder
from veason.training.refusals import CorpusReport, check_corpus
from veason.training.settings import SftSettings

POLICY, TRAINED = "policy", "trained.json"
_STEPS = "trainer_log.jsonl"
_COMPARED = 4
_CLI = ("-m", "llamafactory.cli")


@dataclass(frozen=True, slots=True)
class Training:
    """An order that was checked and written down.

    Attributes:
        out: its folder.
        base: what is trained.
        report: what it is trained on.
        rows: the rows, as `veason.corpus.rows.read_rows` gives them.
    """

    out: Path
    base: Base
    report: CorpusReport
    rows: Sequence[dict[str, Any]]


def prepare_sft(corpus: Path, base: Base, out: Path, settings: SftSettings, *, is_half: bool) -> Training:
    """Check a corpus against the checkpoint and write the engine's files; nothing is run.

    Args:
        corpus: a folder of `veason corpus make` or `veason export --format sft`, or its JSON.
        base: the checkpoint.
        out: the folder of the training.
        settings: the numbers.
        is_half: train in bfloat16.

    Raises:
        DataError: the corpus cannot be read, a row would not be learnt as it stands, or the folder is another's.
        TrainingError: the disk refuses.
    """
    rows = read_rows(corpus)
    report = check_corpus(rows, base, settings.cutoff)
    write_files(rows, base, out, settings, is_half=is_half)
    return Training(out, base, report, rows)


def train_sft(
    training: Training, engine: Engine, name: str, on_step: Callable[[TrainingStep], object] = lambda step: None
) -> Path:
    """Train, merge and make the policy folder; return it.

    Args:
        training: of `prepare_sft`.
        engine: the environment.
        name: of the profile that is written beside the weights.
        on_step: told every step.

    Raises:
        TrainingError: the engine would ask in another way, fails, or makes something else than was wanted.
    """
    out, policy = training.out, training.out / POLICY
    if policy.is_dir():
        return policy
    if not (out / TRAINED).exists():
        _check_prompts(training, engine)
        drop_broken_checkpoints(out / ADAPTER)
        run_engine(engine, out, [*_CLI, "train", TRAIN], out / ADAPTER / _STEPS, on_step)
        write_json({"engine": engine.version, **_told(out / ADAPTER)}, out / TRAINED)
    shutil.rmtree(out / MERGED, ignore_errors=True)
    run_engine(engine, out, [*_CLI, "export", MERGE], out / ADAPTER / _STEPS)
    make_policy_folder(training.base, out / MERGED, policy, name)
    shutil.rmtree(out / MERGED)
    return policy


def _check_prompts(training: Training, engine: Engine) -> None:
    """Raise TrainingError where the engine makes another prompt of a row than the policy is asked with."""
    last = len(training.rows) - 1
    places = sorted({round(last * number / max(_COMPARED - 1, 1)) for number in range(_COMPARED)})
    for row in compare_prompts(engine, training.out, TRAIN, places):
        if row["difference"]:
            raise TrainingError(
                f"LLaMA-Factory would teach another text than {training.base.name} is asked with (row {row['place']}: "
                f"{row['difference']}): its chat form {training.base.template!r} is not that of this checkpoint"
            )


def _told(adapter: Path) -> dict[str, Any]:
    """Return steps and losses of a training that is done. Raises TrainingError where it is not whole."""
    if not (adapter / "adapter_model.safetensors").is_file():
        raise TrainingError(f"{adapter}: LLaMA-Factory ended well and left no adapter_model.safetensors")
    rows = [json.loads(line) for line in (adapter / _STEPS).read_text(encoding="utf-8").splitlines()]
    losses = {row["current_steps"]: row["loss"] for row in rows if "loss" in row}
    if not rows or rows[-1]["current_steps"] < rows[-1]["total_steps"]:
        raise TrainingError(f"{adapter}: LLaMA-Factory ended well before its last step; the same command goes on")
    return {"steps": max(losses, default=0), "losses": [losses[step] for step in sorted(losses)]}
