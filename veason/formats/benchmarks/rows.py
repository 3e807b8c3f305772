"""What the readers of expressions share: messages that name file and key, and the checks of a video's entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from veason.errors import DataError
from veason.formats.benchmarks.files import check_relative
from veason.jsonkeys import unique_keys

Category = Literal["malformed", "missing frame", "missing mask", "size mismatch", "unsorted frames", "missing file"]

_KINDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


class RowError(DataError):
    """A DataError that knows its category, so that a check can count it."""

    def __init__(self, message: str, category: Category = "malformed") -> None:
        super().__init__(message)
        self.category = category

    def __reduce__(self) -> tuple[type[RowError], tuple[str, Category]]:
        """Keep the category when the error crosses a process border."""
        return type(self), (str(self), self.category)


class _RowGuard:
    """Catches the DataError of a block and adds it to the complaints; there is one for each of many thousand rows."""

    __slots__ = ("_complaints",)

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, DataError):
            return False
        self._complaints.add(error if isinstance(error, RowError) else RowError(str(error)))
        return True


class Complaints:
    """What is wrong with a dataset. Normally the first complaint raises; a check collects them all."""

    def __init__(self, *, is_strict: bool = True) -> None:
        self.is_strict = is_strict
        self.found: list[RowError] = []

    def row(self) -> _RowGuard:
        """Return the context for reading one row: what is wrong with it does not stop a check."""
        return _RowGuard(self)

    def note(self, message: str) -> None:
        """Keep what is odd but has a meaning: it never raises."""
        if not self.is_strict:
            self.found.append(RowError(message))

    def add(self, error: RowError) -> None:
        """Raise the error, or keep it where all are collected."""
        if self.is_strict:
            raise error
        self.found.append(error)


def check_row(is_good: bool, file: Path, key: str, wanted: str, got: object, category: Category = "malformed") -> None:
    """Raise RowError "FILE: KEY: want ..., got ..." unless `is_good`."""
    if not is_good:
        text = repr(got)
        raise RowError(f"{file}: {key}: want {wanted}, got {text[:120]}{'...' if len(text) > 120 else ''}", category)


def get(entry: Any, key: str, kind: type, file: Path, where: str) -> Any:
    """Return `entry[key]`, which must be there and of type `kind`. Raises RowError."""
    check_row(isinstance(entry, dict), file, where, "an object", entry)
    if key not in entry:
        check_row(False, file, where, f"the key {key!r}", sorted(entry))
    value = entry[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        check_row(False, file, f"{where}.{key}", _KINDS.get(kind, kind.__name__), value)
    return value


def read_videos(file: Path, complaints: Complaints) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, entry) for each video of a file with expressions. Raises RowError."""
    content = _read_json(file)
    videos = get(content, "videos", dict, file, "top level")
    for name, entry in videos.items():
        with complaints.row():
            try:
                check_relative(name, "video")
            except DataError as error:
                raise RowError(f"{file}: videos: {error}") from error
            check_row(isinstance(entry, dict), file, f"videos.{name}", "an object", entry)
            yield name, entry


def id_list(row: Any, key: str) -> list[Any]:
    """Return the ids under `key`: some conversions of the format store a scalar where others store a list."""
    value = row.get(key, []) if isinstance(row, dict) else []
    return value if isinstance(value, list) else [value]


def video_frames(entry: dict[str, Any], file: Path, where: str, complaints: Complaints) -> tuple[str, ...]:
    """Return the frame names of a video.

    Masks are stored by position in this list and some loaders sort it, so an unsorted one has no safe meaning.
    """
    frames = get(entry, "frames", list, file, where)
    check_row(bool(frames), file, f"{where}.frames", "at least one frame", frames)
    for name in frames:
        check_row(isinstance(name, str) and bool(name) and "/" not in name, file, f"{where}.frames", "names", name)
    if list(frames) != sorted(set(frames)):
        complaints.add(
            RowError(
                f"{file}: {where}.frames: want ascending names without repeats (masks go by position, and loaders "
                f"sort), got {str(frames[:6])[:-1]}, ...]: sort the frames and the masks together",
                "unsorted frames",
            )
        )
    return tuple(frames)


def video_size(entry: dict[str, Any], file: Path, where: str) -> tuple[int, int]:
    """Return (width, height) as stored."""
    size_wh = (get(entry, "width", int, file, where), get(entry, "height", int, file, where))
    check_row(min(size_wh) > 0, file, where, "a positive width and height", size_wh)
    return size_wh


def _read_json(file: Path) -> Any:
    """Return the content of a JSON file. Raises RowError where it is missing or broken."""
    try:
        return json.loads(file.read_bytes(), object_pairs_hook=unique_keys)
    except OSError as error:
        raise RowError(
            f"{file}: cannot be read ({error.strerror}); it should hold the expressions: check the dataset's root, "
            "kind and split",
            "missing file",
        ) from error
    except ValueError as error:
        raise RowError(f"{file}: is not JSON ({error}); download or write it again") from error
