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
    NotImplementedError,  # packed in a way that nobody here can unpack
    ValueError,  # a name in no encoding, a place before the beginning
    LookupError,
    OverflowError,
)
"""What `zipfile` raises for files that are damaged, cut off or packed in another way."""

_LOCKED = 1
"""The bit of a file's flags that says that it is encrypted. Source: PKWARE's APPNOTE, 4.4.4."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


def check_packing(members: Iterable[zipfile.ZipInfo]) -> None:
    """Raise BadZipFile where a file is locked, or packed in a way whose unpacking may take memory without bound."""
    for member in members:
        if member.flag_bits & _LOCKED:
            raise zipfile.BadZipFile(f"{member.filename[:80]!r} is locked by a password: pack it without one")
        if member.compress_type not in _PACKED:
            raise zipfile.BadZipFile(f"{member.filename[:80]!r} is packed in an unusual way: pack it with deflate")
