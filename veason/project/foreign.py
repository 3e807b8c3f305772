"""A database that comes from anybody: never opened as ours. Its rows are copied, checked, into tables that we made.

`copy_foreign_file` runs in a process of its own (see `veason.confined`). In there the file is opened for reading, as it
lies, without its log; nothing of its schema is trusted; and only plain tables of ours with exactly our columns are
read. What rows may hold stands in `foreign_rows`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from veason.confined import run_confined
from veason.errors import ProjectError
from veason.project.database import create_file, in_words
from veason.project.foreign_rows import TABLES, check_copy, checked
from veason.project.schema import APPLICATION_ID, VERSION, migrate

_MOST_TEXT = 32_000_000
"""Bytes of one value."""

_ROWS_AT_ONCE = 500

_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What code raises that reads a value which is not what it should be."""


def copy_foreign(source: Path, target: Path, *, max_bytes: int | None, keep_outside: bool) -> None:
    """Copy what a foreign database holds into a new project file of this version.

    Args:
        source: the foreign file.
        target: the file to make.
        max_bytes: how large it may be.
        keep_outside: leave paths of videos outside the project as they are; without it they are forgotten.

    Raises:
        ProjectError: it is not a project, holds something that no project does, or is damaged.
    """
    run_confined(
        "veason.project.foreign:copy_foreign_file",
        str(source),
        str(target),
        keep_outside,
        failure=ProjectError,
        what="this project",
        max_written=max_bytes,
    )


def copy_foreign_file(source: str, target: str, keep_outside: bool) -> None:
    """Do what `copy_foreign` says, in this process, which should be confined. Raises ProjectError."""
    try:
        with in_words(Path(target)), _foreign(Path(source)) as (theirs, version):
            create_file(Path(target), version)
            with closing(sqlite3.connect(target, isolation_level=None)) as ours:
                ours.execute("PRAGMA synchronous = OFF")  # the copy counts once it is whole
                ours.execute("BEGIN IMMEDIATE")
                for table in TABLES:
                    _copy_table(theirs, ours, table, version, keep_outside=keep_outside)
                if version < VERSION:
                    migrate(ours, version)
                check_copy(ours)
                ours.execute("COMMIT")
                ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise ProjectError(f"the database of this project is damaged, or not one of Veason: {error}") from error
    except _MALFORMED as error:
        raise ProjectError(f"this project holds something that Veason never wrote ({type(error).__name__})") from error


@contextmanager
def _foreign(path: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """Open a foreign file as far as it can be trusted, and tell the version of its tables."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        for limit, bound in (
            (sqlite3.SQLITE_LIMIT_LENGTH, _MOST_TEXT),
            (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            db.setlimit(limit, bound)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON"):
            db.execute(f"PRAGMA {pragma}")
        found = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if found != APPLICATION_ID:
            raise ProjectError("this is not a Veason project: its database was made by something else")
        if version > VERSION:
            raise ProjectError("this project was made by a newer Veason: update this one to open it")
        if version < 1:
            raise ProjectError("this is not a Veason project: its database names no version")
        _check_schema(db, version)
        db.set_authorizer(_allow_reading)
        yield db, version


def _check_schema(db: sqlite3.Connection, version: int) -> None:
    """Raise ProjectError unless the file has the tables of its version with exactly their columns, and nothing else."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as blank:
        migrate(blank, 0, version)
        wanted = _tables(blank)
        found = _tables(db)
        if found != wanted:
            odd = sorted(f"{kind} {name[:40]}" for kind, name in (found.items() ^ wanted.items()))
            raise ProjectError(f"this is not a project that Veason made; of its database differs: {', '.join(odd[:5])}")
        for name in wanted:
            if _columns(db, name) != _columns(blank, name):
                raise ProjectError(f"this is not a project that Veason made: its table {name} has other columns")


def _tables(db: sqlite3.Connection) -> dict[str, str]:
    """Return what a schema holds but for indices, by name: "table" only for what was made by a plain CREATE TABLE."""
    found = {}
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_schema WHERE type <> 'index'"):
        if name == "sqlite_sequence" or name.startswith("sqlite_stat"):
            continue
        is_plain = kind == "table" and str(sql).upper().startswith("CREATE TABLE")
        found[str(name)] = "table" if is_plain else f"{kind} (not a plain table)"
    return found


def _columns(db: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """Return names of columns, and whether each is computed (not 0)."""
    return [(row[1], row[6]) for row in db.execute("SELECT * FROM pragma_table_xinfo(?)", (table,))]


def _allow_reading(action: int, table: str | None, column: str | None, schema: str | None, source: str | None) -> int:
    """Allow plain reading of our tables: no function, no pragma, nothing that a view or trigger does."""
    if source is not None:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    is_ours = action == sqlite3.SQLITE_READ and schema == "main" and table in TABLES
    return sqlite3.SQLITE_OK if is_ours else sqlite3.SQLITE_DENY


def _copy_table(
    theirs: sqlite3.Connection, ours: sqlite3.Connection, table: str, version: int, *, keep_outside: bool
) -> None:
    columns = [name for name, _ in _columns(ours, table)]
    if not columns:  # a later version brought it
        return
    rows = theirs.execute(f"SELECT {', '.join(columns)} FROM main.{table} NOT INDEXED")
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    while batch := rows.fetchmany(_ROWS_AT_ONCE):
        kept: list[Sequence[object]] = []
        for row in batch:
            values = checked(table, dict(zip(columns, row, strict=True)), keep_outside=keep_outside)
            if values is not None:
                kept.append([values[name] for name in columns])
        ours.executemany(into, kept)
