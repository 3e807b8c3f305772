"""Run by the Python of TRL's environment, which has Veason too; answers in one line of JSON, or trains.

    python in_trl.py probe
    python in_trl.py train trl.json      (in the folder of the training)

Prompts are put together by TRL from the checkpoint's own chat form, pictures between their labels; nothing is cut.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

_IMAGE = "<image>"


def _probe() -> dict[str, Any]:
    import torch
    import trl
    from trl import GRPOTrainer  # noqa: F401  # or something else

    import veason.reward_service.functions  # noqa: F401  # fails where the environment lacks Veason

    has_half = bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    return {"version": trl.__version__, "has_half": has_half}


def message_parts(text: str) -> list[dict[str, str]]:
    """Return a text with marks as parts of a message: what is between the marks, and a picture for each."""
    parts: list[dict[str, str]] = []
    for number, between in enumerate(text.split(_IMAGE)):
        parts += [{"type": "image"}] if number else []
        parts += [{"type": "text", "text": between}] if between else []
    return parts


def as_messages(prompt: list[dict[str, str]], processor: Any) -> list[dict[str, Any]]:
    """Return a row's prompt in parts, so that TRL makes of it what the checkpoint is asked with.

    TRL puts every text into a list of parts, and then a chat form no longer sees that a system text is empty.

    Raises:
        SystemExit: TRL makes something else of it.
    """
    from trl.data_utils import prepare_multimodal_messages

    system, user = prompt
    asked: list[dict[str, Any]] = [system, {"role": "user", "content": message_parts(user["content"])}]
    wanted = processor.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    for messages in (asked, asked[1:]):
        parts = prepare_multimodal_messages(messages, images=[None] * user["content"].count(_IMAGE))
        if processor.apply_chat_template(parts, tokenize=False, add_generation_prompt=True) == wanted:
            return messages
    raise SystemExit("TRL makes another prompt of a row than the checkpoint's own chat form does: nothing was trained")


def open_trl_rows(file: str, cache: str, processor: Any) -> Any:
    """Return the rows as TRL reads them: a prompt in parts, its pictures, the ground truth."""
    from datasets import Dataset
    from PIL import Image

    def as_read(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        prompts = [as_messages(prompt, processor) for prompt in batch["prompt"]]
        images = [[Image.open(io.BytesIO(one["bytes"])).convert("RGB") for one in row] for row in batch["images"]]
        truths = [one["ground_truth"] for one in batch["reward_model"]]
        return {"prompt": prompts, "images": images, "ground_truth": truths}

    rows = Dataset.from_parquet(file, cache_dir=cache, columns=["prompt", "images", "reward_model"])
    return rows.with_transform(as_read)


def make_trainer(config: dict[str, Any]) -> Any:
    """Return the trainer of a configuration of `veason.training.trl_files`."""
    from transformers import AutoProcessor, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from veason.reward_service.client import RewardClient
    from veason.reward_service.functions import rules_of, trl_rewards
    from veason.secret_file import read_token

    class Log(TrainerCallback):
        """Appends every step to a file, in the form that Veason follows."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
            if "loss" not in (logs or {}):
                return
            row = {"current_steps": state.global_step, "total_steps": state.max_steps, "at": time.time(), **logs}
            with Path(config["log"]).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")

    processor = AutoProcessor.from_pretrained(config["model"], padding_side="left")
    client = RewardClient(config["service"], read_token(config["token_file"]))
    return GRPOTrainer(
        model=config["model"],
        reward_funcs=trl_rewards(client, rules_of(config["rules"])),
        args=GRPOConfig(**config["trl"]),
        train_dataset=open_trl_rows(config["rows"], config["cache"], processor),
        processing_class=processor,
        callbacks=[Log()],
    )


def _train(config: dict[str, Any]) -> dict[str, Any]:
    import torch

    trainer = make_trainer(config)
    trainer.train(resume_from_checkpoint=config["resume"] or None)
    model = trainer.accelerator.unwrap_model(trainer.model).to(getattr(torch, config["dtype"]))
    model.save_pretrained(config["trained"])
    return {"steps": trainer.state.global_step, "total": trainer.state.max_steps}


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    answer = _probe() if action == "probe" else _train(json.loads(Path(words[0]).read_text(encoding="utf-8")))
    print(json.dumps(answer))
