"""Files and folders that appear whole or not at all, and the checks of names and pictures that come before them.

A writer takes videos one at a time, so that a dataset larger than memory can be written. Files appear by rename, and
the file with the expressions comes last (an earlier one goes first): a dataset cut short does not open.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.atomic import write_atomically
from veason.errors import DataError


def check_relative(name: str, what: str) -> None:
    """Raise DataError unless `name` can be joined into a path and stays below it; slashes are fine."""
    if not name or name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise DataError(f"{what} name {name!r} cannot be a path below the dataset: rename it")


def picture_size(frame: np.ndarray | Path) -> tuple[int, int]:
    """Return (width, height) of an array or of a picture file, reading its header only. Raises DataError."""
    if isinstance(frame, np.ndarray):
        return frame.shape[1], frame.shape[0]
    try:
        with Image.open(frame) as picture:
            return picture.size
    except OSError as error:
        raise DataError(f"{frame}: not a readable picture ({error})") from error


def keyed_lines(file: Path, problem: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the rows of a file of JSON lines: (place in words, value of "key", the other values). Blank lines are none.

    Raises:
        DataError: a line is no JSON object with a "key"; the message tells the place, and `problem`.
    """
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{file}: line {number}"
        try:
            record = json.loads(line)
            key = record.pop("key")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{where} {problem}: {error!r}") from error
        yield where, key, record


def write_compact_json(file: Path, value: Any) -> None:
    """Write a JSON file in one line, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(value, ensure_ascii=False))


def fresh_folder(folder: Path) -> Path:
    """Return an empty folder beside `folder`, to be filled and then put in its place."""
    mark = hashlib.sha256(folder.name.encode()).hexdigest()[:16]  # a name may be as long as disks take it
    beside = folder.with_name(f".{mark}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    return beside


def put_folder(beside: Path, folder: Path) -> None:
    """Rename a filled folder into its place; what was there before is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    beside.replace(folder)
