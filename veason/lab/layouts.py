"""Folders of predictions as others write them, seen as the one layout that is evaluated.

What is looked for is the folder that holds, for (nearly) every expression, a folder of pictures named by frames:

    Annotations/<video>/<expression>/<frame>.png     VISA, VRS-HQ, GLUS, Veason-R1; the official tools read it
    <video>/<expression>/<frame>.png                 submissions to MeViS and Ref-YouTube-VOS, also as a ZIP
    <anything>/.../<video>/<expression>/             the same below folders of a run or a split
    <video>_<expression>/<frame>.png                 result folders named as the tables name expressions

Nothing is copied: links lead from our layout to theirs. A ZIP is unpacked beside the run. Where pictures lie in more
than one such place, or one folder could be two expressions', nothing tells whose they are, and it is refused.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from veason.errors import DataError
from veason.formats.benchmarks.predictions import ANSWERS
from veason.types import Sample
from veason.zip_files import BROKEN_ZIP, check_packing

MOST_LEVELS = 3
"""So many folders may lie above the predictions."""

MAX_UNPACKED_BYTES = 200 * 10**9

_NOT_THEIRS = (".", "__MACOSX")
"""What the names of folders begin with that systems leave beside pictures."""

MaskPlace = Callable[[Path, Sample], Path]


def _nested(root: Path, sample: Sample) -> Path:
    return root / sample.key


def _joined(root: Path, sample: Sample) -> Path:
    return root / sample.key.replace("/", "_")


_LAYOUTS: dict[str, MaskPlace] = {"<video>/<expression>": _nested, "<video>_<expression>": _joined}


def arrange(predictions: Path, samples: Sequence[Sample], work: Path) -> Path:
    """Return a folder with `Annotations/<key>/` for the samples, made of links where theirs is laid out otherwise.

    Raises:
        DataError: the folder is not there, no layout fits a single expression (the message tells what was seen), or it
            cannot be told which of the pictures are meant.
    """
    if predictions.is_file() and zipfile.is_zipfile(predictions):
        predictions = _unpack(predictions, work / "unpacked")
    if not predictions.is_dir():
        raise DataError(f"{predictions}: is no folder and no ZIP of predictions")
    annotations = predictions / "Annotations"
    if annotations.is_dir() and all(_nested(annotations, sample).is_dir() for sample in samples):
        return predictions
    root, name, place = _find(predictions, samples)
    if root == annotations and place is _nested:
        return predictions
    folders = _own_folders(root, place, samples)
    target = work / hashlib.blake2b(f"{root.resolve()} {name}".encode(), digest_size=8).hexdigest()
    shutil.rmtree(target, ignore_errors=True)  # links of an earlier import may lead to what is no longer meant
    for key, folder in folders.items():
        _link(target / "Annotations" / key, folder)
    for beside in (predictions / ANSWERS, root / ANSWERS):
        if beside.is_file():
            _link(target / ANSWERS, beside)
    return target


def _own_folders(root: Path, place: MaskPlace, samples: Sequence[Sample]) -> dict[str, Path]:
    """Return the folders of the samples that have one. Raises DataError where two samples have the same."""
    owners: dict[Path, str] = {}
    for sample in samples:
        folder = place(root, sample)
        if not folder.is_dir():
            continue
        if folder in owners:
            raise DataError(
                f"{folder}: could be the pictures of {owners[folder]!r} or of {sample.key!r}: "
                "lay them out as <video>/<expression>"
            )
        owners[folder] = sample.key
    return {key: folder for folder, key in owners.items()}


def _find(predictions: Path, samples: Sequence[Sample]) -> tuple[Path, str, MaskPlace]:
    """Return the one folder and naming under which the samples have pictures."""
    found = [
        (root, name, place)
        for root in _folders(predictions, MOST_LEVELS)
        for name, place in _LAYOUTS.items()
        if _fits(root, samples, place)
    ]
    if not found:
        seen = ", ".join(sorted(os.listdir(predictions))[:8]) or "nothing"
        raise DataError(
            f"{predictions}: holds no folder of pictures for any of {len(samples)} expressions (first: "
            f"{samples[0].key}); wanted {' or '.join(_LAYOUTS)} in it or up to {MOST_LEVELS} folders below; "
            f"found {seen}"
        )
    if len(found) > 1:
        places = " and ".join(f"{root} ({name})" for root, name, _ in found[:4])
        raise DataError(
            f"{predictions}: predictions lie in {len(found)} places, {places}: name the one that is meant, or put "
            "what belongs together into one folder"
        )
    return found[0]


def _folders(root: Path, levels: int) -> list[Path]:
    found = [root]
    if levels:
        for child in sorted(root.iterdir()):
            if child.is_dir() and not child.name.startswith(_NOT_THEIRS):
                found += _folders(child, levels - 1)
                if len(found) > 5000:
                    break
    return found


def _fits(root: Path, samples: Sequence[Sample], place: MaskPlace) -> bool:
    """Tell whether there is a folder for one of some samples, spread over all."""
    step = max(len(samples) // 500, 1)
    return any(place(root, sample).is_dir() for sample in samples[::step])


def _link(target: Path, source: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    target.symlink_to(source.resolve())


def _unpack(file: Path, target: Path) -> Path:
    """Unpack a ZIP of pictures; what would land outside is refused, and so is one too large to be meant.

    What an earlier ZIP left there goes first, so that its pictures are not taken for those that this one lacks.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            check_packing(entries)
            total = sum(entry.file_size for entry in entries)
            if total > min(MAX_UNPACKED_BYTES, shutil.disk_usage(target).free):
                raise DataError(
                    f"{file}: unpacks to {total / 1e9:.0f} GB, for which {target} has no room: unpack it yourself and "
                    "give the folder"
                )
            for entry in entries:
                path = PurePosixPath(entry.filename.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts:
                    raise DataError(f"{file}: names {entry.filename!r}, which lies outside of it: it is not opened")
            archive.extractall(target, entries)
    except BROKEN_ZIP as error:
        raise DataError(f"{file}: cannot be unpacked ({error}): unpack it yourself and give the folder") from error
    count = sum(path.is_file() for path in target.rglob("*"))
    if count != len(entries):
        raise DataError(
            f"{file}: has {len(entries)} files of only {count} names: one would be taken for another, so nothing is"
        )
    return target
