"""JSON files that are larger than memory: lists are collected in files of their own and put together at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from veason.errors import DataError
from veason.jsonkeys import unique_keys


class ListsFile:
    """A JSON object whose lists are written row by row, in any order; use it as a context manager.

    Args:
        path: the file.
        head: keys that come first, with their values.
        lists: the keys of the lists, in the order of the file.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], lists: Sequence[str]) -> None:
        self._path, self._head = path, dict(head)
        self._parts = {key: path.with_name(f"{path.name}.{key}.part") for key in lists}
        self._streams: dict[str, IO[bytes]] = {}

    def __enter__(self) -> ListsFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._streams = {key: part.open("wb") for key, part in self._parts.items()}
        return self

    def append(self, key: str, row: Mapping[str, Any]) -> None:
        """Add a row to the list `key`."""
        stream = self._streams[key]
        stream.write((b",\n" if stream.tell() else b"") + json.dumps(row, ensure_ascii=False).encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            stream.close()
        if kind is None:
            with self._path.open("wb") as stream:
                stream.write(json.dumps(self._head, ensure_ascii=False).encode()[:-1])
                for place, (key, part) in enumerate(self._parts.items()):
                    stream.write((b",\n" if self._head or place else b"") + json.dumps(key).encode() + b": [\n")
                    with part.open("rb") as rows:
                        shutil.copyfileobj(rows, stream)
                    stream.write(b"\n]")
                stream.write(b"\n}\n")
        for part in self._parts.values():
            part.unlink(missing_ok=True)


def read_json_file(file: Path, wanted: str) -> Any:
    """Return the content of a JSON file; `wanted` says in a few words what it should hold. Raises DataError."""
    try:
        return json.loads(file.read_bytes(), object_pairs_hook=unique_keys)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it should hold {wanted}") from error
    except ValueError as error:
        raise DataError(f"{file}: is not JSON ({error}); it should hold {wanted}") from error
    except RecursionError as error:
        raise DataError(f"{file}: is nested too deep for a file of labels; it should hold {wanted}") from error
