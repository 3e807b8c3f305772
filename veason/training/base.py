"""The checkpoint that a training begins with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason import hub
from veason.errors import MissingBackend, TrainingError
from veason.policy import find_checkpoint
from veason.profile import Profile, load_profile

TEMPLATES = {"qwen2_5_vl": "qwen2_vl"}
"""LLaMA-Factory's name of the chat form, by the `model_type` of a checkpoint; others have not been tried with it."""


@dataclass(frozen=True, slots=True)
class Base:
    """A checkpoint on this machine.

    Attributes:
        name: how it was called.
        folder: where it lies.
        profile: how it wants its frames and writes its answers.
        template: LLaMA-Factory's name of its chat form.
        dtype: of its weights, such as "bfloat16".
        max_positions: most tokens that it can read.
    """

    name: str
    folder: Path
    profile: Profile
    template: str
    dtype: str
    max_positions: int


def find_base(name: str, profile_file: str | None = None) -> Base:
    """Return the checkpoint that is called so: "nano", a folder, or a hub id whose weights are here.

    Raises:
        MissingBackend: it is not here.
        TrainingError: it is of a kind that is not trained here.
        ProfileError: its profile is wrong.
    """
    checkpoint, is_here = find_checkpoint(name)
    folder = Path(checkpoint).resolve() if Path(checkpoint).is_dir() else hub.cached_folder(checkpoint)
    if folder is None or not is_here:
        raise MissingBackend(f"the weights of {name} are not on this machine: veason models get {name}")
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingBackend(f"{folder} has no config.json that names a model_type: give a checkpoint") from error
    if not any(folder.glob("*.safetensors")) or not hub.has_weights(folder):
        raise MissingBackend(f"{folder} has not all of its weights in *.safetensors: fetch it again")
    if kind not in TEMPLATES:
        raise TrainingError(f"{name} is a {kind} model: trained are those of the kind {', '.join(TEMPLATES)}")
    text = config.get("text_config") or config
    return Base(
        name=name,
        folder=folder,
        profile=load_profile(checkpoint, profile_file),
        template=TEMPLATES[kind],
        dtype=config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or "bfloat16",
        max_positions=int(text.get("max_position_embeddings") or config.get("max_position_embeddings") or 32_768),
    )
