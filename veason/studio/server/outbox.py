"""Files to download, uploads, and room for what is made on the way: one folder that is gone with the server."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veason.errors import SessionError
from veason.folders import files_in, size_of
from veason.types import Holding

KEPT_FILES = 6
"""So many files to download are kept for each visitor."""

TRANSFER_BYTES = 20_000_000_000
"""What uploads, downloads and what is made on the way may take together."""

MOST_FILES = 20_000
"""So many files they may be at most: they are counted for each upload, and a file of one byte takes room as well."""

SPARED_BYTES, SPARED_SHARE = 1_000_000_000, 0.1
"""What of the disk is left to others, whatever the budget says: the smaller of both."""


class Outbox:
    """Folders of the server's own.

    Args:
        most_bytes: what they may hold together; never more than the disk has.

    Attributes:
        folder: for what is made on the way; nothing in it can be downloaded.
        downloads: for files to download; their names cannot be guessed.
        uploads: where browsers' files arrive.
        shown: what the page itself fetches: its modules, and the pictures of the examples.
    """

    def __init__(self, most_bytes: int = TRANSFER_BYTES) -> None:
        self._most_bytes = most_bytes
        self._root = Path(tempfile.mkdtemp(prefix="veason-"))
        names = ("room", "downloads", "uploads", "shown")
        self.folder, self.downloads, self.uploads, self.shown = (self._root / name for name in names)
        for folder in (self.folder, self.downloads, self.uploads, self.shown):
            folder.mkdir()
        self._lock = threading.Lock()
        self._made: defaultdict[str, list[Path]] = defaultdict(list)
        self._expected = 0

    @property
    def holding(self) -> Holding:
        """What lies in all folders now, with what is on its way."""
        return Holding("uploads and downloads", size_of(self._root) + self._expected, self._allowed())

    def new_folder(self, owner: str = "") -> Path:
        """Return an empty folder for a file that `owner` will download; the last few of every owner are kept.

        Raises:
            SessionError: there is no room, and nothing that could go.
        """
        self.keep_within()
        if self.holding.held > self.holding.most:
            raise SessionError("the server has no room for files to download at the moment: try again in an hour")
        folder = self.downloads / f"out-{secrets.token_urlsafe(12)}"
        folder.mkdir()
        with self._lock:
            made = self._made[owner]
            made.append(folder)
            old, self._made[owner] = made[:-KEPT_FILES], made[-KEPT_FILES:]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return folder

    def show(self, name: str, content: bytes) -> str:
        """Keep a file that the page fetches for as long as the server runs, and return its address on the page."""
        path = self.shown / name
        path.write_bytes(content)
        return f"gradio_api/file={path}"

    @contextmanager
    def room_for(self, num_bytes: int) -> Iterator[bool]:
        """Keep room for bytes that arrive in the block; give whether there is any."""
        has_room = self.expect(num_bytes)
        try:
            yield has_room
        finally:
            if has_room:
                self.arrived(num_bytes)

    def expect(self, num_bytes: int) -> bool:
        """Note that so many bytes will arrive, and tell whether there is room for them; `arrived` takes it back."""
        with self._lock:
            sizes = [found.st_size for _, found in files_in(self._root)]
            if len(sizes) >= MOST_FILES or sum(sizes) + self._expected + num_bytes > self._allowed():
                return False
            self._expected += num_bytes
            return True

    def arrived(self, num_bytes: int) -> None:
        """Note that bytes that were expected arrived, or never will."""
        with self._lock:
            self._expected -= num_bytes

    def keep_within(self) -> None:
        """Delete files to download beyond the budget: the oldest of whoever has most, and the last one of nobody."""
        while self.holding.held > self.holding.most:
            with self._lock:
                sizes = {owner: [size_of(one) for one in made] for owner, made in self._made.items() if len(made) > 1}
                if not sizes:
                    return
                greedy = max(sizes, key=lambda owner: sum(sizes[owner]))
                oldest = self._made[greedy].pop(0)
            shutil.rmtree(oldest, ignore_errors=True)

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

    def _allowed(self) -> int:
        disk = shutil.disk_usage(self._root)
        spared = min(SPARED_BYTES, round(SPARED_SHARE * disk.total))
        return min(self._most_bytes, size_of(self._root) + max(0, disk.free - spared))


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return float("inf")
