"""ZIP files of others: what cannot be read without a password or without bound is refused before it is unpacked."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from veason.errors import ProjectError
from veason.project.database import PROJECT_FILE
from veason.project.folder import unpack
from veason.zip_files import BROKEN_ZIP, check_packing


def packed(compression: int = zipfile.ZIP_DEFLATED, *, is_locked: bool = False, name: str = "labels.json") -> bytes:
    """Return a ZIP file with one file, by choice with the mark of a password on it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr(name, "[]" * 50)
    data = bytearray(stream.getvalue())
    if is_locked:
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(packed(is_locked=True), "'labels.json' is locked by a password", id="locked"),
        pytest.param(packed(zipfile.ZIP_LZMA), "'labels.json' is packed in an unusual way", id="lzma"),
    ],
)
def test_what_cannot_be_unpacked_safely_is_refused(data: bytes, message: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, pytest.raises(zipfile.BadZipFile, match=message):
        check_packing(archive.infolist())
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        check_packing(archive.infolist())


def test_a_locked_project_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "locked.zip").write_bytes(packed(is_locked=True, name=PROJECT_FILE))
    with pytest.raises(ProjectError, match="is locked by a password: pack it without one"):
        unpack(tmp_path / "locked.zip", tmp_path / "project")
    assert [each.name for each in tmp_path.iterdir()] == ["locked.zip"]


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]


@pytest.mark.parametrize("method", METHODS, ids=["stored", "deflated", "bzip2"])
def test_a_damaged_file_raises_nothing_that_is_not_listed(method: int, tmp_path: Path) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        archive.writestr("masks/a.txt", b"hello " * 200)
        archive.writestr("project.sqlite", bytes(range(256)) * 8)
    chance, refused = random.Random(method), 0
    for number in range(500):
        damaged = bytearray(whole.getvalue())
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = damaged[: chance.randrange(len(damaged))] if number % 5 == 0 else damaged
        try:
            with zipfile.ZipFile(io.BytesIO(cut)) as archive:
                check_packing(archive.infolist())
                archive.extractall(tmp_path / "out")
        except BROKEN_ZIP:
            refused += 1
    assert refused > 100
