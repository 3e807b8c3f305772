"""What lies in a folder that others write to and delete from meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every file in a folder and in the folders below it, with what the disk says of it.

    Files and folders that go meanwhile are left out, and so is everything where the folder itself is not there.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                found = path.stat()
            except OSError:  # gone meanwhile, or a link that leads nowhere
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder, 0 where it is not there; see `files_in`."""
    return sum(found.st_size for _, found in files_in(folder))
