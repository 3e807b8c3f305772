"""A JSON file of masks read a row at a time: the place of every key is found once, a row is parsed when asked for.

ReVOS keeps all its masks in one file of hundreds of megabytes; parsing it whole costs gigabytes and many seconds.
Two layouts: `{"41": [mask or null, ...]}` (mask_dict.json), `{"clip_a": {"masks_rle": [...]}}` (foreground file).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from veason.atomic import atomic_file
from veason.errors import DataError, PromptError
from veason.formats.labels.numbers import checked_size, rle_of
from veason.masks import coco_dict, union_mask
from veason.types import Rle

_Span = tuple[int, int]

_MASK_KEY = re.compile(rb'"(\d+)"\s*:\s*(?=\[)')
_FOREGROUND_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*(?=\{\s*"(?:masks_rle|foreground_ratio)")')
_CHUNK, _OVERLAP = 1 << 23, 1 << 12


def read_mask_row(file: Path, key: str) -> tuple[Rle | None, ...]:
    """Return the masks of annotation `key` of a mask_dict.json, one a frame.

    Raises:
        DataError: the file or the key is missing, or the row is not a list of masks and nulls.
    """
    return _masks(*_stamp(file), key, False)


def read_foreground(file: Path, video: str) -> tuple[Rle | None, ...]:
    """Return the foreground masks of `video` from a mask_dict_foreground.json, one a frame. Raises DataError."""
    return _masks(*_stamp(file), video, True)


def has_foreground(file: Path, video: str) -> bool:
    """Tell whether the foreground file is there and knows `video`. Raises DataError where the file is broken."""
    return file.is_file() and video in _spans(*_stamp(file), True)


def raw_rows(file: Path, *, is_foreground: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield each key with its unparsed JSON value, in file order."""
    spans = _spans(*_stamp(file), is_foreground)
    with file.open("rb") as stream:
        for key, span in spans.items():
            yield key, _row(stream, span)


def masks_json(masks: Sequence[Rle | None]) -> bytes:
    """Return one row of mask_dict.json."""
    return json.dumps([coco_dict(mask) if mask else None for mask in masks]).encode()


@contextmanager
def row_writer(file: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Open `file` for rows `write(key, json value)`; it replaces the old file only when the block ends well."""
    with atomic_file(file) as stream:
        stream.write(b"{")
        count = 0

        def write(key: str, value: bytes) -> None:
            nonlocal count
            stream.write(b", " if count else b"")
            stream.write(json.dumps(key).encode() + b": " + value)
            count += 1

        yield write
        stream.write(b"}")


def _stamp(file: Path) -> tuple[Path, int, int]:
    """Return what tells one version of a file from the next."""
    try:
        status = file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it should hold the masks as RLE") from error
    return file, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=8)
def _spans(file: Path, size: int, _modified: int, is_foreground: bool) -> Mapping[str, _Span]:
    """Return the byte span from each key's value to the next key."""
    pattern = _FOREGROUND_KEY if is_foreground else _MASK_KEY
    with file.open("rb") as stream:
        stream.seek(max(0, size - 64))
        if not stream.read().rstrip().endswith(b"}"):
            raise DataError(f"{file}: does not end with a closing brace; it was cut off, download or write it again")
        keys = list(_find_keys(stream, pattern))
    stops = [*(start for _, start, _ in keys), size][1:]  # of no key without a mask
    try:
        return {json.loads(b'"' + key + b'"'): (value, stop) for (key, _, value), stop in zip(keys, stops, strict=True)}
    except ValueError as error:
        raise DataError(f"{file}: has a key that is no text ({error}); download or write it again") from error


def _find_keys(stream: BinaryIO, pattern: re.Pattern[bytes]) -> Iterable[tuple[bytes, int, int]]:
    """Yield (key, where the key starts, where its value starts), reading the stream in overlapping chunks."""
    stream.seek(0)
    base, last, buffer = 0, -1, b""
    while chunk := stream.read(_CHUNK):
        buffer += chunk
        for match in pattern.finditer(buffer):
            if base + match.start() > last:
                last = base + match.start()
                yield match[1], last, base + match.end()
        base, buffer = base + max(0, len(buffer) - _OVERLAP), buffer[-_OVERLAP:]


def _rle(entry: Any, place: str) -> Rle | None:
    """Return a mask of the file; several in a list stand for their union, as VISA's tools read them."""
    if isinstance(entry, list):
        return union_mask([_checked_rle(part, place) for part in entry]) if entry else None
    return None if entry is None else _checked_rle(entry, place)


def _checked_rle(entry: Any, place: str) -> Rle:
    height, width = entry["size"]
    return rle_of(entry, checked_size(width, height, f"{place}: size"), place)


def _row(stream: BinaryIO, span: _Span) -> bytes:
    start, stop = span
    stream.seek(start)
    text = stream.read(stop - start).rstrip()
    return text[:-1].rstrip()  # the comma before the next key, or the brace that closes the file


@lru_cache(maxsize=256)
def _masks(file: Path, size: int, modified: int, key: str, is_foreground: bool) -> tuple[Rle | None, ...]:
    spans = _spans(file, size, modified, is_foreground)
    if key not in spans:
        raise DataError(f"{file}: has no key {key!r}; the expressions name it, so the two files do not belong together")
    with file.open("rb") as stream:
        row = _row(stream, spans[key])
    try:
        entries: Any = json.loads(row)
        if is_foreground:
            entries = entries["masks_rle"]
        return tuple(_rle(entry, f"{file}: key {key!r}") for entry in entries)
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, PromptError, RecursionError) as error:
        raise DataError(
            f'{file}: key {key!r} should be a list of null and {{"size": [h, w], "counts": text}}, one a frame'
        ) from error
