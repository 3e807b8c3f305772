"""Run by the Python of verl's environment, which has Veason too; answers in one line of JSON.

    python in_verl.py probe
    python in_verl.py check verl.json        (in the folder of the training)

`check` has verl itself put its configuration together, look whether it makes sense, and read the rows: it drops what it
finds too long without a word, so they are counted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def _probe() -> dict[str, Any]:
    from importlib.metadata import version
    from importlib.util import find_spec

    import torch
    import verl.trainer.main_ppo  # noqa: F401  # or something else

    import veason.reward_service.functions  # noqa: F401  # fails where the environment lacks Veason

    has_half = bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    return {"version": version("verl"), "has_half": has_half and find_spec("vllm") is not None}


def compose_config(overrides: list[str]) -> Any:
    """Return verl's configuration with overrides, checked by verl itself."""
    import verl.trainer
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop import migrate_legacy_reward_impl
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    folder = Path(verl.trainer.__file__).parent / "config"
    with initialize_config_dir(config_dir=str(folder), version_base=None):
        config = compose(config_name="ppo_trainer", overrides=overrides)
    config = migrate_legacy_reward_impl(config)
    OmegaConf.resolve(config)
    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    return config


def open_verl_rows(config: Any) -> Any:
    """Return the rows as verl reads them for a training."""
    from verl.trainer.ppo.utils import create_rl_dataset
    from verl.utils import hf_processor, hf_tokenizer

    model = config.actor_rollout_ref.model.path
    return create_rl_dataset(config.data.train_files, config.data, hf_tokenizer(model), hf_processor(model))


def _check(file: str) -> dict[str, Any]:
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    config = compose_config(told["overrides"])
    return {"rows": len(open_verl_rows(config)), "steps": config.trainer.total_training_steps}


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    answer = _probe() if action == "probe" else _check(words[0])
    print(json.dumps(answer))
