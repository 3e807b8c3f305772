"""What runs in a confined process in `test_confined.py`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from veason.errors import DataError


def double(number: int) -> list[int]:
    print("a library talks")
    return [number, number]


def fill(count: int) -> int:
    return len(bytearray(count))


def spin() -> None:
    while True:
        pass


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse() -> None:
    raise DataError("line 3 is wrong")


def write(path: str, count: int) -> None:
    Path(path).write_bytes(b"x" * count)


def environment() -> dict[str, str]:
    return dict(os.environ)


def talk(count: int) -> str:
    return "x" * count
