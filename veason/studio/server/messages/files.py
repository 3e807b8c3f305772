"""Items about files, and lines for the visitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeItem:
    """A line for the visitor."""

    KIND: ClassVar = "notice"
    level: Literal["error", "info"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem:
    """A file to download: its `path` on the server and its `name` for the visitor."""

    KIND: ClassVar = "file"
    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedItem:
    """A file was written: its `name`, its size in `bytes`, and what it holds and lost, in `lines`."""

    KIND: ClassVar = "exported"
    name: str
    bytes: int
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedItem:
    """Clips or labels came into the project of that key."""

    KIND: ClassVar = "added"
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenItem:
    """So many of `count` parts of a file are `done`; `unit` is what they are called, as "frames"."""

    KIND: ClassVar = "written"
    done: int
    count: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredItem:
    """The files are moved, or could not be."""

    KIND: ClassVar = "transferred"
