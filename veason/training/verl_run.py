"""GRPO with verl: a script for its GPUs, checked by verl itself, and the policy folder of its last checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from veason.errors import DataError, TrainingError
from veason.training.engine import Engine, ask_engine, run_engine
from veason.training.grpo import POLICY, GrpoOrder, write_order
from veason.training.policy_folder import make_policy_folder
from veason.training.verl_files import CHECKPOINTS, OVERRIDES, SCRIPT, Groups, override_lines, train_script

_MAIN = ("-m", "verl.trainer.main_ppo")


def write_verl(order: GrpoOrder, out: Path, groups: Groups, python: str) -> None:
    """Write the script that trains, and the same overrides as JSON.

    Args:
        order: the training.
        out: its folder.
        groups: of `veason.training.verl_files.verl_overrides`.
        python: the Python of verl's environment.

    Raises:
        DataError: the folder holds another training, or something else.
        TrainingError: a training is running in the folder, or the disk refuses.
    """
    told = json.dumps({"overrides": override_lines(groups)}, indent=1)
    write_order(order, out, {SCRIPT: train_script(groups, python), OVERRIDES: told})
    (out / SCRIPT).chmod(0o755)


def check_with_verl(order: GrpoOrder, out: Path, engine: Engine) -> None:
    """Have verl put its configuration together and read the rows.

    Raises:
        DataError: it leaves rows out, or makes other prompts of them.
        MissingBackend: it does not take the configuration; the message has its words.
    """
    told = ask_engine(engine, ["check", OVERRIDES], out)
    kept, wrong = int(told["rows"]), told["wrong"]
    if kept != order.report.rows:
        raise DataError(f"{order.report.file}: verl reads {kept} of {order.report.rows} rows and leaves the others out")
    if wrong:
        raise DataError(
            f"{order.report.file}: verl makes another prompt of row {wrong[0]} than {order.base.name} is asked with"
        )


def train_with_verl(order: GrpoOrder, out: Path, engine: Engine, name: str) -> Path | None:
    """Train where there is a GPU, and make the policy folder of a training that is done; None where none is.

    Args:
        order: the training, whose files are written.
        out: its folder.
        engine: verl's environment.
        name: of the profile that is written beside the weights.

    Raises:
        TrainingError: verl fails, or its last checkpoint is not that of the last step.
    """
    policy = out / POLICY
    if policy.is_dir():
        return policy
    if engine.has_half:
        overrides: Sequence[str] = json.loads((out / OVERRIDES).read_text(encoding="utf-8"))["overrides"]
        run_engine(engine, out, [*_MAIN, *overrides], out / "no steps are told")
    done = {int(one.name.rpartition("_")[2]): one for one in (out / CHECKPOINTS).glob("global_step_*")}
    if not done:
        return None
    last = max(done)
    settings = order.settings
    wanted = settings.max_steps or settings.epochs * (order.report.rows // settings.prompts)
    if last < wanted:
        raise TrainingError(f"{done[last]}: is step {last} of {wanted}: run {out / SCRIPT} again, it goes on")
    weights = done[last] / "actor" / "huggingface"
    if not any(weights.glob("*.safetensors")):
        raise TrainingError(f"{weights}: verl left no weights there in the form of the checkpoint")
    make_policy_folder(order.base, weights, policy, name)
    return policy
