"""Tensor files: written atomically, verified by a checksum when read, and removed at exit."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path

import torch

from veason.atomic import atomic_file
from veason.locks import HAS_LOCKS, take_lock

MAGIC = b"veason-tensors-1\n"
PREFIX = "veason-features-"


def write_tensors(file: Path, tensors: Sequence[torch.Tensor]) -> int:
    """Write dense tensors with their strides; return the size of the file in bytes.

    The write is atomic: a killed writer leaves no partial file under this name.
    """
    payload = [_raw_bytes(tensor) for tensor in tensors]
    checksum = 0
    for part in payload:
        checksum = zlib.crc32(part, checksum)
    entries = [[str(t.dtype).removeprefix("torch."), list(t.shape), list(t.stride())] for t in tensors]
    header = json.dumps({"tensors": entries, "crc32": checksum}).encode()
    with atomic_file(file) as out:
        out.write(MAGIC + header + b"\n")
        for part in payload:
            out.write(part)
    return file.stat().st_size


def read_tensors(file: Path) -> list[torch.Tensor] | None:
    """Return the tensors that `write_tensors` wrote, or None if the file is missing, truncated or corrupt."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    header, newline, payload = content[len(MAGIC) :].partition(b"\n")
    if not content.startswith(MAGIC) or not newline:
        return None
    try:
        described = json.loads(header)
        checksum = described["crc32"]
        entries = [(getattr(torch, name), shape, stride) for name, shape, stride in described["tensors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if zlib.crc32(payload) != checksum:
        return None
    tensors, offset, view = [], 0, bytearray(payload)
    for dtype, shape, stride in entries:
        count = torch.Size(shape).numel()
        flat = torch.frombuffer(view, dtype=dtype, count=count, offset=offset)
        tensors.append(flat.as_strided(shape, stride))
        offset += count * flat.element_size()
    return tensors


class ScratchFolder:
    """A temporary folder, removed by `close` or at exit. Creating one also removes those that killed processes left."""

    def __init__(self, parent: Path | None = None) -> None:
        root = parent or Path(tempfile.gettempdir())
        root.mkdir(parents=True, exist_ok=True)
        for old in root.glob(f"{PREFIX}*"):
            if _is_unlocked(old):
                shutil.rmtree(old, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        self._lock = (self.path / "lock").open("w")
        take_lock(self._lock)
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder and its content."""
        self._lock.close()
        self._remove()


def _is_unlocked(folder: Path) -> bool:
    """Tell whether the folder's lock is free. False if the system has no locks or the lock cannot be opened."""
    if not HAS_LOCKS:  # folders of killed processes are left to the system's own cleanup
        return False
    try:
        with (folder / "lock").open("r+") as lock:
            return take_lock(lock)
    except OSError:
        return False


def _raw_bytes(tensor: torch.Tensor) -> memoryview:
    """Return the memory of a dense tensor in storage order."""
    flat = tensor.detach().as_strided((tensor.numel(),), (1,), tensor.storage_offset())
    return memoryview(flat.view(torch.uint8).numpy())
