"""What this process takes of the machine, and giving back what the allocator keeps of what was freed."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

ARENAS = 2
"""Heaps of the allocator. Of itself it makes eight a core, one a thread, and each keeps what was ever freed in it."""

_ARENA_MAX = -8
"""The number of `M_ARENA_MAX` in glibc's malloc.h."""


def bound_arenas() -> None:
    """Let threads share few heaps, where the C library is glibc; call it before there are threads."""
    libc = _libc()
    if libc is not None and hasattr(libc, "mallopt"):
        libc.mallopt(_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give freed memory back to the system, where the C library is glibc."""
    libc = _libc()
    if libc is not None and hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def resident_bytes() -> int:
    """Return the memory that this process takes now, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def num_descriptors() -> int:
    """Return how many files, sockets and pipes this process has open, 0 where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
