"""What a disk refuses, in words that say what to do."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_IN_THE_WAY = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY)
_MOST_SHOWN = 120


def refusal_of(error: OSError, folder: Path | None = None) -> str | None:
    """Return what the disk refused and what to do about it, None where the error is of another kind.

    Args:
        error: what reading or writing raised.
        folder: where it was to be read or written, if the error does not say.
    """
    path = Path(str(error.filename)) if error.filename else folder
    if path is None:
        return None
    if error.errno in _FULL:
        return f"the disk of {path} takes no more ({error.strerror}): make room, then try again"
    if error.errno in _FORBIDDEN:
        return f"{path} may not be read or written ({error.strerror}): change its rights, or choose another place"
    if error.errno == errno.ENAMETOOLONG:
        return f"no file can have so long a name: {_cut(str(path))}"
    if error.errno == errno.ELOOP:
        return f"{path} is a link that leads to itself: put the file or folder there that is meant"
    if error.errno in _IN_THE_WAY:
        return f"{in_the_way(path)} is in the way: move it elsewhere, then try again"
    return None


def in_the_way(path: Path) -> Path:
    """Return the path, or the first of its parents that is there and no folder."""
    above = (one for one in reversed(path.parents) if one.is_symlink() or one.exists())
    return next((one for one in above if not one.is_dir()), path)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN // 2]}…{text[-_MOST_SHOWN // 4 :]}"
