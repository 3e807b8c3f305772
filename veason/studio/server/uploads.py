"""Files that browsers sent: gradio keeps them in a folder, from which they are taken once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veason.errors import SessionError
from veason.libraries import library_imports
from veason.studio.server.requests.signed import Upload

with library_imports():
    from gradio.utils import get_upload_folder, is_in_or_equal

_LONGEST_NAME = 60


@contextmanager
def uploaded(upload: Upload, room: Path) -> Iterator[Path]:
    """Give an upload under its own name, below `room`, for the block; then it is gone.

    Raises:
        SessionError: no such file was uploaded here.
    """
    source = Path(upload.path)
    if not is_upload(source):
        raise SessionError("that file was not uploaded here: please choose it again")
    with tempfile.TemporaryDirectory(dir=room) as folder:
        yield Path(shutil.move(source, Path(folder) / file_name(upload.name)))


def file_name(sent: str) -> str:
    r"""Return the name of a file as any disk takes it.

    >>> file_name(r"a/../b\c.mp4"), file_name("..")
    ('bc.mp4', 'video')
    """
    name = "".join(letter for letter in Path(sent).name if letter.isprintable() and letter != "\\")
    return name[-_LONGEST_NAME:].lstrip(".") or "video"


def is_upload(source: Path) -> bool:
    """Tell whether a path names a file that a browser or program sent here."""
    try:
        return is_in_or_equal(source, get_upload_folder()) and source.is_file()
    except OSError:  # a name that no disk takes
        return False
