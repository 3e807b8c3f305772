"""Files that browsers sent. gradio keeps them by content: one file may be the upload of several visitors."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unicodedata import category

from veason.errors import SessionError
from veason.libraries import library_imports
from veason.outputs import truncate_file_name
from veason.studio.server.requests.signed import Upload

with library_imports():
    from gradio.utils import get_upload_folder, is_in_or_equal


LINKED = "linked-"
"""Folders whose name begins so hold files that lay on this machine before, and came when their folder was made."""

_MOST_ENDING_BYTES = 20
"""What follows the last point of a name and is longer tells nothing of the file."""


@contextmanager
def uploaded(upload: Upload, room: Path) -> Iterator[Path]:
    """Give an upload under its own name, below `room`, for the block. The file itself stays for whoever sent the same.

    Raises:
        SessionError: no such file was uploaded here, or it was sent too long ago.
    """
    source = Path(upload.path)
    if not is_upload(source):
        raise SessionError("that file was not uploaded here, or too long ago: please choose it again")
    with tempfile.TemporaryDirectory(dir=room) as folder:
        target = Path(folder) / file_name(upload.name)
        try:
            _link(source, target)
        except FileNotFoundError as error:
            raise SessionError("that file is no longer here: please choose it again") from error
        yield target


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; where the disk knows no links it is copied."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def remove_old_uploads(folder: Path, max_age_s: float) -> None:
    """Delete what was sent longer ago, with the folders that are empty then; what is in use has a second name."""
    oldest = time.time() - max_age_s
    for place, _, names in os.walk(folder, topdown=False):
        with suppress(OSError):  # gone meanwhile
            is_old = Path(place).stat().st_mtime < oldest
            for path in (Path(place, name) for name in names):
                with suppress(OSError):
                    if _came(path) < oldest:
                        path.unlink()
            if is_old and Path(place) != folder:  # a new one is empty until its file arrives
                Path(place).rmdir()


def _came(path: Path) -> float:
    """Return when a file was sent, in seconds since 1970."""
    return (path.parent if path.parent.name.startswith(LINKED) else path).stat().st_mtime


def file_name(sent: str) -> str:
    r"""Return the name of a file as a disk here takes it: what it had, but for what would lead elsewhere.

    >>> file_name(r"a/../b\c.mp4"), file_name("..")
    ('bc.mp4', 'video')
    """
    name = "".join(letter for letter in Path(sent).name if category(letter) not in ("Cc", "Cs") and letter != "\\")
    stem, point, ending = name.lstrip(".").rpartition(".")
    is_ending = bool(stem) and len(ending.encode()) <= _MOST_ENDING_BYTES
    return truncate_file_name(stem, point + ending) if is_ending else truncate_file_name(name.lstrip(".")) or "video"


def is_upload(source: Path) -> bool:
    """Tell whether a path names a file that a browser or program sent here."""
    try:
        return is_in_or_equal(source, get_upload_folder()) and source.is_file()
    except (OSError, ValueError):  # a name that no disk takes
        return False
