"""Work that takes its time says how far it is, gives what it made, and fails as it would alone."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from veason.errors import ExportError
from veason.studio.server.messages import Message
from veason.studio.server.progress import run_with_progress
from veason.types import OnProgress


def drained(steps: Generator[Message, None, str]) -> tuple[list[Any], str]:
    told: list[Any] = []
    try:
        while True:
            told += next(steps).items
    except StopIteration as end:
        return told, end.value


def test_every_part_is_told_and_the_result_comes_last() -> None:
    def write(tell: OnProgress) -> str:
        for number in range(1, 4):
            tell(number, 3)
        return "file.zip"

    told, made = drained(run_with_progress(write, "frames", every_s=0))
    assert made == "file.zip"
    assert [(one.done, one.count, one.unit) for one in told] == [(number, 3, "frames") for number in (1, 2, 3)]


def test_parts_that_come_fast_are_not_all_told() -> None:
    def write(tell: OnProgress) -> str:
        for number in range(1000):
            tell(number, 1000)
        return "file.zip"

    told, made = drained(run_with_progress(write, "frames", every_s=3600))
    assert (told, made) == ([], "file.zip")


def test_what_fails_fails_here_too() -> None:
    def write(tell: OnProgress) -> str:
        tell(1, 2)
        raise ExportError("the disk is full")

    with pytest.raises(ExportError, match="the disk is full"):
        drained(run_with_progress(write, "frames", every_s=0))
