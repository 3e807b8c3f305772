"""ZIP files to download."""

from __future__ import annotations

import zipfile
from pathlib import Path

STORED = (".png", ".jpg", ".mp4", ".zip", ".parquet")
"""Endings of files that a ZIP file cannot make smaller."""


def zip_folder(folder: Path, path: Path) -> Path:
    """Write the files of a folder into a ZIP file and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                how = zipfile.ZIP_STORED if file.suffix in STORED else zipfile.ZIP_DEFLATED
                archive.write(file, file.relative_to(folder), how)
    return path
