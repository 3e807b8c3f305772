"""ZIP files in and out."""

from __future__ import annotations

import zipfile
from pathlib import Path

from veason.errors import DataError
from veason.video.images import is_system_file

STORED = (".png", ".jpg", ".mp4", ".zip", ".parquet")
"""Endings of files that a ZIP file cannot make smaller."""

_MOST_TIMES = 20
"""What an upload may hold unpacked, in times its own size; nothing of ours comes near it."""


def zip_folder(folder: Path, path: Path) -> Path:
    """Write the files of a folder into a ZIP file and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                how = zipfile.ZIP_STORED if file.suffix in STORED else zipfile.ZIP_DEFLATED
                archive.write(file, file.relative_to(folder), how)
    return path


def unzip(upload: Path, room: Path) -> Path:
    """Unpack an upload into an empty folder and return that folder, or the only folder or file in it.

    Raises:
        DataError: it is broken, or holds far more than it seems.
    """
    try:
        with zipfile.ZipFile(upload) as archive:
            size = sum(one.file_size for one in archive.infolist())
            if size > max(_MOST_TIMES * upload.stat().st_size, 100_000_000):
                raise DataError(f"{upload.name} holds {size / 1e6:.0f} MB unpacked: send it in parts")
            archive.extractall(room)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"cannot unpack {upload.name}: {error}") from error
    inside = [path for path in room.iterdir() if not is_system_file(path.name)]
    return inside[0] if len(inside) == 1 else room
