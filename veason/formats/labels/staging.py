"""An export appears whole or not at all: it is written beside its place and moved there by renames.

What an export wrote is listed in EXPORT_FILE, so that a later one with `is_forced` replaces those files and no others.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from veason.errors import ExportError
from veason.outputs import write_json

EXPORT_FILE = "veason_export.json"
"""The report and the list of files, in every export."""


@contextmanager
def staged(out: Path, *, is_forced: bool) -> Iterator[Path]:
    """Give an empty folder beside `out` whose content takes its place when the block ends well.

    Raises:
        ExportError: `out` holds something and `is_forced` is not set, or the disk refuses.
    """
    out = out.absolute()
    _check_free(out, is_forced)
    _sweep(out)
    beside = out.with_name(f".{out.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part")
    try:
        beside.mkdir(parents=True)
        yield beside
        _check_free(out, is_forced)
        _publish(beside, out)
    except OSError as error:
        raise ExportError(
            f"cannot write {out}: {error.strerror or error}; nothing there was changed. Free some space or choose "
            "another folder"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_export_file(folder: Path, report: dict[str, Any]) -> None:
    """Write the report and the list of all files in `folder`."""
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    write_json({**report, "files": files}, folder / EXPORT_FILE)


def _sweep(out: Path) -> None:
    """Remove what killed exports of the same name left beside `out`."""
    for folder in out.parent.glob(f".{glob.escape(out.name)}.*.part"):
        pid = folder.name.split(".")[-3]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # signal 0 only asks there, elsewhere it kills
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is someone else's
        return True
    return True


def _check_free(out: Path, is_forced: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file: choose a folder for the export")
    if not is_forced and out.is_dir() and any(out.iterdir()):
        raise ExportError(f"{out} is not empty: choose another folder, or replace an earlier export with --force")


def _publish(beside: Path, out: Path) -> None:
    if not out.exists() or not any(out.iterdir()):
        if out.exists():
            out.rmdir()
        beside.rename(out)
        return
    earlier = _earlier_files(out)
    files = sorted(file.relative_to(beside) for file in beside.rglob("*") if file.is_file())
    for file in files:
        if (out / file).is_dir():
            raise ExportError(f"{out / file} is a folder where the export has a file: move it away")
    for file in files:
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (beside / file).replace(out / file)
    for file in sorted(earlier - set(files)):
        (out / file).unlink(missing_ok=True)
        for folder in file.parents[:-1]:
            with suppress(OSError):  # not empty: something of the user's, or of the new export
                (out / folder).rmdir()


def _earlier_files(out: Path) -> set[Path]:
    """Return what the last export into this folder wrote; never anything outside it."""
    try:
        files = json.loads((out / EXPORT_FILE).read_bytes())["files"]
        paths = [Path(file) for file in files if isinstance(file, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {path for path in paths if not path.is_absolute() and ".." not in path.parts}
