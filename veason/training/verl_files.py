"""What verl is told: a script with one override a line, each group under where it comes from (verl 0.9.1, Hydra).

"The released code" is Veason-R1's training script and what its configuration leaves at its defaults; "verl" is said
where verl must be told something that the other has no word for.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from veason.errors import OptionError
from veason.training.base import Base
from veason.training.grpo_rows import RowsReport
from veason.training.grpo_settings import GrpoTrainingSettings

SCRIPT, OVERRIDES, CHECKPOINTS = "train.sh", "verl.json", "checkpoints"
REWARD = "pkg://veason.reward_service.functions"

_ASKED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class VerlMachines:
    """What verl runs on.

    Attributes:
        gpus: of a node.
        nodes: how many.
        rollout_gpus: GPUs that share one model while it answers; the released code has 2 for 3B and 4 for 7B.

    Raises:
        OptionError: they do not divide each other.
    """

    gpus: int = 1
    nodes: int = 1
    rollout_gpus: int = 1

    def __post_init__(self) -> None:
        if self.gpus % self.rollout_gpus:
            raise OptionError(f"--rollout-gpus {self.rollout_gpus} does not divide the {self.gpus} GPUs of a node")

    @property
    def total(self) -> int:
        """All GPUs together."""
        return self.gpus * self.nodes


Groups = dict[str, dict[str, str | int | float | bool | list[str]]]


def verl_overrides(
    report: RowsReport,
    base: Base,
    settings: GrpoTrainingSettings,
    machines: VerlMachines,
    out: Path,
    *,
    service: str,
    token_file: str = "",
) -> Groups:
    """Return Hydra's overrides by where they come from.

    Args:
        report: the checked rows.
        base: the checkpoint.
        settings: the numbers.
        machines: GPUs and nodes; every node sees the rows, the checkpoint and `out` under these paths.
        out: the folder of the training.
        service: address of the reward service, as the nodes reach it.
        token_file: file with its token, "" for none.

    Raises:
        OptionError: the GPUs do not divide the answers of a step.
    """
    answers = settings.prompts * settings.group
    if answers % machines.total:
        raise OptionError(f"a step has {answers} answers, which {machines.total} GPUs do not divide: change --prompts")
    actor, rollout, ref = (f"actor_rollout_ref.{part}" for part in ("actor", "rollout", "ref"))
    reward = "reward.custom_reward_function"
    length = {} if settings.max_steps is None else {"trainer.total_training_steps": settings.max_steps}
    token = {f"+{reward}.reward_kwargs.token_file": str(Path(token_file).resolve())} if token_file else {}
    return {
        "the checkpoint and the rows": {
            "actor_rollout_ref.model.path": str(base.folder),
            "data.train_files": str(report.file), "data.val_files": str(report.file), "data.image_key": "images",
        },
        "the released code: questions, answers and updates of a step": {
            "data.train_batch_size": settings.prompts, f"{rollout}.n": settings.group,
            f"{actor}.ppo_mini_batch_size": settings.prompts, f"{actor}.ppo_epochs": 1,
            f"{actor}.ppo_micro_batch_size_per_gpu": 1, f"{rollout}.log_prob_micro_batch_size_per_gpu": 1,
            f"{ref}.log_prob_micro_batch_size_per_gpu": 1,
            "trainer.total_epochs": settings.epochs, **length, "data.seed": settings.seed,
        },
        "the released code: how answers are drawn": {
            f"{rollout}.temperature": settings.temperature, f"{rollout}.top_p": 1.0, f"{rollout}.top_k": -1,
            f"{rollout}.tensor_model_parallel_size": machines.rollout_gpus,
            f"{rollout}.gpu_memory_utilization": 0.25, f"+{rollout}.limit_images": 10,
        },
        "the released code: lengths; longer rows were refused, so none is dropped and none is cut": {
            "data.max_prompt_length": settings.prompt_tokens, "data.max_response_length": settings.answer_tokens,
            "data.filter_overlong_prompts": False, "data.truncation": "error",
        },
        "the released code: GRPO with the divergence in the loss": {
            "algorithm.adv_estimator": "grpo", "algorithm.norm_adv_by_std_in_grpo": True,
            "algorithm.use_kl_in_reward": False, f"{actor}.use_kl_loss": True,
            f"{actor}.kl_loss_coef": settings.kl, f"{actor}.kl_loss_type": "low_var_kl",
            f"{actor}.clip_ratio": settings.clip, f"{actor}.clip_ratio_low": settings.clip,
            f"{actor}.clip_ratio_high": settings.clip, f"{actor}.entropy_coeff": settings.entropy,
        },
        "the released code takes the mean over the tokens of a micro batch, which is one answer": {
            f"{actor}.loss_agg_mode": "seq-mean-token-mean",
        },
        "the released code: the optimizer, on all weights": {
            f"{actor}.optim.lr": settings.learning_rate, f"{actor}.optim.lr_scheduler_type": "constant",
            f"{actor}.optim.lr_warmup_steps": 0, f"{actor}.optim.weight_decay": settings.weight_decay,
            f"{actor}.optim.betas": "[0.9,0.999]", f"{actor}.grad_clip": settings.grad_norm,
            f"{actor}.freeze_vision_tower": False,
        },
        "verl: weights over the GPUs, in float32 with bfloat16 for computing; answers by vLLM": {
            f"{actor}.strategy": "fsdp2", f"{ref}.strategy": "fsdp2", f"{rollout}.name": "vllm",
            f"{ref}.fsdp_config.param_offload": True,
        },
        "the rewards: four terms, Ru from the reward service": {
            f"{reward}.path": REWARD, f"{reward}.name": "verl_reward",
            f"+{reward}.reward_kwargs.service": service, f"+{reward}.reward_kwargs.rules": settings.rules, **token,
            "reward.num_workers": _ASKED_AT_ONCE,
        },
        "the machines, and what is kept": {
            "trainer.n_gpus_per_node": machines.gpus, "trainer.nnodes": machines.nodes,
            "trainer.default_local_dir": str(out.resolve() / CHECKPOINTS), "trainer.save_freq": settings.save_steps,
            "trainer.max_actor_ckpt_to_keep": 3, "trainer.resume_mode": "auto",
            f"{actor}.checkpoint.save_contents": "[model,optimizer,extra,hf_model]",
            "trainer.val_before_train": False, "trainer.test_freq": -1, "trainer.logger": "[console]",
            "trainer.project_name": "veason", "trainer.experiment_name": "grpo",
        },
    }  # fmt: skip


def override_lines(groups: Groups) -> list[str]:
    """Return the overrides as Hydra reads them.

    >>> override_lines({"here": {"a.b": True, "c": 0.005, "d": "[x,y]", "e": "a b"}})
    ['a.b=true', 'c=0.005', 'd=[x,y]', "e='a b'"]
    """
    return [f"{key}={_value(value)}" for values in groups.values() for key, value in values.items()]


def _value(value: str | int | float | bool | list[str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or (value.startswith("[") and value.endswith("]")):
        return str(value)
    plain = all(one.isalnum() or one in "/._-:" for one in value)
    return value if plain and ":" not in value else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def train_script(groups: Groups, python: str) -> str:
    """Return the script that trains: run it where Ray's head is, or with one node anywhere.

    Args:
        groups: of `verl_overrides`.
        python: the Python of the environment.
    """
    lines = []
    for source, values in groups.items():
        lines.append(f"  # {source}")
        lines += [f"  {shlex.quote(line)}" for line in override_lines({source: values})]
    told = "\n".join(lines)
    return f"""#!/bin/bash
# verl trains; run again, it goes on from the last checkpoint. On several nodes start Ray on each of them first
# (`ray start --head`, `ray start --address HEAD:6379`), and run this on the head.
set -euo pipefail
export HF_HUB_OFFLINE=1 RAY_USAGE_STATS_ENABLED=0 TOKENIZERS_PARALLELISM=true
overrides=(
{told}
)
exec {shlex.quote(python)} -m verl.trainer.main_ppo "${{overrides[@]}}" "$@"
"""
