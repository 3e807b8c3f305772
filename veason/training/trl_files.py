"""What TRL is told: every value of the training, and where it comes from (TRL 1.16, docs/source/grpo_trainer.md).

Two values of the released code have no place in TRL: the 1e-6 that is added to the deviation of a group (it adds 1e-4),
and the mean over the tokens of a micro batch; with a micro batch of one that is the mean over an answer, `loss_type`
"grpo".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from veason.errors import OptionError
from veason.training.base import Base
from veason.training.grpo_rows import RowsReport
from veason.training.grpo_settings import GrpoTrainingSettings

CONFIG, CHECKPOINTS, TRAINED, STEPS, CACHE = "trl.json", "checkpoints", "trained", "trainer_log.jsonl", "cache"


def trl_config(
    report: RowsReport,
    base: Base,
    settings: GrpoTrainingSettings,
    *,
    service: str,
    token_file: str = "",
    is_half: bool = False,
    micro: int = 1,
) -> dict[str, Any]:
    """Return the configuration that `in_trl.py` reads; its paths are relative to the folder of the training.

    Args:
        report: the checked rows.
        base: the checkpoint.
        settings: the numbers.
        service: address of the reward service.
        token_file: file with its token, "" for none.
        is_half: train in bfloat16, the weights themselves stay in float32.
        micro: answers that go through the network at a time.

    Raises:
        OptionError: a step has not a whole number of those.
    """
    answers = settings.prompts * settings.group
    if answers % micro:
        raise OptionError(f"a step has {answers} answers, which --micro {micro} does not divide")
    return {
        "model": str(base.folder),
        "dtype": base.dtype,
        "rows": str(report.file),
        "service": service,
        "token_file": str(Path(token_file).resolve()) if token_file else "",
        "rules": settings.rules,
        "log": STEPS,
        "cache": CACHE,
        "trained": TRAINED,
        "resume": "",
        "trl": {
            "output_dir": CHECKPOINTS,
            "num_generations": settings.group,
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": answers // micro,
            "max_completion_length": settings.answer_tokens,
            "temperature": settings.temperature,
            "top_p": 1.0,
            "top_k": 0,
            "beta": settings.kl,
            "epsilon": settings.clip,
            "entropy_coef": settings.entropy,
            "loss_type": "grpo",
            "scale_rewards": "group",
            "num_iterations": 1,
            "learning_rate": settings.learning_rate,
            "lr_scheduler_type": "constant",
            "warmup_steps": 0,
            "weight_decay": settings.weight_decay,
            "adam_beta1": 0.9,
            "adam_beta2": 0.999,
            "max_grad_norm": settings.grad_norm,
            "num_train_epochs": settings.epochs,
            "max_steps": settings.max_steps or -1,
            "seed": settings.seed,
            "bf16": is_half,
            "fp16": False,
            "model_init_kwargs": {"dtype": "float32"},
            "logging_steps": 1,
            "save_steps": settings.save_steps,
            "save_total_limit": 3,
            "report_to": "none",
            "remove_unused_columns": False,
        },
    }
