"""The journal of an evaluation: one JSON line per finished expression, so that a killed run can be resumed.

A line is valid if it ends in a newline and has the right checksum. Opening the journal truncates it after the last
valid line. Lines are flushed to the operating system at once and synced to disk about once per second.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from veason.errors import DataError
from veason.locks import take_lock

JOURNAL_FILE = "results.journal"
SYNC_SECONDS = 1.0


class Journal:
    """The journal of one output folder, open for appending. It is locked against a second run in the folder.

    `rows` has the finished rows of earlier runs, by key.

    Args:
        folder: the output folder.
        identity: the evaluation; a journal of another one is not continued.

    Raises:
        DataError: the folder has another evaluation, or one is running in it.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL_FILE
        self._stream = self.path.open("ab+")
        try:
            if not take_lock(self._stream):
                raise DataError(f"{folder}: another evaluation is running there: wait for it, or choose another --out")
            lines, length = _read(self._stream)
            if lines and lines[0].get("identity") != identity:
                raise DataError(
                    f"{folder} holds {_difference(lines[0].get('identity'), identity)}: choose another --out"
                )
        except DataError:
            self._stream.close()
            raise
        self._stream.truncate(length)
        self._synced = time.monotonic()
        self.rows = _rows_of(lines)
        if not lines:
            self._write({"identity": dict(identity)})

    def append(self, row: dict[str, Any]) -> None:
        """Append the row of one expression; it replaces an earlier row of the same key."""
        self._write(row)
        self.rows[row["key"]] = row

    def _write(self, row: Mapping[str, Any]) -> None:
        text = json.dumps(row, ensure_ascii=False, sort_keys=True)
        self._stream.write(f"{zlib.crc32(text.encode()):08x} {text}\n".encode())
        self._stream.flush()
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._stream.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sync()
        self._stream.close()


def read_journal(file: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return what was evaluated and the rows by key, without keeping others from the folder.

    Raises:
        DataError: there is no journal, or it holds no whole line.
    """
    try:
        with file.open("rb") as stream:
            lines, _ = _read(stream)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error}): name the folder that `veason eval --out` wrote") from error
    if not lines or not isinstance(lines[0].get("identity"), dict):
        raise DataError(f"{file}: is not the journal of an evaluation: run `veason eval` again")
    return lines[0]["identity"], _rows_of(lines)


def _rows_of(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in lines[1:] if isinstance(row.get("key"), str)}


def _read(stream: Any) -> tuple[list[dict[str, Any]], int]:
    """Return the valid lines and their length in bytes, up to the first invalid line."""
    stream.seek(0)
    lines: list[dict[str, Any]] = []
    length = 0
    for line in stream:
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != f"{zlib.crc32(text):08x}".encode():
            break
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict):
            break
        lines.append(row)
        length += len(line)
    return lines, length


def _difference(old: Any, new: Mapping[str, Any]) -> str:
    if not isinstance(old, dict):
        return "the results of another program"
    changed = [f"{key} {old.get(key)!r} (now {new.get(key)!r})" for key in new if old.get(key) != new.get(key)]
    return f"another evaluation: {', '.join(changed)}"
