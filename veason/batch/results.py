"""The folder of a batch: one file a job, which appears whole or not at all, and locks that end with their process.

OUT/results/<first two digits>/<key>.json     answer and masks, or the error
OUT/taken/<key>                               locked while a process works on it
OUT/batch.lock                                held by every run: shared by those that take turns, alone by a cluster's
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from veason.atomic import write_atomically
from veason.errors import ExportError
from veason.locks import take_lock

_KEY = re.compile("[0-9a-f]{32}")
_ALWAYS = frozenset({"key", "error", "size_wh", "objects"})
"""What every result says."""


class ResultFolder:
    """Where results are kept. Any number of processes may use one at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, key: str) -> Path:
        """Return the file of a job's result."""
        return self.folder / "results" / key[:2] / f"{key}.json"

    @contextmanager
    def running(self, *, is_alone: bool) -> Iterator[None]:
        """Hold the folder while a run works in it; runs that are not alone help each other.

        Raises:
            ExportError: another run is at work with which this one cannot share, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = (self.folder / "batch.lock").open("ab")
        except OSError as error:
            raise ExportError(f"cannot write into {self.folder} ({error.strerror}): choose another --out") from error
        with stream:
            if not take_lock(stream, is_shared=not is_alone):
                raise ExportError(
                    f"{self.folder}: another run is at work there, and one of the two gives its work to a cluster, "
                    "which shares with nobody: wait for it, or choose another --out"
                )
            yield

    def done(self, *, retry_errors: bool = False) -> set[str]:
        """Return the keys of the jobs that have a result; with `retry_errors`, of those whose result is no error."""
        keys = {file.stem for file in self._files()}
        return {key for key in keys if not self.read(key).get("error")} if retry_errors else keys

    def has(self, key: str) -> bool:
        """Tell whether a job has a result."""
        return self.place(key).is_file()

    def stamp(self, key: str) -> int | None:
        """Return what changes when a job's result is made anew, None where it has none."""
        try:
            return self.place(key).stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, key: str) -> dict[str, Any]:
        """Return a result. Raises ExportError where there is none that can be read."""
        try:
            record = json.loads(self.place(key).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise ExportError(f"{self.place(key)}: is no result ({error}): delete it, and it is made again") from error
        if not (isinstance(record, dict) and set(record) >= _ALWAYS):
            raise ExportError(f"{self.place(key)}: is no result: delete it, and it is made again")
        return record

    def write(self, key: str, record: dict[str, Any]) -> None:
        """Keep a result, whole and on the disk before its name is seen. Raises ExportError where it cannot be."""
        target = self.place(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, json.dumps(record, ensure_ascii=False), is_synced=True)
        except OSError as error:
            raise _full(target.parent, error) from error

    @contextmanager
    def taking(self, key: str) -> Iterator[int | None]:
        """Hold a job while the block runs: the number of processes that died while they held it, None where one does.

        The file grows by a byte a holder and goes when the block ends, so that what is left of it counts the deaths.
        """
        place = self.folder / "taken" / key
        with self._taken(place) as stream:
            if not _lock(stream.fileno(), place):
                yield None
                return
            died = os.fstat(stream.fileno()).st_size
            _mark(stream, place)
            try:
                yield died
            finally:
                place.unlink(missing_ok=True)

    def _taken(self, place: Path) -> IO[bytes]:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            return place.open("ab")
        except OSError as error:
            raise _full(place.parent, error) from error

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every result, in the order of the keys."""
        for file in sorted(self._files()):
            yield self.read(file.stem)

    def _files(self) -> Iterator[Path]:
        """Yield the files of results; what else lies beside them is none."""
        for file in (self.folder / "results").glob("??/*.json"):
            if _KEY.fullmatch(file.stem) and file.parent.name == file.stem[:2]:
                yield file


def _lock(descriptor: int, place: Path) -> bool:
    """Lock an open file for this process, however it ends; False where another one has, or it is no longer `place`."""
    try:
        return take_lock(descriptor) and os.fstat(descriptor).st_ino == place.stat().st_ino
    except FileNotFoundError:
        return False


def _mark(stream: IO[bytes], place: Path) -> None:
    """Add a holder to those that a file counts. Raises ExportError where the disk has no room for it."""
    try:
        stream.write(b".")
        stream.flush()
    except OSError as error:
        with suppress(OSError):
            stream.close()  # what is still in its buffer would be tried once more
        place.unlink(missing_ok=True)
        raise _full(place.parent, error) from error


def _full(folder: Path, error: OSError) -> ExportError:
    return ExportError(
        f"cannot keep a result in {folder} ({error.strerror or error}): make room and start again; what is done stays"
    )
