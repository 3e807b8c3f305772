import os
from pathlib import Path

import pytest

from veason.atomic import atomic_file, write_atomically


@pytest.mark.parametrize("is_synced", [False, True])
def test_the_file_takes_its_name_only_when_the_block_ends_well(tmp_path: Path, is_synced: bool) -> None:
    path = tmp_path / "answers.json"
    path.write_text("earlier")
    with pytest.raises(TypeError, match="bytes-like"), atomic_file(path, is_synced=is_synced) as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert path.read_text() == "earlier"
    assert os.listdir(tmp_path) == ["answers.json"]
    with atomic_file(path, is_synced=is_synced) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "earlier"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["answers.json"]


def test_a_synced_file_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answers.json"
    sizes = []

    def note(descriptor: int) -> None:
        assert not path.exists()
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(path, "äbc\n", is_synced=True)
    assert sizes == [5]
    assert path.read_bytes() == "äbc\n".encode()


def test_a_name_as_long_as_the_disk_takes_it_will_do(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250 + ".json")
    write_atomically(path, "[]")
    assert path.read_text() == "[]"


def test_the_permissions_are_those_of_every_new_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "one", "")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "file", "")
