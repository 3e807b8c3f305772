"""What an error tells: all of what it is about, and never a million letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.made import CLIP
from veason.confined import run_confined
from veason.errors import MOST_LETTERS, MOST_SENTENCES, DataError, ProjectError
from veason.project import Project
from veason.project.listings import read_instructions, read_strangers_instructions
from veason.project.sources import add_videos


def raise_many(count: int) -> None:
    raise DataError(*(f"row {number} is wrong" for number in range(count)))


def test_a_long_text_is_cut_in_the_middle_and_the_sentences_of_a_list_are_not() -> None:
    long = str(DataError("begin " + "x" * 10**6 + " end"))
    assert len(long) == MOST_LETTERS
    assert long.startswith("begin")
    assert long.endswith("end")
    many = str(DataError("this", *(f"row {number} of the list is wrong" for number in range(MOST_SENTENCES - 1))))
    assert len(many) > MOST_LETTERS
    assert all(f"row {number} of" in many for number in range(MOST_SENTENCES - 1))
    assert str(DataError(*map(str, range(MOST_SENTENCES + 5)))).endswith("; and 5 more")


def test_a_list_of_faults_crosses_the_border_of_a_process() -> None:
    with pytest.raises(DataError) as raised:
        run_confined("tests.test_errors:raise_many", 150, failure=ProjectError, what="it", max_bytes=2**30)
    assert all(f"row {number} is wrong" in str(raised.value) for number in range(150))


def test_a_list_of_which_nothing_is_there_names_all_that_is_missing(tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    names = [f"a-clip-of-the-long-first-day-{number}.mp4" for number in range(120)]
    listing.write_text("video,instruction\n" + "".join(f"{name},the dog\n" for name in names))
    wanted = read_instructions(listing).wanted
    with Project.create(tmp_path / "project") as project, pytest.raises(ProjectError) as raised:
        add_videos(project, [CLIP], wanted, copy=False)
    assert all(f"{name}" in str(raised.value) for name in names)
    listing.write_text("video,instruction\n" + "".join(f"{name},\n" for name in names))
    for read in (read_instructions, read_strangers_instructions):
        with pytest.raises(ProjectError) as raised:
            read(listing)
        assert all(f"line {number}: " in str(raised.value) for number in range(2, 122))
