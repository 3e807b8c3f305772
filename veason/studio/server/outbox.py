"""Files to download, and room for what is made on the way to them."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

_KEPT_OUT = 20


class Outbox:
    """A folder of its own that is gone with the server."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="veason-"))

    def new_folder(self) -> Path:
        """Return an empty folder for a file to download; of earlier ones the last few are kept."""
        made = sorted(self.folder.glob("out-*"), key=lambda folder: folder.stat().st_mtime)
        for old in made[: max(0, len(made) - _KEPT_OUT)]:
            shutil.rmtree(old, ignore_errors=True)
        folder = self.folder / f"out-{secrets.token_urlsafe(12)}"
        folder.mkdir()
        return folder

    def close(self) -> None:
        """Delete everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
