"""Reinforcement learning with GRPO: rows, a checkpoint and a reward service in, a policy folder out.

TRL trains on one GPU or on the CPU, and is run from here; for verl a script is written (`veason.training.verl_files`).
Each part is done once: what is there already is taken, so the same command goes on after whatever ended it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from veason import hub
from veason.atomic import write_atomically
from veason.errors import TrainingError
from veason.outputs import write_json
from veason.training.base import Base
from veason.training.engine import HERE, Engine, TrainingStep, drop_broken_checkpoints, locked_run, run_engine
from veason.training.files import ORDER, check_order
from veason.training.grpo_rows import RowsReport
from veason.training.grpo_settings import GrpoTrainingSettings
from veason.training.policy_folder import make_policy_folder
from veason.training.trl_files import CHECKPOINTS, CONFIG, STEPS, TRAINED

POLICY, DONE = "policy", "trained.json"


@dataclass(frozen=True, slots=True)
class GrpoOrder:
    """What is to be trained.

    Attributes:
        engine: "trl" or "verl".
        base: the checkpoint.
        report: the rows, checked.
        settings: the numbers.
        is_half: train in bfloat16.
    """

    engine: str
    base: Base
    report: RowsReport
    settings: GrpoTrainingSettings
    is_half: bool

    def as_json(self) -> dict[str, Any]:
        """Return JSON values that change with anything that changes the result."""
        stat = os.stat(self.report.file)
        return {
            "training": 1,
            "engine": self.engine,
            "base": self.base.name,
            "base files": hub.path_stamp(self.base.folder),
            "rows": [str(self.report.file), stat.st_size, stat.st_mtime_ns],
            "profile": json.loads(json.dumps(asdict(self.base.profile))),
            "settings": asdict(self.settings),
            "bf16": self.is_half,
        }


def write_order(order: GrpoOrder, out: Path, files: Mapping[str, str]) -> None:
    """Write what an engine reads, and what was ordered; nothing is run.

    Args:
        order: the training.
        out: its folder.
        files: texts by their names.

    Raises:
        DataError: the folder holds another training, or something else.
        TrainingError: a training is running in the folder, or the disk refuses.
    """
    told = order.as_json()
    check_order(out, told)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with locked_run(out):
            write_json(told, out / ORDER)
            for name, text in files.items():
                write_atomically(out / name, text)
    except OSError as error:
        raise TrainingError(f"{out}: cannot write there: {error.strerror or error}") from error


def train_with_trl(
    order: GrpoOrder,
    out: Path,
    engine: Engine,
    config: Mapping[str, Any],
    name: str,
    on_step: Callable[[TrainingStep], object] = lambda step: None,
) -> Path:
    """Train with TRL and make the policy folder; return it.

    Args:
        order: the training.
        out: its folder.
        engine: TRL's environment.
        config: of `veason.training.trl_files.trl_config`.
        name: of the profile that is written beside the weights.
        on_step: told every step.

    Raises:
        DataError: the folder holds another training.
        TrainingError: the engine fails, or makes something else than was wanted.
    """
    policy = out / POLICY
    write_order(order, out, {})
    if policy.is_dir():
        return policy
    if not (out / DONE).exists():
        shutil.rmtree(out / TRAINED, ignore_errors=True)
        last = drop_broken_checkpoints(out / CHECKPOINTS)
        resume = f"{CHECKPOINTS}/checkpoint-{last}" if last is not None else ""
        _drop_steps_after(out / STEPS, last or 0)
        write_json({**config, "resume": resume}, out / CONFIG)
        run_engine(engine, out, [str(HERE / engine.kind.script), "train", CONFIG], out / STEPS, on_step)
        write_json({"engine": engine.version, **_told(out)}, out / DONE)
    make_policy_folder(order.base, out / TRAINED, policy, name)
    shutil.rmtree(out / TRAINED)
    return policy


def _drop_steps_after(log: Path, step: int) -> None:
    """Keep what the log tells of steps up to a checkpoint: those after it are done again."""
    if log.exists():
        rows = [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        write_atomically(log, "".join(line for line in rows if json.loads(line)["current_steps"] <= step))


def _told(out: Path) -> dict[str, Any]:
    """Return steps and rewards of a training that is done. Raises TrainingError where it is not whole."""
    if not any((out / TRAINED).glob("*.safetensors")):
        raise TrainingError(f"{out}: TRL ended well and left no weights in {TRAINED}")
    rows = [json.loads(line) for line in (out / STEPS).read_text(encoding="utf-8").splitlines()]
    if not rows or rows[-1]["current_steps"] < rows[-1]["total_steps"]:
        raise TrainingError(f"{out}: TRL ended well before its last step; the same command goes on")
    return {"steps": rows[-1]["current_steps"], "rewards": [row["reward"] for row in rows]}
