"""Models of the hub cache that a process uses: the system knows of them, so that nobody deletes one under its user.

A process that loads a model, or fetches one, holds a shared lock (flock) on its folder in the hub cache. Nothing is
written for that, so it also works where the cache is read-only; and the system takes the lock away with the process,
however that ends. On Windows, where there is no such lock, nothing is held.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
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
    weakref.finalize(user, _let_go, _hold(name))


@contextmanager
def holding(name: str) -> Iterator[None]:
    """Note that a model is used while the block runs. Raises MissingBackend if it is being removed right now."""
    held = _hold(name)
    try:
        yield
    finally:
        _let_go(held)


@contextmanager
def alone_with(name: str) -> Iterator[tuple[int, ...] | None]:
    """Yield who else uses a model of the cache, process ids as far as they are known, or None where nobody does.

    In a block that nobody else uses the model in, nobody begins to.

    Args:
        name: a hub id.

    Raises:
        OSError: its folder cannot be opened.
    """
    folder = hub.repository_folder(name)
    if not folder.is_dir() or not HAS_LOCKS:
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


def _hold(name: str) -> tuple[int, ...]:
    """Lock every folder of the cache that a model's files are in, and return the open files that hold the locks."""
    held: list[int] = []
    for folder in _folders(name) if HAS_LOCKS else ():
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            is_held = take_lock(descriptor, is_shared=True)
        except OSError:  # a file system without such locks
            os.close(descriptor)
            continue
        held.append(descriptor)
        if not is_held:
            _let_go(held)
            raise MissingBackend(f"{name} is being removed from the hub cache: fetch it again, then load it")
    return tuple(held)


def _let_go(held: Iterable[int]) -> None:
    for descriptor in held:
        os.close(descriptor)


def _folders(name: str) -> tuple[Path, ...]:
    """Return the folders of the hub cache that a model's files are in, whatever way its name leads there.

    A name is a path before it is a hub id, as for whoever loads it. The path, or files in the folder that it names, may
    lead into the cache over links, and the folders of the cache may be links themselves.
    """
    path = hub.local_path(name)
    if path is None:
        folder = hub.repository_folder(name)
        return (folder,) if hub.is_hub_id(name) and folder.is_dir() else ()
    files = [one.resolve() for one in path.iterdir() if one.exists()] if path.is_dir() else []
    places = {path.resolve(), *files}
    cached = (one for one in sorted(hub.cache_folder().glob("models--*")) if one.is_dir())
    return tuple(one for one in cached if any(place.is_relative_to(one.resolve()) for place in places))


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
