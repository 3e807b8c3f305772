"""Folders of predictions as others write them, seen as the one layout that is evaluated.

What is looked for is the folder that holds, for (nearly) every expression, a folder of pictures named by frames:

    Annotations/<video>/<expression>/<frame>.png     VISA, VRS-HQ, GLUS, Veason-R1; the official tools read it
    <video>/<expression>/<frame>.png                 submissions to MeViS and Ref-YouTube-VOS, also as a ZIP
    <anything>/.../<video>/<expression>/             the same below folders of a run or a split
    <video>_<expression>/<frame>.png                 result folders named as the tables name expressions

Nothing is copied: links lead from our layout to theirs. A ZIP is unpacked beside the run.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from veason.errors import DataError
from veason.formats.benchmarks.predictions import ANSWERS
from veason.types import Sample

MOST_LEVELS = 3
"""So many folders may lie above the predictions."""

MAX_UNPACKED_BYTES = 200 * 10**9

Place = Callable[[Path, Sample], Path]


def _nested(root: Path, sample: Sample) -> Path:
    return root / sample.key


def _joined(root: Path, sample: Sample) -> Path:
    return root / sample.key.replace("/", "_")


PLACES: dict[str, Place] = {"<video>/<expression>": _nested, "<video>_<expression>": _joined}


def arrange(predictions: Path, samples: Sequence[Sample], work: Path) -> Path:
    """Return a folder with `Annotations/<key>/` for the samples, made of links where theirs is laid out otherwise.

    Raises:
        DataError: the folder is not there, or no layout fits a single expression; the message tells what was seen.
    """
    if predictions.is_file() and zipfile.is_zipfile(predictions):
        predictions = _unpack(predictions, work / "unpacked")
    if not predictions.is_dir():
        raise DataError(f"{predictions}: is no folder and no ZIP of predictions")
    if (predictions / "Annotations").is_dir() and _fitting(predictions / "Annotations", samples, _nested):
        return predictions
    root, name, place = _find(predictions, samples)
    target = work / hashlib.blake2b(f"{root.resolve()} {name}".encode(), digest_size=8).hexdigest()
    for sample in samples:
        folder = place(root, sample)
        if folder.is_dir():
            _link(target / "Annotations" / sample.key, folder)
    for beside in (predictions / ANSWERS, root / ANSWERS):
        if beside.is_file():
            _link(target / ANSWERS, beside)
    return target


def _find(predictions: Path, samples: Sequence[Sample]) -> tuple[Path, str, Place]:
    """Return the folder and naming under which most of the samples have pictures."""
    best: tuple[int, Path, str, Place] | None = None
    for root in _folders(predictions, MOST_LEVELS):
        for name, place in PLACES.items():
            count = _fitting(root, samples, place)
            if count and (best is None or count > best[0]):
                best = (count, root, name, place)
    if best is None:
        seen = ", ".join(sorted(os.listdir(predictions))[:8]) or "nothing"
        raise DataError(
            f"{predictions}: holds no folder of pictures for any of {len(samples)} expressions (first: "
            f"{samples[0].key}); wanted {' or '.join(PLACES)} in it or up to {MOST_LEVELS} folders below; found {seen}"
        )
    return best[1:]


def _folders(root: Path, levels: int) -> list[Path]:
    found = [root]
    if levels:
        for child in sorted(root.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                found += _folders(child, levels - 1)
                if len(found) > 5000:
                    break
    return found


def _fitting(root: Path, samples: Sequence[Sample], place: Place) -> int:
    """Return for how many of some samples, spread over all, there is a folder."""
    step = max(len(samples) // 500, 1)
    return sum(place(root, sample).is_dir() for sample in samples[::step])


def _link(target: Path, source: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    target.symlink_to(source.resolve())


def _unpack(file: Path, target: Path) -> Path:
    """Unpack a ZIP of pictures; what would land outside is refused, and so is one too large to be meant."""
    with zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        total = sum(entry.file_size for entry in entries)
        if total > MAX_UNPACKED_BYTES:
            raise DataError(f"{file}: unpacks to {total / 1e9:.0f} GB: unpack it yourself and give the folder")
        for entry in entries:
            path = PurePosixPath(entry.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise DataError(f"{file}: names {entry.filename!r}, which lies outside of it: it is not opened")
        archive.extractall(target, entries)
    return target
