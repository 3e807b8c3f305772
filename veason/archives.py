"""ZIP files that come from anywhere: what reading a damaged one raises."""

from __future__ import annotations

import lzma
import zipfile
import zlib

DAMAGED_ZIP: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError),
)
"""What `zipfile` raises where a file is damaged, cut off, encrypted, compressed in an unknown way, or lacks
what its directory names."""
