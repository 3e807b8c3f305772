"""The project folder as a whole: pack it to open it elsewhere, and keep many of them within a quota."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from veason.atomic import atomic_file
from veason.confined import run_confined
from veason.errors import ProjectError
from veason.folders import size_of
from veason.project.database import PROJECT_FILE, in_words
from veason.project.foreign import copy_foreign
from veason.project.project import Project
from veason.project.videos import is_own_file, is_plain_place, pictures, place_of_copy
from veason.zip_files import BROKEN_ZIP, check_packing

_LEFT_OUT = (PROJECT_FILE, f"{PROJECT_FILE}-wal", f"{PROJECT_FILE}-shm", "proxies", "prelabel.lock")
_MOST_FILES = 200_000
_BACKUP = re.compile(r"-\d{8}T\d{6}Z\.zip")


def pack(
    project: Project,
    path: str | Path,
    *,
    with_videos: bool = True,
    tell: Callable[[int, int], object] = lambda done, count: None,
) -> None:
    """Write the whole project into a ZIP file that can be opened elsewhere with `unpack`; proxies stay behind.

    What is packed is one state of the project, even while others write. Videos outside the folder are taken in, unless
    `with_videos` is false or their file is gone. `tell` hears, before each file, how many are packed and of how many.

    Raises:
        ProjectError: the file cannot be written.
    """
    path = Path(path).absolute()
    folder, is_untrusted = project.folder, project.is_untrusted
    others = [one for one in sorted(folder.rglob("*")) if _is_packed(one, folder, is_untrusted=is_untrusted)]
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as made:
            moved = _copy_file(project, Path(made) / PROJECT_FILE, with_videos)
            with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(Path(made) / PROJECT_FILE, PROJECT_FILE)
                files = [(source, source.relative_to(project.folder)) for source in others if source != path]
                files += [file for place, source in moved.items() for file in _files_of(source, Path(place))]
                for number, (source, name) in enumerate(files):
                    tell(number, len(files))
                    archive.write(source, name, zipfile.ZIP_STORED)
    except OSError as error:
        raise ProjectError(f"cannot pack the project into {path}: {error.strerror or error}") from error


def _files_of(video: Path, place: Path) -> list[tuple[Path, Path]]:
    """Return the files of a video, which may be a folder of pictures, and where each one goes."""
    return [(video, place)] if video.is_file() else [(part, place / part.name) for part in pictures(video)]


def _is_packed(source: Path, folder: Path, *, is_untrusted: bool) -> bool:
    is_file = is_own_file if is_untrusted else Path.is_file
    parts = source.relative_to(folder).parts
    is_left_out = parts[0] in _LEFT_OUT or parts[0].startswith(f"{PROJECT_FILE}.")  # files of earlier versions
    return is_file(source) and not is_left_out and not any(part.endswith(".part") for part in parts)


def _copy_file(project: Project, copy: Path, with_videos: bool) -> dict[str, Path]:
    """Copy the database as it is now and return the videos to take in, by their path in the copy."""
    moved: dict[str, Path] = {}
    with project.database.read() as db, in_words(copy):
        target = sqlite3.connect(copy)
        try:
            db.backup(target)
            for video in project.library.videos() if with_videos else ():
                if not project.is_untrusted and not video.path.is_relative_to(project.folder) and video.path.exists():
                    place = place_of_copy(video.path.name, video.sha256)
                    moved[place] = video.path
                    target.execute("UPDATE videos SET path = ? WHERE id = ?", (place, video.id))
            target.commit()
        finally:
            target.close()
    return moved


def back_up(project: Project, folder: str | Path, *, keep: int = 0, with_videos: bool = True) -> Path:
    """Pack a project into a new file in `folder`, named by the time, and check the file; others may go on writing.

    Args:
        project: what is kept.
        folder: where backups lie; it is made where it is missing.
        keep: delete all backups of this name but so many of the newest; 0 keeps all.
        with_videos: take in videos from outside the project's folder.

    Raises:
        ProjectError: it cannot be written, or what was written is not what a project holds.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    path = folder / f"{project.folder.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.zip"
    if path.exists():
        raise ProjectError(f"{path} is there already: two backups cannot be of the same second")
    pack(project, path, with_videos=with_videos)
    _check_backup(path)
    backups = sorted(
        one for one in folder.glob("*.zip") if _BACKUP.fullmatch(one.name.removeprefix(project.folder.name))
    )
    for old in backups[:-keep] if keep else ():
        old.unlink()
    return path


