"""Locations of weights: the embedded assets and the local hub cache. Makes no network call."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

ASSETS = Path(str(resources.files("veason") / "assets"))
"""The folder of the embedded models and example clips."""

PUBLISHED_POLICY = "SitongGong/Veason-R1"
PUBLISHED_SEGMENTER = "facebook/sam2.1-hiera-large"
NANO = "nano"
NANO_PHOTO = "nano-photo"
EMBEDDED_SEGMENTERS = {NANO: "segmenter", NANO_PHOTO: "segmenter-photo"}
"""Kinds for `embedded` by the name of a segmenter: nano is for the rendered world, nano-photo for real video."""


def embedded(kind: str) -> Path:
    """Return the folder of the embedded model; `kind` is "policy", "segmenter" or "segmenter-photo"."""
    return ASSETS / "nano" / kind


def has_embedded(kind: str) -> bool:
    """Tell whether the embedded model is installed; `kind` as in `embedded`."""
    return (embedded(kind) / "config.json").is_file()


def is_hub_id(name: str) -> bool:
    """Tell whether a name has the form of a hub id, "owner/name", and not that of a path.

    >>> is_hub_id("facebook/sam3"), is_hub_id("./sam3"), is_hub_id("no/such/folder"), is_hub_id("nano")
    (True, False, False, False)
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return "/" in name


def local_path(name: str) -> Path | None:
    """Return the file or folder that a name is the path of, `~` expanded; None where it is that of nothing here."""
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # nothing can be called so, or it is in the home of nobody
        return None


def is_cached(hub_id: str) -> bool:
    """Tell whether the local hub cache has the weights of `hub_id`, all of them. Makes no network call."""
    folder = cached_folder(hub_id)
    return folder is not None and has_weights(folder)


def cached_folder(hub_id: str) -> Path | None:
    """Return the folder of `hub_id` in the local hub cache, complete or not; None if nothing of it is there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except (OSError, UnicodeDecodeError, HFValidationError):  # not there, or nothing that can be read
        return None


def cache_folder() -> Path:
    """Return the folder of the hub cache on this machine."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def repository_folder(hub_id: str) -> Path:
    """Return the folder of a model in the hub cache, there or not."""
    return cache_folder() / f"models--{hub_id.replace('/', '--')}"


def path_stamp(path: Path) -> str:
    """Return a text that changes when a file, or one of a model's folder, is added, removed or written again."""
    digest = hashlib.blake2b(digest_size=12)
    for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
        status = file.stat()
        digest.update(f"{file.relative_to(path).as_posix()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def has_weights(folder: Path) -> bool:
    """Tell whether a folder holds weights, and where an index lists several files of them, every one."""
    for index in folder.glob("*.safetensors.index.json"):
        try:
            files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            if not all((folder / name).is_file() for name in files):
                return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
    return any(folder.rglob("*.safetensors")) or any(folder.rglob("*.pt"))
