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
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veason.atomic import write_atomically
from veason.errors import DataError, OptionError
from veason.lab.columns import COLUMNS, Kind
from veason.lab.packing import INDEX_FILE
from veason.libraries import library_imports
from veason.types import Rle

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
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
    version: int = VERSION


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
        row = pl.scan_parquet(self.folder / CASES_FILE).slice(places, 1).collect()
        return row.row(0, named=True)

    def masks(self, key: str) -> dict[int, Rle]:
        """Return the predicted masks of one case by frame index, empty ones left out.

        Raises:
            DataError: the run was made without masks.
        """
        if not self.info.has_masks:
            raise DataError(f"run {self.info.name} was made without masks: make it again with them")
        with library_imports():
            import polars as pl
        index = pl.read_parquet(self.folder / MASKS / INDEX_FILE)
        found = index.filter(pl.col("key") == key)
        if found.is_empty():
            return {}
        rows = pl.scan_parquet(self.folder / MASKS / found.item(0, "file")).filter(pl.col("key") == key).collect()
        return {
            frame: Rle((height, width), counts)
            for frame, height, width, counts in rows.select("frame", "height", "width", "counts").iter_rows()
        }

    def _read(self, names: list[str]) -> pl.DataFrame:
        with library_imports():
            import polars as pl
        try:
            return pl.read_parquet(self.folder / CASES_FILE, columns=names)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{self.folder / CASES_FILE}: cannot be read ({error}): import the run again") from error


@dataclass
class Lab:
    """A folder of runs, made where it is not there yet."""

    folder: Path
    _open: dict[str, Run] = field(default_factory=dict, repr=False)

    def names(self) -> list[str]:
        """Return the names of all runs, in order."""
        runs = self.folder / "runs"
        return sorted(path.parent.name for path in runs.glob(f"*/{RUN_FILE}")) if runs.is_dir() else []

    def run(self, name: str) -> Run:
        """Return a run; its table stays in memory. Raises DataError for an unknown or unreadable one."""
        if name not in self._open:
            if NAME.fullmatch(name) is None or not (self._place(name) / RUN_FILE).is_file():
                known = ", ".join(self.names()) or "none"
                raise DataError(f"{self.folder} has no run {name!r}: its runs are {known}")
            self._open[name] = Run(self._place(name), _read_info(self._place(name) / RUN_FILE))
        return self._open[name]

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

    @contextmanager
    def adding(self, info: RunInfo) -> Iterator[Path]:
        """Give a folder to fill; it becomes the run when the block ends well, and is removed otherwise.

        Raises:
            OptionError: the name is taken or unusable.
        """
        self.check_name(info.name)
        partial = self.folder / "runs" / f".{info.name}.partial"
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
        run = self.run(name)
        info = replace(
            run.info,
            tags=run.info.tags if tags is None else tuple(sorted({tag.strip() for tag in tags if tag.strip()})),
            note=run.info.note if note is None else note,
        )
        _write_info(run.folder, info)
        run.info = info
        return info

    def remove(self, name: str) -> Path:
        """Move a run out of the way, and return where its files are: nothing is deleted."""
        run = self.run(name)
        target = self.folder / "removed" / f"{name}.{time.time_ns()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        run.folder.rename(target)
        del self._open[name]
        return target

    def views(self) -> dict[str, str]:
        """Return the saved queries by name."""
        file = self.folder / VIEWS_FILE
        if not file.is_file():
            return {}
        try:
            views = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{file}: is not JSON ({error}): mend or delete it") from error
        return {str(name): str(query) for name, query in views.items()}

    def save_view(self, name: str, query: str) -> None:
        """Keep a query under a name; an empty query forgets it."""
        if not name.strip():
            raise OptionError("a saved view needs a name")
        views = self.views() | {name.strip(): query}
        kept = {name: query for name, query in views.items() if query.strip()}
        self.folder.mkdir(parents=True, exist_ok=True)
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
        if record.get("version") != VERSION:
            raise DataError(f"{file}: is of version {record.get('version')!r}, this program reads {VERSION}: update it")
        return RunInfo(**{**record, "tags": tuple(record.get("tags", ()))})
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{file}: does not describe a run ({error}): import the run again") from error


def _write_info(folder: Path, info: RunInfo) -> None:
    write_atomically(folder / RUN_FILE, json.dumps(asdict(info), indent=1, ensure_ascii=False) + "\n")
