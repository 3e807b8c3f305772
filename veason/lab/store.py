"""The folder of the lab: runs, each a table of cases with its masks, that many people may read at once.

    LAB/runs/<name>/run.json          what was run, on what, when, and its tags
    LAB/runs/<name>/cases.parquet     one row a case (`veason.lab.columns`)
    LAB/runs/<name>/masks/*.parquet   predicted masks as run lengths, a file for some hundred cases
    LAB/verdicts.jsonl                what people said of cases (`veason.lab.verdicts`)
    LAB/views.json                    saved queries by name

A run appears by rename once it is whole; a name is never written over.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veason.atomic import atomic_file, write_atomically
from veason.errors import DataError, OptionError
from veason.lab.columns import COLUMNS, Kind
from veason.lab.packing import INDEX_FILE
from veason.lab.verdicts import Verdicts
from veason.libraries import library_imports
from veason.locks import locked
from veason.types import Rle

if TYPE_CHECKING:
    import polars as pl

STORE_VERSION = 1
RUN_FILE, CASES_FILE, MASKS, VIEWS_FILE = "run.json", "cases.parquet", "masks", "views.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run is: model and settings over one dataset.

    Attributes:
        name: unique in the lab.
        dataset: kind, root, split and fingerprint of the dataset, as `veason eval` tells them.
        made_by: models or the folder of predictions, as text by name.
        made_at: when, in seconds since 1970 (UTC).
        cases: number of cases.
        tags: words by which people find it.
        note: a sentence of theirs.
        has_masks: masks were kept.
        version: of the layout.
    """

    name: str
    dataset: Mapping[str, Any]
    made_by: Mapping[str, Any]
    made_at: float
    cases: int
    tags: tuple[str, ...] = ()
    note: str = ""
    has_masks: bool = False
    version: int = STORE_VERSION


class Run:
    """A run on disk. Short columns are read once and kept; long ones and masks are read when asked for."""

    def __init__(self, folder: Path, info: RunInfo) -> None:
        self.folder = folder
        self.info = info
        self._table: pl.DataFrame | None = None

    @property
    def table(self) -> pl.DataFrame:
        """The cases in the dataset's order, without the long columns."""
        if self._table is None:
            short = [column.name for column in COLUMNS if not column.is_long]
            self._table = self._read(short)
        return self._table

    def with_columns(self, names: frozenset[str]) -> pl.DataFrame:
        """Return the table with the named columns, long ones included."""
        long = [column.name for column in COLUMNS if column.is_long and column.name in names]
        return self.table.hstack(self._read(long)) if long else self.table

    def case(self, key: str) -> dict[str, Any]:
        """Return every column of one case. Raises DataError for an unknown key."""
        places = self.table.get_column("key").index_of(key)
        if places is None:
            raise DataError(f"run {self.info.name} has no case {key!r}")
        with library_imports():
            import polars as pl
        with self._reading(CASES_FILE) as file:
            return pl.scan_parquet(file).slice(places, 1).collect().row(0, named=True)

    def masks(self, key: str) -> dict[int, Rle]:
        """Return the predicted masks of one case by frame index, empty ones left out.

        Raises:
            DataError: the run was made without masks.
        """
        if not self.info.has_masks:
            raise DataError(f"run {self.info.name} was made without masks: make it again with them")
        with library_imports():
            import polars as pl
        with self._reading(f"{MASKS}/{INDEX_FILE}") as file:
            found = pl.read_parquet(file).filter(pl.col("key") == key)
        if found.is_empty():
            return {}
        with self._reading(f"{MASKS}/{found.item(0, 'file')}") as file:
            rows = pl.scan_parquet(file).filter(pl.col("key") == key).collect()
        return {
            frame: Rle((height, width), counts)
            for frame, height, width, counts in rows.select("frame", "height", "width", "counts").iter_rows()
        }

    def _read(self, names: list[str]) -> pl.DataFrame:
        with library_imports():
            import polars as pl
        with self._reading(CASES_FILE) as file:
            return pl.read_parquet(file, columns=names)

    @contextmanager
    def _reading(self, name: str) -> Iterator[Path]:
        """Give the place of a file of the run. Raises DataError where reading it in the block fails."""
        with library_imports():
            import polars as pl
        try:
            yield self.folder / name
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{self.folder / name}: cannot be read ({error}): import the run again") from error


