"""Connections to one project file: lent for a block and given back, short transactions, and errors in words.

Every commit reaches the disk before it returns (write-ahead log, synchronous=FULL).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from veason.errors import ProjectError
from veason.project.schema import APPLICATION_ID, VERSION, migrate

PROJECT_FILE = "project.sqlite"
TIMEOUT_S = 10.0
"""How long a writer waits for another one."""

KEPT_CONNECTIONS = 2
"""So many connections stay open while nobody uses them; each takes three descriptors."""

CONNECTION_BYTES = 2 << 20
"""What a connection may take in memory; SQLite gives it back when the connection closes."""

_PAGES_KIB = 1792
"""What of it may be pages of the file: SQLite holds to that, and needs some 160 KB for what it knows of the tables."""

WAL_LIMIT = 64 * 1024 * 1024
"""The write-ahead log shrinks back to this many bytes once it was taken over."""


class _Connection(sqlite3.Connection):
    """One that knows whether its block writes."""

    is_writing = False


class Database:
    """The file behind a project. May be used from any thread; a forked process gets connections of its own.

    Args:
        path: the file, which must exist.
        max_bytes: refuse to grow beyond this size.
        timeout_s: how long to wait for another writer.

    Raises:
        ProjectError: it is not a project file, is of a newer version, or cannot be opened.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path
        self.is_read_only = False
        self._max_bytes, self._timeout_s = max_bytes, timeout_s
        self._most_idle = KEPT_CONNECTIONS
        self._reset()
        try:
            with in_words(path):
                self._check_file()
                self._migrate()
        except BaseException:
            self.close()
            raise

    def _reset(self) -> None:
        self._pid, self._here = os.getpid(), threading.local()
        self._lock, self._lending = threading.RLock(), threading.Lock()
        self._idle: list[_Connection] = []
        self._lent: set[_Connection] = set()

    def _check_file(self) -> None:
        try:
            with self._connection() as here:
                found = here.execute("PRAGMA application_id").fetchone()[0]
                here.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or self.is_read_only:
                raise
            self._fall_back_to_reading()
            return self._check_file()
        if found != APPLICATION_ID:
            raise ProjectError(f"{self.path} is not a Veason project: it should be made by `veason project new`")
        if not self.is_read_only and not _is_writable(self.path):
            self._fall_back_to_reading()

    def _fall_back_to_reading(self) -> None:
        self.close()
        self._reset()
        self._most_idle, self.is_read_only = KEPT_CONNECTIONS, True

    def _migrate(self) -> None:
        with self._connection() as here:
            version = here.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ProjectError(
                f"{self.path} was made by a newer Veason (version {version} of the tables, this one knows {VERSION}): "
                "update Veason to open it; nothing was changed"
            )
        if version == VERSION:
            return
        if version:
            self._keep_earlier(version)
        with self.write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
            if version < VERSION:
                migrate(db, version)

    def _keep_earlier(self, version: int) -> None:
        """Keep the file as it is beside itself, for who goes back to the program that made it."""
        if self.is_read_only:
            return  # `write` tells so
        kept = earlier_file(self.path, version)
        part = kept.with_name(f".{kept.name}.{os.getpid()}.part")
        try:
            with self._connection() as here:
                copy_database(here, part)
            if version_of(part) == version:  # another process may have been faster
                part.replace(kept)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one transaction: all of it is on the disk when the block ends, or none of it.

        Inside another such block of the same thread it is a part of that one's transaction.

        Raises:
            ProjectError: the project is read-only, the disk is full, or another program keeps it locked.
        """
        if self.is_read_only:
            raise ProjectError(
                f"{self.path.parent} is read-only: copy the project to a folder that can be written to, to change it"
            )
        with self._lock, in_words(self.path), self._connection() as here:
            if here.is_writing:
                yield here
                return
            if not self.path.exists():  # SQLite would write into the file that nobody can reach any more
                raise ProjectError(
                    f"{self.path.parent} was deleted or moved while it was open: nothing of this change was kept; put "
                    "the folder back, then try again"
                )
            here.execute("BEGIN IMMEDIATE")
            here.is_writing = True
            try:
                yield here
                here.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk may have rolled back already
                    here.execute("ROLLBACK")
                raise
            finally:
                here.is_writing = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the project throughout the block."""
        with in_words(self.path), self._connection() as here:
            if here.in_transaction:
                yield here
                return
            here.execute("BEGIN")
            try:
                yield here
            finally:
                here.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Give a connection of its own that sees one state for as long as the block lasts, whatever is written."""
        with in_words(self.path):
            own = self._connect()
            try:
                own.execute("BEGIN")
                yield own
            finally:
                own.close()

    @property
    def num_bytes(self) -> int:
        """What the open connections may take in memory."""
        with self._lending:
            return CONNECTION_BYTES * (len(self._idle) + len(self._lent))

    def close(self) -> None:
        """Close all connections; the last one to close takes the write-ahead log into the file.

        Used again, it opens one for each block, and closes it as the block ends: nobody would close it later.
        """
        for connection in self._taken():
            connection.close()

    def release(self) -> None:
        """Close the connections that nobody uses, and the others as they come back; nothing that goes on is broken.

        Used again, it is as after `close`.
        """
        for connection in self._taken(is_lent=False):
            connection.close()

    def _taken(self, *, is_lent: bool = True) -> list[_Connection]:
        """Forget all connections, keep none from now on; return those to close now: also lent ones, or only others."""
        if self._pid != os.getpid():
            return []
        with self._lending:
            self._most_idle = 0
            ending = [*self._idle, *(self._lent if is_lent else ())]
            self._idle.clear()
            self._lent.clear()
        return ending

    @contextmanager
    def _connection(self) -> Iterator[_Connection]:
        """Lend a connection for the block; a block inside it, in the same thread, gets the same one."""
        if self._pid != os.getpid():
            self._inherited = (self._idle, self._lent)  # closing them here would drop the locks of the other process
            self._reset()
        outer: _Connection | None = getattr(self._here, "connection", None)
        if outer is not None:
            yield outer
            return
        connection, pid = self._lend(), self._pid
        self._here.connection = connection
        try:
            yield connection
        finally:
            if self._pid == pid:  # else the block forked, and the connection is the other process's
                self._here.connection = None
                self._take_back(connection)

    def _lend(self) -> _Connection:
        with self._lending:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        with self._lending:
            self._lent.add(connection)
        return connection

    def _take_back(self, connection: _Connection) -> None:
        """Keep a connection for the next block, or close it where enough are kept or the file was closed meanwhile."""
        with self._lending:
            is_kept = connection in self._lent and len(self._idle) < self._most_idle and not connection.in_transaction
            self._lent.discard(connection)
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()

    def _connect(self) -> _Connection:
        query = "mode=ro&immutable=1" if self.is_read_only and not _has_wal(self.path) else "mode=rw"
        if self.is_read_only and _has_wal(self.path):
            query = "mode=ro"
        connection = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?{query}",
            uri=True,
            timeout=self._timeout_s,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")  # the file may come from anybody
        connection.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        if not self.is_read_only:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
            if self._max_bytes is not None:
                page = connection.execute("PRAGMA page_size").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {max(self._max_bytes // page, 1)}")
        return connection


def next_revision(db: sqlite3.Connection) -> int:
    """Return the revision that the next line of the log will have."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
    return (row[0] if row else 0) + 1


