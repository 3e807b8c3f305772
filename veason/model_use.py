"""Models of the hub cache that a process uses: the system knows of them, so that nobody deletes one under its user.

A process that loads a model, or fetches one, holds a shared lock (flock) on its folder in the hub cache. Nothing is
written for that, so it also works where the cache is read-only; and the system takes the lock away with the process,
however that ends. On Windows, where there is no such lock, nothing is held.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veason import hub
from veason.errors import MissingBackend
from veason.locks import HAS_LOCKS, take_lock


def hold_while_alive(user: object, name: str) -> None:
    """Note that `user`, a policy or segmenter, uses a model until it is gone; a model outside the cache needs no note.

    Raises:
        MissingBackend: the model is being removed right now.
    """
    held = _hold(name)
    if held is not None:
        weakref.finalize(user, os.close, held)


@contextmanager
def holding(name: str) -> Iterator[None]:
    """Note that a model is used while the block runs. Raises MissingBackend if it is being removed right now."""
    held = _hold(name)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


@contextmanager
def alone_with(name: str) -> Iterator[tuple[int, ...] | None]:
    """Yield who else uses a model, process ids as far as they are known, or None where nobody does.

    In a block that nobody else uses the model in, nobody begins to.
    """
    folder = _folder(name)
    if folder is None or not HAS_LOCKS:
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            users = None if take_lock(descriptor) else _users(descriptor)
        except OSError:  # a file system without such locks, where nothing could be held either
            users = None
        yield users
    finally:
        os.close(descriptor)


def _hold(name: str) -> int | None:
    folder = _folder(name)
    if folder is None or not HAS_LOCKS:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        is_held = take_lock(descriptor, is_shared=True)
    except OSError:  # a file system without such locks
        os.close(descriptor)
        return None
    if not is_held:
        os.close(descriptor)
        raise MissingBackend(f"{name} is being removed from the hub cache: fetch it again, then load it")
    return descriptor


def _folder(name: str) -> Path | None:
    """Return a model's folder in the hub cache, by its hub id or by a path inside of it; None if it has none there."""
    if hub.is_hub_id(name):
        folder = hub.repository_folder(name)
        return folder if folder.is_dir() else None
    path = Path(name).expanduser().absolute()
    cache = hub.cache_folder().absolute()
    parts = path.relative_to(cache).parts if path.is_relative_to(cache) else ()
    return cache / parts[0] if parts and (cache / parts[0]).is_dir() else None


def _users(descriptor: int) -> tuple[int, ...]:
    """Return the processes that hold a lock on an open file, () where the system does not tell (Linux does)."""
    wanted = os.fstat(descriptor).st_ino
    try:
        rows = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ()
    fields = [row.split() for row in rows]
    found = {int(row[4]) for row in fields if len(row) > 5 and row[1] == "FLOCK" and row[5].endswith(f":{wanted}")}
    return tuple(sorted(one for one in found if one > 0))
