"""The policy folder that comes out of a training: the base's files with other weights, and its profile."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from veason.errors import TrainingError
from veason.formats.benchmarks.files import fresh_folder, put_folder
from veason.profile import PROFILE_FILE, Profile, write_profile
from veason.training.base import Base

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".index.json")


def make_policy_folder(base: Base, merged: Path, out: Path, name: str) -> int:
    """Put the merged weights and everything else of the base into a folder, whole or not at all.

    Only weights are taken from the engine: another version of transformers writes processors and chat forms otherwise.

    Args:
        base: what was trained.
        merged: the engine's folder of merged weights.
        out: the folder to make.
        name: of the profile.

    Returns:
        How many tensors differ from those of the base.

    Raises:
        TrainingError: the weights are not of the base's form, or nothing was learnt.
    """
    changed = _check_weights(base.folder, merged)
    beside = fresh_folder(out)
    for file in base.folder.iterdir():
        if file.is_file() and not file.name.endswith(_WEIGHTS) and file.name != PROFILE_FILE:
            shutil.copyfile(file, beside / file.name)
    for file in merged.iterdir():
        if file.name.endswith((".safetensors", ".safetensors.index.json")):
            shutil.copyfile(file, beside / file.name)
    write_profile(_carried(dataclasses.replace(base.profile, name=name), beside), beside / PROFILE_FILE)
    put_folder(beside, out)
    return changed


def _carried(profile: Profile, folder: Path) -> Profile:
    """Copy the files that a profile names into a folder, and name them as they are called there."""
    for path in filter(None, (profile.prompt_template, profile.seen_pictures)):
        shutil.copyfile(path, folder / Path(path).name)
    return dataclasses.replace(
        profile, prompt_template=Path(profile.prompt_template).name, seen_pictures=Path(profile.seen_pictures).name
    )


def _check_weights(base: Path, merged: Path) -> int:
    before, after = _tensors(base), _tensors(merged)
    wrong = sorted(set(before) ^ set(after)) or [
        name for name in before if before[name].get_slice(name).get_shape() != after[name].get_slice(name).get_shape()
    ]
    if wrong:
        raise TrainingError(
            f"the merged weights have not the form of the base's: {len(wrong)} tensors differ, such as {wrong[0]}"
        )
    changed = sum(not before[name].get_tensor(name).equal(after[name].get_tensor(name)) for name in before)
    if not changed:
        raise TrainingError("the merged weights are those of the base: the training changed nothing")
    return changed


def _tensors(folder: Path) -> dict[str, Any]:
    """Return the open file of every tensor in a folder by the tensor's name."""
    from safetensors import safe_open

    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        opened: Any = safe_open(file, framework="pt")
        found |= dict.fromkeys(opened.keys(), opened)
    return found