def earlier_file(path: Path, version: int) -> Path:
    """Return where the file of an earlier version is kept when it is brought up to date."""
    return path.with_name(f"{path.name}.version-{version}")


def version_of(path: Path) -> int:
    """Return the version of the tables of a project file."""
    db = sqlite3.connect(path)
    try:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        db.close()
    return found


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy one state of a database to a new file, whatever is written meanwhile. Raises ProjectError."""
    with in_words(target):
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()


def create_file(path: Path, version: int = VERSION) -> None:
    """Make an empty project file, maybe of an earlier version; it appears whole or not at all. Raises ProjectError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with in_words(path):
        try:
            connection = sqlite3.connect(part, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                migrate(connection, 0, version)
                connection.execute("COMMIT")
            finally:
                connection.close()
            _put_in_place(part, path)
        except FileExistsError as error:
            raise ProjectError(f"{path.parent} is a project already: open it, or choose another folder") from error
        except OSError as error:
            raise ProjectError(f"cannot make a project in {path.parent}: {error.strerror or error}") from error
        finally:
            for leftover in path.parent.glob(f"{part.name}*"):
                leftover.unlink()


def _put_in_place(part: Path, path: Path) -> None:
    """Give the file its name; a project made meanwhile keeps its place."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError as error:  # a disk without hard links
        if path.exists():
            raise FileExistsError(path) from error
        part.rename(path)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the disk into a ProjectError that a person can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        message = _MESSAGES.get(_code(error))
        if message is None:
            raise
        raise ProjectError(f"{path.parent}: {message} ({error})") from error


_MESSAGES = {
    sqlite3.SQLITE_FULL: "the disk or the project's quota is full; nothing of this change was kept, everything before "
    "it is safe: free some space and try again",
    sqlite3.SQLITE_READONLY: "the project cannot be written to: check the folder's permissions",
    sqlite3.SQLITE_CANTOPEN: "the project file cannot be opened: check the folder's permissions",
    sqlite3.SQLITE_BUSY: "another program is writing to the project for long: wait for it, then try again",
    sqlite3.SQLITE_LOCKED: "another part of the program is writing to the project: try again",
    sqlite3.SQLITE_NOTADB: "project.sqlite is not a Veason project",
    sqlite3.SQLITE_CORRUPT: "the project file is damaged: restore it from a backup",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write; everything saved before is safe: check the disk",
}


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _has_wal(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
