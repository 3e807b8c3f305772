"""What LLaMA-Factory reads: the rows, what tells of them, and a YAML file for the training and for the merge.

    OUT/training.json    what was ordered: the same command goes on, another one is refused
    OUT/data/            dataset_info.json, veason_sft.json (the pictures stay in the corpus)
    OUT/train.yaml       llamafactory-cli train train.yaml      (run in OUT)
    OUT/merge.yaml       llamafactory-cli export merge.yaml     (run in OUT)

Paths in them are relative to OUT, for the engine starts its processes with a command line that it splits at spaces.
Source of the keys: LLaMA-Factory 0.9.5, examples/train_lora and hparams.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from veason import hub
from veason.atomic import write_atomically
from veason.errors import DataError, TrainingError
from veason.formats.sft.writer import sharegpt_row, write_rows
from veason.outputs import write_json
from veason.training.base import Base
from veason.training.engine import LOCK, locked_run
from veason.training.settings import SftSettings, to_yaml
from veason.training.wording import as_asked

ORDER, DATA, TRAIN, MERGE = "training.json", "data", "train.yaml", "merge.yaml"
ADAPTER, MERGED = "adapter", "merged"
DATASET = "veason_sft"

_MOST_WORKERS = 16


def write_files(rows: Sequence[dict[str, Any]], base: Base, out: Path, settings: SftSettings, *, is_half: bool) -> None:
    """Write everything that the engine reads, and what was ordered.

    Args:
        rows: of `veason.corpus.rows.read_rows`, checked.
        base: the checkpoint.
        out: the folder of the training.
        settings: the numbers.
        is_half: train in bfloat16, which CPUs are slow at; else in float32.

    Raises:
        DataError: the folder holds another training, or something else.
        TrainingError: a training is running in the folder, or the disk refuses.
    """
    order = _order(rows, base, settings, is_half=is_half)
    check_order(out, order)
    corpus = rows[0]["folder"].resolve()
    try:
        (out / DATA).mkdir(parents=True, exist_ok=True)
        with locked_run(out):
            write_json(order, out / ORDER)
            write_rows(out / DATA, (_plain(row, base) for row in rows))
            write_atomically(out / TRAIN, to_yaml(_train(base, corpus, len(rows), settings, is_half=is_half)))
            write_atomically(out / MERGE, to_yaml(_merge(base)))
    except OSError as error:
        raise TrainingError(f"{out}: cannot write there: {error.strerror or error}") from error


def _plain(row: Mapping[str, Any], base: Base) -> dict[str, Any]:
    human, gpt = row["conversations"]
    asked = as_asked(human["value"], base.profile)
    return sharegpt_row(base.profile.system, asked, gpt["value"], row["images"])


def _train(
    base: Base, corpus: Path, num_rows: int, settings: SftSettings, *, is_half: bool
) -> dict[str, dict[str, str | int | float | bool]]:
    pixels = base.profile.size_wh[0] * base.profile.size_wh[1]
    steps = {"num_train_epochs": settings.epochs} if settings.max_steps is None else {"max_steps": settings.max_steps}
    return {
        "the checkpoint": {"model_name_or_path": str(base.folder), "template": base.template},
        "the profile: pictures have its size already and are not resized; without a system text there is none": {
            "image_max_pixels": pixels, "image_min_pixels": pixels, "default_system": base.profile.system,
        },
        "the paper: LoRA, learning rate, schedule, accumulation, epochs": {
            "stage": "sft", "do_train": True, "finetuning_type": "lora", "lora_rank": settings.rank,
            "learning_rate": settings.learning_rate, "lr_scheduler_type": "cosine",
            "gradient_accumulation_steps": settings.accumulation, **steps,
        },
        "not in the paper: LLaMA-Factory's examples and defaults, written down": {
            "lora_target": "all", "lora_alpha": 2 * settings.rank, "lora_dropout": 0.0,
            "freeze_vision_tower": True, "freeze_multi_modal_projector": True,
            "per_device_train_batch_size": 1, "warmup_ratio": settings.warmup, "seed": settings.seed,
        },
        "no row is longer; the default of 2048 would cut eight frames": {"cutoff_len": settings.cutoff},
        "the rows": {
            "dataset_dir": DATA, "dataset": DATASET, "media_dir": str(corpus), "overwrite_cache": True,
            "preprocessing_num_workers": max(1, min(os.cpu_count() or 1, _MOST_WORKERS, num_rows)),
        },
        "the machine": {"bf16": is_half},
        "what is kept": {
            "output_dir": ADAPTER, "logging_steps": 1, "save_steps": settings.save_steps, "save_total_limit": 3,
            "plot_loss": False, "report_to": "none",
        },
    }  # fmt: skip


def _merge(base: Base) -> dict[str, dict[str, str | int | float | bool]]:
    return {
        "the checkpoint and what it learnt": {
            "model_name_or_path": str(base.folder), "adapter_name_or_path": ADAPTER, "template": base.template,
            "finetuning_type": "lora",
        },
        "weights as the checkpoint has them": {
            "export_dir": MERGED, "export_size": 5, "export_device": "cpu", "infer_dtype": base.dtype,
        },
    }  # fmt: skip


def _order(rows: Sequence[dict[str, Any]], base: Base, settings: SftSettings, *, is_half: bool) -> dict[str, Any]:
    plain = json.dumps([_plain(row, base) for row in rows], ensure_ascii=False, sort_keys=True)
    return {
        "training": 1,
        "engine": "llamafactory",
        "base": base.name,
        "base files": hub.path_stamp(base.folder),
        "rows": hashlib.sha256(plain.encode()).hexdigest(),
        "profile": json.loads(json.dumps(asdict(base.profile))),
        "settings": asdict(settings),
        "bf16": is_half,
    }


def check_order(out: Path, order: Mapping[str, Any]) -> None:
    """Raise DataError unless the folder is new, empty, or that of the same training.

    Args:
        out: the folder of the training.
        order: what is ordered, as JSON values.
    """
    file = out / ORDER
    if not file.exists():
        if out.is_file() or (out.is_dir() and {one.name for one in out.iterdir()} - {DATA, LOCK}):
            raise DataError(f"{out}: holds something else than a training: choose another --out")
        return
    try:
        old = json.loads(file.read_text(encoding="utf-8"))
        changed = [key for key in order if old.get(key) != order[key]]
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{file}: cannot be read, so it is not known what is trained there: {error}") from error
    if changed:
        raise DataError(
            f"{out}: holds another training ({', '.join(changed)} differ): give the same command to go on with it, or "
            "choose another --out"
        )
