"""Lists of instructions, as spreadsheets and scripts write them: CSV with a heading line, or JSONL.

What cannot be read at all is refused; a row that makes no sense is left out and told by its number, and the rest is
taken. Nothing is guessed: not an encoding, not a column.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from veason.confined import run_confined
from veason.errors import ProjectError
from veason.jsonkeys import unique_keys

LISTING_COLUMNS = ("instruction", "video", "assignee")
"""The columns of a list; the last two may be missing."""

JSON_LINES = (".jsonl", ".ndjson")
"""Endings of lists with a JSON object a line; all others are CSV."""

_SEPARATORS = (",", ";", "\t", "|")
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LIKELY = ("utf-16-le", "utf-16-be", "gb18030", "shift_jis", "euc-kr", "windows-1251", "windows-1252")
_MOST_FIELD = 1 << 24
_MOST_ROWS = 50_000
_MOST_MEMORY = 400_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of a list; `video` is a path, a file name with or without ending, or "" for all.

    Attributes:
        row: where the list has it, such as "q.csv, line 3", "" where it came otherwise.
    """

    video: str
    instruction: str
    assignee: str | None = None
    row: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of an instructions file.

    Attributes:
        wanted: the valid rows, in order.
        left_out: a sentence for every other row, with its number and the reason.
    """

    wanted: tuple[Wanted, ...]
    left_out: tuple[str, ...] = ()


def read_instructions(path: str | Path, encoding: str | None = None) -> Listing:
    """Read a list of instructions.

    JSONL is split at line feeds alone, and a quoted cell of CSV may hold line breaks: whatever else looks like the end
    of a line is text. CSV is separated by commas, semicolons, tabs or bars, whichever its heading shows.

    Args:
        path: the file; JSONL by its ending, else CSV.
        encoding: of its text; UTF-8 where it is None. A byte order mark counts in any case.

    Raises:
        ProjectError: the file cannot be read, is in another encoding, or its heading does not name the columns.
    """
    path = Path(path)
    text = _text(path, encoding)
    rows = _json_lines(path, text) if path.suffix.lower() in JSON_LINES else _table(path, text)
    wanted: list[Wanted] = []
    left_out: list[str] = []
    for number, row in rows:
        found = row if isinstance(row, str) else _wanted(row, f"{path.name}, line {number}")
        if isinstance(found, Wanted):
            wanted.append(found)
        else:
            left_out.append(f"{path.name}, line {number}: {found}")
    if not wanted:
        raise ProjectError(f"{path} holds no instruction" + ("" if left_out else ": it is empty"), *left_out)
    return Listing(tuple(wanted), tuple(left_out))


def read_strangers_instructions(path: Path) -> Listing:
    """Read a list that a stranger sent, in a process with bounds on memory and time. Raises ProjectError."""
    wanted, left_out = run_confined(
        "veason.project.listings:rows_of", str(path), failure=ProjectError, what=path.name, max_bytes=_MOST_MEMORY
    )
    return Listing(tuple(Wanted(*map(_text_or_none, row)) for row in wanted), tuple(map(str, left_out)))  # type: ignore[arg-type]


def rows_of(path: str) -> tuple[list[list[str | None]], list[str]]:
    """Return what a list holds as JSON can, in this process, which should be confined. Raises ProjectError."""
    try:
        found = read_instructions(path)
    except (MemoryError, RecursionError) as error:
        raise ProjectError(f"{Path(path).name} needs too much memory to read: send it in parts") from error
    if len(found.wanted) + len(found.left_out) > _MOST_ROWS:
        raise ProjectError(f"{Path(path).name} has more than {_MOST_ROWS} lines: send it in parts")
    return [[one.video, one.instruction, one.assignee, one.row] for one in found.wanted], list(found.left_out)


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _wanted(row: dict[str, Any], place: str) -> Wanted | str:
    """Return a row, or why it is left out."""
    for key in LISTING_COLUMNS:
        if not isinstance(row.get(key) if row.get(key) is not None else "", (str, int, float)):
            return f"{key!r} should be a text, got {type(row[key]).__name__}"
    values = {key: str(row[key] if row.get(key) is not None else "").strip() for key in LISTING_COLUMNS}
    if any("\ud800" <= letter <= "\udfff" for value in values.values() for letter in value):
        return "holds half a letter (a lone surrogate)"
    if not values["instruction"]:
        return "there is no instruction"
    return Wanted(values["video"], values["instruction"], values["assignee"] or None, place)


def _text(path: Path, encoding: str | None) -> str:
    """Return the text of a list, line breaks as they are. Raises ProjectError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProjectError(f"cannot read {path}: {error.strerror or error}") from error
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(encoding or marked or "utf-8")
    except LookupError as error:
        raise ProjectError(f"there is no encoding {encoding!r}: try utf-8, utf-16 or windows-1252") from error
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        line = content[:at].count(b"\n") + 1
        raise ProjectError(
            f"{path}, line {line}: is not {encoding or marked or 'UTF-8'}{_others(content, encoding)}: save it as "
            "UTF-8, or name its encoding with --encoding"
        ) from error
    if "\0" in text:
        raise ProjectError(f"{path}: holds zero bytes, as text in UTF-16 does without a mark: save it as UTF-8")
    return text.removeprefix("\ufeff")


