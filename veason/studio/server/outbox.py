"""Files to download, uploads, and room for what is made on the way: one folder that is gone with the server."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

KEPT_FILES = 6
"""So many files to download are kept for each visitor."""


class Outbox:
    """Folders of the server's own.

    Attributes:
        folder: for what is made on the way; nothing in it can be downloaded.
        downloads: for files to download; their names cannot be guessed.
        uploads: where browsers' files arrive.
    """

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="veason-"))
        self.folder, self.downloads, self.uploads = (self._root / name for name in ("room", "downloads", "uploads"))
        for folder in (self.folder, self.downloads, self.uploads):
            folder.mkdir()
        self._lock = threading.Lock()
        self._made: defaultdict[str, list[Path]] = defaultdict(list)

    def new_folder(self, owner: str = "") -> Path:
        """Return an empty folder for a file that `owner` will download; the last few of every owner are kept."""
        folder = self.downloads / f"out-{secrets.token_urlsafe(12)}"
        folder.mkdir()
        with self._lock:
            made = self._made[owner]
            made.append(folder)
            old, self._made[owner] = made[:-KEPT_FILES], made[-KEPT_FILES:]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return folder

    def remove_old(self, max_age_s: float) -> None:
        """Delete the files to download that were made longer ago."""
        with self._lock:
            for owner, folders in list(self._made.items()):
                kept = [folder for folder in folders if _age(folder) <= max_age_s]
                for folder in set(folders) - set(kept):
                    shutil.rmtree(folder, ignore_errors=True)
                self._made[owner] = kept
                if not kept:
                    del self._made[owner]

    def close(self) -> None:
        """Delete everything in it."""
        shutil.rmtree(self._root, ignore_errors=True)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return float("inf")
