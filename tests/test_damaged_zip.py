"""ZIP files that were damaged: every error of reading one is among those that are caught everywhere."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from veason.zip_files import BROKEN_ZIP

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS, ids=["stored", "deflated", "bzip2", "lzma"])
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
                archive.extractall(tmp_path / "out")
        except BROKEN_ZIP:
            refused += 1
    assert refused > 100
