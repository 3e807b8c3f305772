"""The models that are here: in the package, or in the local hub cache. Nothing in this module uses the network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from veason import hub
from veason.disk import in_the_way, refusal_of
from veason.errors import FetchError, MissingBackend, OptionError
from veason.folders import files_in, size_of
from veason.hub import cache_folder, repository_folder
from veason.model_use import alone_with
from veason.models.catalogue import CATALOGUE, ModelKind, similar_models

PART_ENDING = ".veason-part"
"""Ending of a file that is being fetched, beside the ones that are whole."""

_BLOCK = 1 << 20

_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class LocalModel:
    """What is here of a model.

    Attributes:
        name: what it is chosen by.
        kind: what it does.
        folder: where it lies; None for what is not here.
        num_bytes: what it takes on the disk, with what is half fetched.
        is_whole: whether all of its weights are here.
        part_bytes: how much of it was fetched before the fetching was stopped.
    """

    name: str
    kind: ModelKind
    folder: Path | None = None
    num_bytes: int = 0
    is_whole: bool = False
    part_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """What deleting a model did.

    Attributes:
        num_bytes: what is free again.
        kept: the folder that the deleted link led to and that stays, None where there was none.
    """

    num_bytes: int
    kept: Path | None = None


def check_hub_id(name: str) -> None:
    """Raise OptionError where no model of the hub can be called so."""
    if not hub.is_hub_id(name):
        meant = similar_models(name)
        hint = f"did you mean {' or '.join(meant)}?" if meant else "veason models lists some"
        shown = name if len(name) <= _MOST_SHOWN else f"{name[:_MOST_SHOWN]}… ({len(name)} letters)"
        raise OptionError(
            f"{shown!r} is no name of a model on the hub, which is OWNER/NAME in letters, digits, '-', '_' and '.', "
            f"at most 96 of them: {hint}"
        )


def local_model(name: str, kind: ModelKind) -> LocalModel:
    """Return what is here of a model."""
    if name in hub.EMBEDDED_SEGMENTERS:
        embedded = hub.EMBEDDED_SEGMENTERS[name] if kind == "segmenter" else kind
        folder = hub.embedded(embedded)
        return LocalModel(name, kind, folder, size_of(folder), hub.has_embedded(embedded))
    repository = repository_folder(name)
    if not repository.is_dir():
        return LocalModel(name, kind)
    parts = [found.st_size for path, found in files_in(repository / "blobs") if path.suffix == PART_ENDING]
    folder = hub.cached_folder(name)
    is_whole = folder is not None and hub.has_weights(folder)
    return LocalModel(name, kind, folder, size_of(repository / "blobs"), is_whole, sum(parts))


def local_models() -> tuple[LocalModel, ...]:
    """Return every model of the list, and every other one in the hub cache that looks like a policy or a segmenter."""
    listed = [local_model(one.name, one.kind) for one in CATALOGUE]
    known = {one.name for one in CATALOGUE}
    others = []
    for folder in sorted(cache_folder().glob("models--*--*")):
        name = folder.name.removeprefix("models--").replace("--", "/", 1)
        kind = _kind_of(name)
        if name not in known and kind is not None:
            others.append(local_model(name, kind))
    return (*listed, *others)


def check_model(name: str, on_progress: Callable[[int, int], object] | None = None) -> tuple[str, ...]:
    """Return what is wrong with the files of a model in the hub cache, () where each is what its name promises.

    A file of the cache is called by its SHA-256 (large files) or by its git hash (small ones).

    Args:
        name: a hub id.
        on_progress: called with (bytes read, bytes in all).

    Raises:
        MissingBackend: nothing of it is here.
    """
    if name in hub.EMBEDDED_SEGMENTERS:
        raise MissingBackend(
            f"{name} comes with the package, which pip checks: there is nothing of it in the hub cache"
        )
    blobs = [one for one in sorted((_repository(name) / "blobs").glob("*")) if one.suffix != PART_ENDING]
    folder = hub.cached_folder(name)
    if not blobs:
        if folder is not None and hub.has_weights(folder):
            raise MissingBackend(f"{name} is in {folder}, but nothing there says what its files should be")
        raise MissingBackend(f"nothing of {name} is in {cache_folder()}: veason models get {name}")
    sizes = {one: one.stat().st_size for one in blobs if one.is_file()}
    done, wrong = 0, []
    for blob in blobs:
        if blob not in sizes:
            wrong.append(f"{blob} is no file: move it elsewhere, then veason models get {name}")
        elif not is_sound(blob):
            wrong.append(f"{_called(name, blob)} is not what was published: veason models get {name} fetches it again")
        done += sizes.get(blob, 0)
        if on_progress is not None:
            on_progress(done, sum(sizes.values()))
    if folder is None or not hub.has_weights(folder):
        wrong.append(f"some of its weights are not here: veason models get {name} goes on")
    return tuple(wrong)


def is_sound(file: Path, name: str | None = None) -> bool:
    """Tell whether a file is what its name in the hub cache (or `name`) promises; an unknown form promises nothing."""
    name = name or file.name
    if len(name) == 64:
        digest = hashlib.sha256()
    elif len(name) == 40:
        digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return True
    for block in _blocks(file):
        digest.update(block)
    return digest.hexdigest() == name


def remove_model(name: str, *, is_forced: bool = False) -> Removed:
    """Delete a model from the hub cache, parts included; of a folder that is a link, the link alone.

    Args:
        name: a hub id.
        is_forced: delete it also while a process uses it, which may then fail.

    Raises:
        MissingBackend: nothing of it is here, or it belongs to the package.
        OptionError: a process uses or fetches it, or nothing can be called so.
        FetchError: it may not be deleted here, or is no folder.
    """
    if name in hub.EMBEDDED_SEGMENTERS:
        raise MissingBackend(f"{name} belongs to the package and stays: choose another model")
    folder = _repository(name)
    with alone_with(name) as users:
        if users is not None and not is_forced:
            who = f" (process {', '.join(map(str, users))})" if users else ""
            raise OptionError(
                f"{name} is in use or being fetched{who}: end that first, or delete it all the same with "
                f"veason models remove {name} --force"
            )
        try:
            if folder.is_symlink():
                kept = folder.resolve()
                folder.unlink()
                return Removed(0, kept)
            freed = _own_size_of(folder)
            shutil.rmtree(folder)
        except OSError as error:
            reason = refusal_of(error, folder) or error.strerror or str(error)
            raise FetchError(
                f"cannot delete {folder} whole: {reason}; what is left is told by veason models check {name}"
            ) from error
    return Removed(freed)


def _repository(name: str) -> Path:
    """Return a model's folder in the hub cache.

    Raises:
        OptionError: nothing can be called so.
        MissingBackend: nothing of it is here.
        FetchError: something else is in its place.
    """
    check_hub_id(name)
    folder = repository_folder(name)
    if folder.is_dir():
        return folder
    wrong = in_the_way(folder)
    if wrong != folder or folder.is_symlink() or folder.exists():
        raise FetchError(f"nothing of {name} is here: {wrong} is in the way of its folder; move it elsewhere")
    raise MissingBackend(f"nothing of {name} is in {cache_folder()}: veason models get {name}")


def _own_size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder itself, and of none that links lead to."""
    found = (Path(place, name).lstat() for place, _, names in os.walk(folder) for name in names)
    return sum(one.st_size for one in found if stat.S_ISREG(one.st_mode))


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _called(name: str, blob: Path) -> str:
    """Return how a file of the cache is called in the repository."""
    snapshots = repository_folder(name) / "snapshots"
    links = (one for one in snapshots.rglob("*") if one.is_file() and one.resolve() == blob.resolve())
    return next((one.name for one in links), blob.name)


def _kind_of(name: str) -> ModelKind | None:
    """Return what a model of the hub cache does, by its name and its config; None where it is something else."""
    if "sam2" in name.lower():
        return "segmenter"
    folder = hub.cached_folder(name)
    if folder is None or not (folder / "config.json").is_file():
        return None
    try:
        model_type = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return None
    return "policy" if model_type in ("qwen2_5_vl", "qwen3_vl") else None