@dataclass
class Lab:
    """A folder of runs, made where it is not there yet."""

    folder: Path
    _open: dict[str, tuple[tuple[int, int], Run]] = field(default_factory=dict, repr=False)

    def names(self) -> list[str]:
        """Return the names of all runs, in order."""
        runs = self.folder / "runs"
        found = (path.parent.name for path in runs.glob(f"*/{RUN_FILE}")) if runs.is_dir() else ()
        return sorted(name for name in found if NAME.fullmatch(name))  # not what is being made

    def run(self, name: str) -> Run:
        """Return a run; its table stays in memory until its files change.

        Raises:
            DataError: the run is unknown or unreadable.
        """
        place = self._run_folder(name)
        stamp = _stamp(place / RUN_FILE)
        if name not in self._open or self._open[name][0] != stamp:
            self._open[name] = stamp, Run(place, _read_info(place / RUN_FILE))
        return self._open[name][1]

    def _run_folder(self, name: str) -> Path:
        if NAME.fullmatch(name) is None or not (self._place(name) / RUN_FILE).is_file():
            raise DataError(f"{self.folder} has no run {name!r}: its runs are {', '.join(self.names()) or 'none'}")
        return self._place(name)

    def __iter__(self) -> Iterator[Run]:
        return (self.run(name) for name in self.names())

    def check_name(self, name: str) -> None:
        """Raise OptionError unless a new run can have this name."""
        if NAME.fullmatch(name) is None:
            raise OptionError(
                f"a run's name has at most 64 letters, digits and . _ + -, a letter or digit first, got {name!r}"
            )
        if self._place(name).exists():
            raise OptionError(f"there is a run {name!r} already: choose another name, or remove that one first")
        if Verdicts(self.folder).of_run(name):
            raise OptionError(
                f"people judged cases of an earlier run {name!r}, and their verdicts would count for this one: "
                "choose another name"
            )

    @contextmanager
    def claiming(self, name: str) -> Iterator[None]:
        """Hold the name of a new run while the block runs.

        Raises:
            OptionError: the name is taken or unusable, or another process makes a run of that name.
        """
        self.check_name(name)
        with self._locked_name(name, waits=False) as is_ours:
            if not is_ours:
                raise OptionError(f"a run {name!r} is being made: wait for it, or choose another name")
            self.check_name(name)
            yield

    @contextmanager
    def adding(self, info: RunInfo) -> Iterator[Path]:
        """Give a folder to fill; it becomes the run when the block ends well, and is removed otherwise.

        Raises:
            OptionError: the name is taken or unusable.
        """
        partial = self.folder / "runs" / f".{info.name}.partial"
        with self.claiming(info.name):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                yield partial
                _write_info(partial, info)
                partial.rename(self._place(info.name))
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise

    def describe(self, name: str, *, tags: tuple[str, ...] | None = None, note: str | None = None) -> RunInfo:
        """Change what people say of a run, and return what is known of it now."""
        with self._changing(name):
            run = self.run(name)
            info = replace(
                run.info,
                tags=run.info.tags if tags is None else tuple(sorted({tag.strip() for tag in tags if tag.strip()})),
                note=run.info.note if note is None else note,
            )
            _write_info(run.folder, info)
            run.info = info
            self._open[name] = _stamp(run.folder / RUN_FILE), run
        return info

    def fill(self, name: str, column: str, values: Mapping[str, float]) -> None:
        """Write figures of some cases, by key, into a column of a run. Raises DataError for an unreadable run."""
        with library_imports():
            import polars as pl
        with self._changing(name) as place:
            run = self.run(name)
            table = pl.read_parquet(place / CASES_FILE)
            filled = [values.get(key, known) for key, known in table.select("key", column).iter_rows()]
            with atomic_file(place / CASES_FILE) as file:
                table.with_columns(pl.Series(column, filled, table.schema[column])).write_parquet(file)
            _write_info(place, run.info)  # by which an open lab sees that the run has changed

    def remove(self, name: str) -> Path:
        """Move a run out of the way, and return where its files are: nothing is deleted."""
        target = self.folder / "removed" / f"{name}.{time.time_ns()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._changing(name) as place:
            place.rename(target)
            self._open.pop(name, None)
        return target

    @contextmanager
    def _changing(self, name: str) -> Iterator[Path]:
        """Give the folder of a run that nobody else changes in the block. Raises DataError for an unknown one."""
        self._run_folder(name)
        with self._locked_name(name):
            yield self._run_folder(name)

    def _locked_name(self, name: str, *, waits: bool = True) -> AbstractContextManager[bool]:
        return locked(self.folder / "runs" / f".{name}.lock", waits=waits)

    def views(self) -> dict[str, str]:
        """Return the saved queries by name."""
        file = self.folder / VIEWS_FILE
        if not file.is_file():
            return {}
        try:
            views = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{file}: is not JSON ({error}): mend or delete it") from error
        if not isinstance(views, dict):
            raise DataError(f"{file}: wanted names with queries, got {type(views).__name__}: mend or delete it")
        return {str(name): str(query) for name, query in views.items()}

    def save_view(self, name: str, query: str) -> None:
        """Keep a query under a name; an empty query forgets it."""
        if not name.strip():
            raise OptionError("a saved view needs a name")
        with locked(self.folder / ".views.lock"):
            views = self.views() | {name.strip(): query}
            kept = {name: query for name, query in views.items() if query.strip()}
            write_atomically(self.folder / VIEWS_FILE, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")

    def _place(self, name: str) -> Path:
        return self.folder / "runs" / name


def schema() -> dict[str, Any]:
    """Return the Polars type of every column of a table of cases."""
    with library_imports():
        import polars as pl
    types: dict[Kind, Any] = {
        "text": pl.String,
        "number": pl.Float64,
        "whole": pl.Int64,
        "flag": pl.Boolean,
        "indices": pl.List(pl.Int64),
        "boxes": pl.List(pl.List(pl.Float64)),
    }
    return {column.name: types[column.kind] for column in COLUMNS}


def _read_info(file: Path) -> RunInfo:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise DataError(f"{file}: does not describe a run: import the run again")
        if record.get("version") != STORE_VERSION:
            raise DataError(
                f"{file}: is of version {record.get('version')!r}, this program reads {STORE_VERSION}: update it"
            )
        return RunInfo(**{**record, "tags": tuple(record.get("tags", ()))})
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{file}: does not describe a run ({error}): import the run again") from error


def _write_info(folder: Path, info: RunInfo) -> None:
    write_atomically(folder / RUN_FILE, json.dumps(asdict(info), indent=1, ensure_ascii=False) + "\n")


def _stamp(file: Path) -> tuple[int, int]:
    """Return what changes when a file is replaced."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns
