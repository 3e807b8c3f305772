"""The videos of a project: where they lie, what they hold, and how they are told apart by content."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from veason.errors import ProjectError
from veason.project.records import StoredVideo
from veason.types import VideoInfo
from veason.video import Video, open_video
from veason.video.images import is_picture

_CHUNK = 1 << 20
_LONGEST_NAME = 255
"""Bytes that a disk takes for a name."""


def hash_video(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of a folder's pictures."""
    digest = hashlib.sha256()
    for part in [path] if path.is_file() else pictures(path):
        if part is not path:
            digest.update(f"\0{part.name}\0{part.stat().st_size}\0".encode())
        with part.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder of frames in the order of their names."""
    return sorted(path for path in folder.iterdir() if is_picture(path))


def place_of(path: Path, folder: Path, sha256: str, *, copy: bool) -> str:
    """Return the path to store: relative inside the project, absolute elsewhere; copied into it first if `copy`."""
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    if not copy:
        return str(path)
    target = folder / place_of_copy(path.name, sha256)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_video(path, target)
    except OSError as error:
        raise ProjectError(f"cannot copy {path} into the project: {error.strerror or error}") from error
    return target.relative_to(folder).as_posix()


def place_of_copy(name: str, sha256: str) -> str:
    """Return where the copy of a file lies below a project, marked by its content; long names get a folder for that."""
    marked = f"{sha256[:16]}-{name}"
    return f"videos/{marked if len(os.fsencode(marked)) <= _LONGEST_NAME else f'{sha256[:16]}/{name}'}"


def copy_video(path: Path, target: Path) -> None:
    """Copy a file or a folder of frames; the copy takes its name once it is whole."""
    if target.exists():
        return
    part = target.with_name(f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.part")
    if path.is_file():
        shutil.copyfile(path, part)
    else:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for picture in pictures(path):
            shutil.copyfile(picture, part / picture.name)
    part.rename(target)


def describe(info: VideoInfo) -> tuple[Any, ...]:
    """Return the columns that come from a VideoInfo."""
    return (
        info.num_frames,
        *info.size_wh,
        info.fps,
        info.first_timestamp,
        info.last_timestamp,
        int(info.has_variable_rate),
        info.decoder,
    )


def find(video: StoredVideo) -> Video:
    """Open a stored video; it must still be the one that was added."""
    if not video.path.exists():
        raise ProjectError(f"{video.path} is gone: add the video again from where it is now, its labels are kept")
    found = open_video(video.path)
    if (found.info.num_frames, found.info.size_wh) != (video.num_frames, video.size_wh):
        found.close()
        raise ProjectError(
            f"{video.path} is another video than the one that was added: it has {found.info.num_frames} frames of "
            f"{found.info.size_wh}, not {video.num_frames} of {video.size_wh}; put the old one back"
        )
    return found
