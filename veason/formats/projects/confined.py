"""Labels that strangers send are read in a process of its own, with bounds on memory and time; see `veason.confined`.

What it reads comes back as a file of our own form, each line of which is checked again (`formats.labels.carried`).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

from veason.confined import MAX_BYTES, MAX_S, run_confined
from veason.errors import DataError
from veason.folders import size_of
from veason.formats.importing import import_labels
from veason.formats.labels.carried import carried, info_from, info_to, labels_of
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.formats.projects.into_project import enter, own_videos
from veason.formats.projects.to_project import Imported
from veason.project import Project
from veason.types import OnProgress, VideoInfo
from veason.video.images import is_system_file
from veason.zip_files import BROKEN_ZIP, check_packing

MAX_LABELS = 300_000_000
"""Bytes of labels, in our own form, that one import may bring."""

_MOST_TIMES, _LEAST_BYTES = 20, 100_000_000
"""What an upload may hold unpacked, in times its own size, and in any case; nothing of ours comes near it."""

_MOST_FILES = 50_000


@dataclass(frozen=True, slots=True)
class ImportBounds:
    """What reading labels may take.

    Attributes:
        unpacked: bytes that may be unpacked.
        memory: bytes beyond what the libraries need.
        seconds: of computing.
    """

    unpacked: int = 2_000_000_000
    memory: int = MAX_BYTES
    seconds: float = MAX_S


OWNERS = ImportBounds(1 << 40, 1 << 40, 7200.0)
"""For the owner of this machine, who may send what the machine can hold."""


def strangers_into_project(
    project: Project,
    upload: Path,
    room: Path,
    format: str,
    *,
    bounds: ImportBounds,
    check: Callable[[int], object],
    tell: OnProgress | None = None,
) -> Imported:
    """Take labels that a stranger sent, alone or in a ZIP file with their pictures, into a project; videos are copied.

    Args:
        project: where they go.
        upload: what was sent.
        room: an empty folder for what is unpacked.
        format: one of IMPORTABLE.
        bounds: what reading may take.
        check: called with the bytes that were unpacked, before anything is kept; may raise.
        tell: called with (videos done, videos in all).

    Raises:
        DataError: it cannot be read within the bounds, or nothing of it comes in; the project is as it was.
        ProjectError: the video of the labels is not known, or is not the one that was labelled; the same.
        VideoError: a video cannot be opened.
    """
    unpacked, labels = room / "unpacked", room / "labels.jsonl"
    unpacked.mkdir()
    own = {name: info_to(info) for name, info in own_videos(project).items()}
    left_out = run_confined(
        "veason.formats.projects.confined:read_upload",
        str(upload),
        str(unpacked),
        str(labels),
        format,
        own,
        bounds.unpacked,
        failure=DataError,
        what=upload.name,
        max_bytes=bounds.memory,
        max_s=bounds.seconds,
        max_written=bounds.unpacked,
    )
    check(size_of(unpacked))
    if not isinstance(left_out, list) or labels.is_symlink() or labels.stat().st_size > MAX_LABELS:
        raise DataError(f"{upload.name} holds more labels than can be imported at once: send it in parts")

    def read() -> Iterator[LabelledVideo]:
        with labels.open(encoding="utf-8") as lines:
            for line in lines:
                yield labels_of(json.loads(line), unpacked)

    return replace(enter(project, read, copy=True, tell=tell), left_out=tuple(map(str, left_out)))


def read_upload(
    upload: str, unpacked: str, labels: str, format: str, own: dict[str, list[object]], max_bytes: int
) -> list[str]:
    """Do the reading, in this process, which should be confined; return what was left out, a line a kind and reason.

    Raises DataError.
    """
    known, refused = {name: info_from(info) for name, info in own.items()}, None
    for source in _unpack(Path(upload), Path(unpacked), max_bytes, set(known)):
        tally = ImportTally()
        try:
            return _read(source, Path(labels), format, known, tally)
        except DataError as error:
            refused = refused or error
            if tally.found:  # these are the labels, and something is wrong with them
                break
    assert refused is not None
    raise refused


def _read(source: Path, labels: Path, format: str, known: dict[str, VideoInfo], tally: ImportTally) -> list[str]:
    """Read labels and write them to a file in our own form, a line a video; return what was left out."""
    written = 0
    with labels.open("w", encoding="utf-8") as lines:
        try:
            for video in import_labels(source, format, own=known, tally=tally):
                written += lines.write(carried(video) + "\n")
                if written > MAX_LABELS:
                    raise DataError(f"{source.name} holds more labels than can be imported at once: send it in parts")
        except (MemoryError, RecursionError) as error:
            raise DataError(f"{source.name} needs too much memory to read, or is damaged: send it in parts") from error
    return list(tally.lines())


def _unpack(upload: Path, room: Path, max_bytes: int, known: Set[str]) -> tuple[Path, ...]:
    """Unpack an upload into an empty folder; return what may hold the labels, the likeliest first.

    That is the only folder or file in it, and the folder itself: somebody may have packed a dataset, or what lies in
    it, and some datasets hold a single folder. A folder called as a video that is `known` is that video's, unless there
    are such in it as well. What is no ZIP file is returned as it is.

    Raises:
        DataError: it is broken, or holds far more than it seems.
    """
    try:
        if not zipfile.is_zipfile(upload):
            return (upload,)
        with zipfile.ZipFile(upload) as archive:
            members = archive.infolist()
            size = sum(one.file_size for one in members)
            most = min(max(_MOST_TIMES * upload.stat().st_size, _LEAST_BYTES), max_bytes)
            if size > most or len(members) > _MOST_FILES:
                raise DataError(
                    f"{upload.name} holds {len(members)} files of {size / 1e6:.0f} MB unpacked: send it in parts"
                )
            check_packing(members)
            archive.extractall(room)
    except BROKEN_ZIP as error:
        raise DataError(f"cannot unpack {upload.name}: {error}") from error
    inside = [path for path in room.iterdir() if not is_system_file(path.name)]
    if len(inside) != 1:
        return (room,)
    below = {path.name for path in inside[0].iterdir()} if inside[0].is_dir() else set()
    return (room, inside[0]) if inside[0].name in known and below.isdisjoint(known) else (inside[0], room)
