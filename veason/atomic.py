"""Files that appear whole or not at all: written under another name beside their place, then renamed into it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def atomic_file(path: Path, *, is_synced: bool = False) -> Iterator[IO[bytes]]:
    """Give a binary file that takes the place of `path` when the block ends well, and is removed after an error.

    Who reads `path` meanwhile, and who finds it after the process was killed, sees the earlier file or the whole new
    one. A name of any length that the disk takes will do; the permissions are those of every new file.

    Args:
        path: the file; its folder must be there.
        is_synced: wait until the disk has the content (fsync) before the file takes its name, so that a power cut, too,
            leaves the earlier file or the whole new one. Without it, a power cut soon after may leave an empty file on
            some disks. The folder itself is never synced: of the two, the cut may leave the earlier one.

    Raises:
        OSError: the disk refuses.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    with part.open("xb") as file:
        try:
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
            file.close()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_atomically(path: Path, text: str, *, is_synced: bool = False) -> None:
    """Write a UTF-8 text file as `atomic_file` does, line ends as they are. Raises OSError."""
    with atomic_file(path, is_synced=is_synced) as file:
        file.write(text.encode())