def _check_backup(path: Path) -> None:
    """Read a backup as far as it can be read without opening it: every file's checksum, the database's own checks."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(dir=path.parent) as made:
            check_packing(archive.infolist())
            broken = archive.testzip()
            archive.extract(PROJECT_FILE, made)
            db = sqlite3.connect(Path(made) / PROJECT_FILE)
            try:
                found = db.execute("PRAGMA integrity_check").fetchone()[0]
            finally:
                db.close()
    except (*BROKEN_ZIP, sqlite3.DatabaseError) as error:
        raise ProjectError(f"the backup {path} cannot be read back: {error}") from error
    if broken is not None or found != "ok":
        raise ProjectError(f"the backup {path} is damaged ({broken or found}): check the disk, then make another")


def unpack(
    path: str | Path,
    folder: str | Path,
    *,
    max_bytes: int | None = None,
    keep_outside: bool = False,
    is_untrusted: bool = False,
) -> Project:
    """Open a packed project in a folder, which must be empty or not there yet.

    The database in it is never opened as ours: its rows are copied and checked (see `foreign.py`).

    Args:
        path: what `pack` made.
        folder: where the project is to lie.
        max_bytes: quota of the project; refuse what would take more than this.
        keep_outside: trust paths of videos outside the folder. Without it they are forgotten, as a stranger's project
            could name any file of this machine; such videos can be added again.
        is_untrusted: how the project is opened then; see `Project`.

    Raises:
        ProjectError: it is not a packed project, is too large, holds what no project does, or the folder holds
            something.
    """
    path, folder = Path(path), Path(folder).absolute()
    if folder.exists() and any(folder.iterdir()):
        raise ProjectError(f"{folder} is not empty: choose another folder for the project")
    part = folder.with_name(f".{folder.name}.part")
    foreign = folder.with_name(f".{folder.name}.foreign")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        if is_untrusted:
            check_archive(path)
        with zipfile.ZipFile(path) as archive:
            _extract(archive, path.name, part, foreign, max_bytes)
        copy_foreign(foreign, part / PROJECT_FILE, max_bytes=max_bytes, keep_outside=keep_outside)
        _check_size(path.name, size_of(part), max_bytes)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except BROKEN_ZIP as error:
        raise ProjectError(f"cannot unpack {path} into {folder}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        foreign.unlink(missing_ok=True)
    return Project.open(folder, max_bytes=max_bytes, is_untrusted=is_untrusted)


def check_archive(path: Path) -> None:
    """Look through the directory of a stranger's ZIP file, in a process with bounds: it may be larger than memory.

    Raises ProjectError.
    """
    run_confined("veason.project.folder:count_members", str(path), failure=ProjectError, what=path.name)


def count_members(path: str) -> int:
    """Return how many files a ZIP file holds, in this process, which should be confined. Raises ProjectError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return len(archive.infolist())
    except (*BROKEN_ZIP, MemoryError) as error:
        raise ProjectError(f"{Path(path).name} cannot be unpacked: it is damaged, or not a ZIP file") from error


def _extract(archive: zipfile.ZipFile, name: str, part: Path, foreign: Path, max_bytes: int | None) -> None:
    """Write the database of a packed project to `foreign`, and its other files below `part`, as plain files."""
    members = archive.infolist()
    if [one.filename for one in members].count(PROJECT_FILE) != 1:
        raise ProjectError(f"{name} is not a packed project: it holds no {PROJECT_FILE}, or more than one")
    if len(members) > _MOST_FILES:
        raise ProjectError(f"{name} holds {len(members)} files, at most {_MOST_FILES} are read")
    check_packing(members)
    _check_size(name, sum(one.file_size for one in members), max_bytes)
    for member in members:
        if member.filename == PROJECT_FILE:
            with archive.open(member) as source, foreign.open("xb") as target:
                shutil.copyfileobj(source, target)
        elif not member.is_dir() and member.filename.split("/")[0].casefold() not in _LEFT_OUT:
            if not is_plain_place(member.filename):
                raise ProjectError(f"{name} holds a file with a name that no project has: pack it anew")
            archive.extract(member, part)


def _check_size(name: str, size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        raise ProjectError(f"{name} holds {size / 1e6:.0f} MB, more than the {max_bytes / 1e6:.0f} MB allowed")


def last_used(folder: Path) -> float | None:
    """Return when a project was last written to, in seconds since 1970; None where there is none, or no more."""
    times = []
    for path in (folder / PROJECT_FILE, folder / f"{PROJECT_FILE}-wal"):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return max(times, default=None)


def enforce_quota(
    root: str | Path,
    max_bytes: int,
    max_age_s: float,
    *,
    may_end: Callable[[Path], AbstractContextManager[bool]] = lambda folder: nullcontext(True),
) -> tuple[Path, ...]:
    """Delete the projects directly below `root` that are too old, then the oldest until the rest fits.

    Args:
        root: the folder of the visitors' projects; folders that hold no project are left alone.
        max_bytes: what all projects may hold together.
        max_age_s: how long a project lives after it was last written to.
        may_end: a block in which nobody begins to use the project in a folder; it gives False where somebody does.
            Sizes take their time to be counted, so that it is asked of each project just before it ends.

    Returns:
        The folders that were deleted.
    """
    now = time.time()
    times = {folder: last_used(folder) for folder in Path(root).iterdir()}
    found = sorted((used, folder) for folder, used in times.items() if used is not None)
    sizes = {folder: size_of(folder) for _, folder in found}
    total = sum(sizes.values())
    deleted = []
    for used, folder in found:
        if now - used <= max_age_s and total <= max_bytes:
            continue
        with may_end(folder) as is_free:
            if not is_free or last_used(folder) != used:  # written to since
                continue
            (folder / PROJECT_FILE).unlink(missing_ok=True)  # first, so that half a project is none
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
        deleted.append(folder)
    return tuple(deleted)
