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

_COMPARED = 4


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


def differing_prompts(rows: Any, file: str, processor: Any) -> list[int]:
    """Return the places of rows of which verl makes another prompt than the checkpoint's own chat form does."""
    import pyarrow.parquet as pq

    wrong = []
    for place, row in enumerate(pq.read_table(file, columns=["prompt"]).to_pylist()):
        system, user = row["prompt"]
        parts: list[dict[str, str]] = []
        for number, between in enumerate(user["content"].split("<image>")):
            parts += [{"type": "image"}] if number else []
            parts += [{"type": "text", "text": between}] if between else []
        own = [system, {"role": "user", "content": parts}]
        made = rows[place]["raw_prompt"]
        texts = [processor.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in (own, made)]
        wrong += [place] if texts[0] != texts[1] else []
        if place == _COMPARED:
            break
    return wrong


def _check(file: str) -> dict[str, Any]:
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    config = compose_config(told["overrides"])
    rows = open_verl_rows(config)
    wrong = differing_prompts(rows, config.data.train_files, rows.processor) if len(rows) else []
    return {"rows": len(rows), "wrong": wrong}


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    answer = _probe() if action == "probe" else _check(words[0])
    print(json.dumps(answer))
