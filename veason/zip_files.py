"""ZIP files of others: what reading one raises, and how its files may be packed."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable

BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # locked by a password; also NotImplementedError, for what nobody can unpack
    ValueError,  # a name in no encoding, a place before the beginning
    LookupError,
    OverflowError,
)
"""What `zipfile` raises for files that are damaged, cut off, locked or packed in another way."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


def check_packing(members: Iterable[zipfile.ZipInfo]) -> None:
    """Raise BadZipFile where a file is packed in a way whose unpacking may take memory without bound."""
    for member in members:
        if member.compress_type not in _PACKED:
            raise zipfile.BadZipFile(f"{member.filename[:80]!r} is packed in an unusual way: pack it with deflate")