def _others(content: bytes, encoding: str | None) -> str:
    """Return in words which encodings would fit a text that is not UTF-8; which of them is right nobody can tell."""
    fitting = []
    for name in _LIKELY:
        try:
            text = content.decode(name)
        except UnicodeError:
            continue
        if name != encoding and all(letter.isprintable() or letter in "\r\n\t" for letter in text):
            fitting.append(name)
    return f" (it would fit {' or '.join(fitting)})" if fitting else ""


def _table(path: Path, text: str) -> list[tuple[int, dict[str, Any] | str]]:
    """Return (line, row or what is wrong with it) of a CSV text."""
    first = text.lstrip("\r\n").partition("\n")[0]
    told, separator = _separator(first)
    lines = text if told is None else text.lstrip("\r\n").partition("\n")[2]
    skipped = text.count("\n") - lines.count("\n") if told is not None else 0
    rows: list[tuple[int, dict[str, Any] | str]] = []
    csv.field_size_limit(_MOST_FIELD)
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=separator, strict=True)
    heading: list[str] | None = None
    began = skipped + 1
    try:
        for cells in reader:
            at, began = began, skipped + reader.line_num + 1
            if not cells or (heading is None and not any(cell.strip() for cell in cells)):
                continue
            if heading is None:
                heading = _heading(path, cells, separator)
                rows += [
                    (at, f"the column {name!r} is none of ours") for name in heading if name not in LISTING_COLUMNS
                ]
            elif any(cell.strip() for cell in cells[len(heading) :]):
                rows.append(
                    (at, f"has {len(cells)} cells, the heading {len(heading)}: quote what holds a {separator!r}")
                )
            else:
                rows.append((at, dict(zip(heading, cells, strict=False))))
    except csv.Error as error:
        raise ProjectError(f"{path}, line {began}: is not CSV ({error}): is a quotation mark missing?") from error
    if heading is None:
        raise ProjectError(f"{path}: is empty; the first line should name the columns {', '.join(LISTING_COLUMNS)}")
    return rows


def _separator(first: str) -> tuple[str | None, str]:
    """Return the line with which Excel is told the separator, where that is the first, and the separator."""
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        return first, first.strip()[4]
    for separator in _SEPARATORS:
        names = [name.strip().strip('"').strip().casefold() for name in first.split(separator)]
        if "instruction" in names and len(names) > 1:
            return None, separator
    return None, ","


def _heading(path: Path, cells: list[str], separator: str) -> list[str]:
    """Return the names of the columns. Raises ProjectError where one is missing, unknown or comes twice."""
    names = [cell.strip().casefold() for cell in cells]
    while names and not names[-1]:
        names.pop()
    such_as = separator.join((*reversed(LISTING_COLUMNS[:2]), "assignee"))
    wanted = f"the first line should name the columns, such as {such_as}"
    if "instruction" not in names:
        raise ProjectError(
            f"{path}: the column 'instruction' is missing, there is {', '.join(map(repr, cells))}: {wanted}"
        )
    unknown = [cell.strip() for cell, name in zip(cells, names, strict=False) if name not in LISTING_COLUMNS]
    if unknown and "video" not in names:
        raise ProjectError(
            f"{path}: no column is called {', '.join(map(repr, unknown))}, and none 'video': rows would be "
            f"about all videos. Name them {', '.join(LISTING_COLUMNS)}, or leave the others out"
        )
    if len(set(names)) < len(names):
        raise ProjectError(f"{path}: a column comes twice in {', '.join(map(repr, cells))}")
    return names


def _json_lines(path: Path, text: str) -> list[tuple[int, dict[str, Any] | str]]:
    """Return (line, row or what is wrong with it) of a text with a JSON object a line."""
    rows: list[tuple[int, dict[str, Any] | str]] = []
    told: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip(" \t\r"):
            continue
        try:
            row = json.loads(line, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError) as error:
            rows.append((number, f"is not JSON ({error})"))
            continue
        if not isinstance(row, dict):
            rows.append((number, 'should be an object such as {"instruction": "the ball"}'))
            continue
        unknown = sorted(set(row) - set(LISTING_COLUMNS))
        if unknown and "video" not in row:
            named = ", ".join(map(repr, unknown))
            rows.append((number, f"has no key 'video' but {named}: keys are {', '.join(LISTING_COLUMNS)}"))
            continue
        rows += [(number, f"the key {key!r} is none of ours") for key in unknown if key not in told]
        told.update(unknown)
        rows.append((number, row))
    if not rows:
        raise ProjectError(f'{path}: is empty; a line should be an object such as {{"instruction": "the ball"}}')
    return rows
