"""Locks on files that end with their process, however it ends; nothing is left behind that somebody has to remove."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":
    import fcntl

HAS_LOCKS = sys.platform != "win32"
"""Whether the system has such locks; where it has none, everybody gets what they ask for."""


def take_lock(file: int | IO[Any], *, is_shared: bool = False, waits: bool = False) -> bool:
    """Lock an open file until it is closed; return False where another holder has it.

    Args:
        file: it, or its descriptor. A process that inherits the descriptor holds the lock too.
        is_shared: several may hold it, but nobody beside one who does not share.
        waits: wait until it is free.

    Raises:
        OSError: the file system has no such locks.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
    return True


@contextmanager
def locked(path: Path, *, waits: bool = True) -> Iterator[bool]:
    """Hold a lock while the block runs; give False where another has it and nobody waits. The file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        yield take_lock(stream, waits=waits)
