"""The videos of a project: where they lie, what they hold, and how they are told apart by content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

from veason.errors import ProjectError
from veason.project.records import StoredVideo
from veason.types import VideoInfo
from veason.video import Video, open_video
from veason.video.images import is_picture, is_system_file
from veason.video.limits import ANY, VideoLimits

_CHUNK = 1 << 20
_LONGEST_NAME = 255
"""Bytes that a disk takes for a name."""
_DRIVE = re.compile("[A-Za-z]:")
VIDEOS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".ogv", ".3gp")
"""Endings of files that a folder of videos is searched for; a single file may have any ending."""

_RESERVED = ("proxies", "prelabel.lock")
"""What lies in a project folder and is no video."""


def is_plain_place(place: str) -> bool:
    r"""Tell whether a stored path names something below the project folder on every system, without looking there.

    >>> is_plain_place("videos/a.mp4"), is_plain_place("../a.mp4"), is_plain_place("c:/a"), is_plain_place(r"a\b")
    (True, False, False, False)
    """
    parts = place.split("/")
    is_named = all(part.strip(". ") for part in parts) and not set("\\\0") & set(place)
    is_relative = is_named and not _DRIVE.match(place)
    return is_relative and parts[0].casefold() not in _RESERVED and not parts[0].casefold().startswith("project.sqlite")


def inside(folder: Path, place: str) -> Path | None:
    """Return where a stored path leads if that is a plain file or folder in the project folder, else None.

    A path where nothing lies is returned as it is.
    """
    if not is_plain_place(place):
        return None
    path = folder
    for part in place.split("/"):
        path = path / part
        if path.is_symlink():
            return None
    return path if not path.exists() or path.is_dir() or is_own_file(path) else None


def is_video_file(path: Path) -> bool:
    """Tell whether a path is a file with the ending of a video."""
    return path.suffix.lower() in VIDEOS and path.is_file() and not is_system_file(path.name)


def is_own_file(path: Path) -> bool:
    """Tell whether a path is a file of its own: no link, symbolic or hard, and no device."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


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


def stamp_video(path: Path) -> str:
    """Return a text that changes with what `hash_video` reads, and costs no reading. Raises OSError."""
    parts = [(part.name, part.stat()) for part in (pictures(path) if path.is_dir() else [path])]
    return " ".join(f"{name}.{one.st_size}.{one.st_mtime_ns}.{one.st_ctime_ns}.{one.st_ino}" for name, one in parts)


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


def columns_of(info: VideoInfo) -> tuple[Any, ...]:
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


def find(video: StoredVideo, limits: VideoLimits = ANY) -> Video:
    """Open a stored video within limits; it must still be the one that was added."""
    if not video.path.exists():
        raise ProjectError(f"{video.path} is gone: add the video again from where it is now, its labels are kept")
    if not limits.is_trusted and video.path.is_dir() and not all(map(is_own_file, pictures(video.path))):
        raise ProjectError(f"{video.path} holds links: they are not followed in a project of a public server")
    found = open_video(video.path, limits=limits)
    if (found.info.num_frames, found.info.size_wh) != (video.num_frames, video.size_wh):
        found.close()
        raise ProjectError(
            f"{video.path} is another video than the one that was added: it has {found.info.num_frames} frames of "
            f"{found.info.size_wh}, not {video.num_frames} of {video.size_wh}; put the old one back"
        )
    return found
