"""Run by the Python of verl's environment: what verl makes of files, rows, answers and rewards, as one line of JSON.

python verl_checks.py FOLDER_OF_in_verl configs FILE ...
python verl_checks.py FOLDER_OF_in_verl rewards FILE ANSWERS     (ANSWERS: a list of [text, ground truth, group])
python verl_checks.py FOLDER_OF_in_verl serve FOOTAGE QUESTION   (asks the reward service behind Ray Serve)
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any


def configs(*files: str) -> Any:
    import in_verl

    told = []
    for file in files:
        config = in_verl.compose_config(json.loads(Path(file).read_text())["overrides"])
        rows = in_verl.open_verl_rows(config)
        actor = config.actor_rollout_ref.actor
        first = rows[0]
        told.append(
            {
                "rows": len(rows),
                "other prompts": in_verl.differing_prompts(rows, config.data.train_files, rows.processor),
                "pictures": [len(part["content"]) for part in first["raw_prompt"] if part["role"] == "user"],
                "gpus": config.trainer.n_gpus_per_node * config.trainer.nnodes,
                "n": config.actor_rollout_ref.rollout.n,
                "batch": [config.data.train_batch_size, actor.ppo_mini_batch_size, actor.ppo_micro_batch_size_per_gpu],
                "kl": [actor.use_kl_loss, actor.kl_loss_coef, actor.kl_loss_type],
                "clip": [actor.clip_ratio_low, actor.clip_ratio_high],
                "entropy": actor.entropy_coeff,
                "lr": [actor.optim.lr, actor.optim.weight_decay, list(actor.optim.betas)],
                "kwargs": dict(config.reward.custom_reward_function.reward_kwargs),
            }
        )
    return told


def rewards(file: str, answers_file: str) -> Any:
    import in_verl
    import numpy as np
    import ray
    import torch
    from tensordict import TensorDict
    from verl.experimental.reward_loop import RewardLoopManager
    from verl.protocol import DataProto
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage
    from verl.utils import hf_tokenizer

    ray.init(address="local", num_cpus=2, include_dashboard=False)
    config = in_verl.compose_config([*json.loads(Path(file).read_text())["overrides"], "reward.num_workers=2"])
    answers = json.loads(Path(answers_file).read_text())
    tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path)
    written = [tokenizer(text)["input_ids"] for text, _, _ in answers]
    length = max(map(len, written))
    ids = torch.tensor([[*one, *([tokenizer.pad_token_id] * (length - len(one)))] for one in written])
    mask = torch.tensor([[1] * len(one) + [0] * (length - len(one)) for one in written])
    prompts = torch.zeros((len(answers), 1), dtype=torch.long)
    batch = TensorDict(
        {
            "prompts": prompts,
            "responses": ids,
            "response_mask": mask,
            "attention_mask": torch.cat([torch.ones_like(prompts), mask], 1),
        },
        batch_size=len(answers),
    )
    others = {
        "data_source": np.array(["veason"] * len(answers), dtype=object),
        "reward_model": np.array([{"ground_truth": truth, "style": "rule"} for _, truth, _ in answers], dtype=object),
        "extra_info": np.array([{"index": place} for place in range(len(answers))], dtype=object),
    }
    scored = RewardLoopManager(config).compute_rm_score(DataProto(batch=batch, non_tensor_batch=others))
    scores = scored.batch["rm_scores"]
    groups = np.array([group for _, _, group in answers], dtype=object)
    advantages, _ = compute_grpo_outcome_advantage(scores, mask, groups)
    ray.shutdown()
    return {
        "texts": [tokenizer.decode(one, skip_special_tokens=True) for one in written],
        "totals": scores.sum(-1).tolist(),
        "terms": {key: list(map(float, value)) for key, value in scored.non_tensor_batch.items()},
        "advantages": [float(row[0]) for row in advantages],
    }


def serve(footage: str, questions_file: str) -> Any:
    from veason.reward_service.client import RewardClient
    from veason.reward_service.question import parse_question
    from veason.types import Box

    questions = [parse_question(one) for one in json.loads(Path(questions_file).read_text())]
    port = "18765"
    command = ["-m", "veason", "reward-service", "--footage", footage, "--segmenter", "nano", "--ray", "--port", port]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if " at http" in line:
            break
    client = RewardClient(f"http://127.0.0.1:{port}")

    async def ask() -> Any:
        import psutil

        first = await asyncio.gather(*map(client.frame_iou, questions))
        moved = [
            replace(one, boxes=tuple(Box(box.x1 + step / 8, *box.xyxy[1:]) for box in one.boxes))
            for one in questions
            for step in range(1, 9)
        ]
        asked = [asyncio.create_task(client.frame_iou(one)) for one in moved]
        await asyncio.sleep(0.3)
        replicas = [
            one.pid
            for one in psutil.process_iter(["cmdline"])
            if "ServeReplica:veason-reward" in " ".join(one.info["cmdline"] or [])
            and any(parent.pid == process.pid for parent in one.parents())
        ]
        for pid in replicas:
            os.kill(pid, signal.SIGKILL)
        through = await asyncio.gather(*asked)
        again = await asyncio.gather(*map(client.frame_iou, [*questions, *moved]))
        return list(first), list(through), list(again), len(replicas)

    start = time.monotonic()
    first, through, again, killed = asyncio.run(ask())
    process.terminate()
    process.wait(60)
    told = {"killed": killed, "retries": client.retries, "seconds": time.monotonic() - start}
    return {"first": first, "through": through, "again": again, **told}


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps({"configs": configs, "rewards": rewards, "serve": serve}[sys.argv[2]](*sys.argv[3:])))
