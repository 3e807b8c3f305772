"""Datasets of video object segmentation, whose objects are prompted on their first frame: where files lie, what counts.

    davis16       JPEGImages/480p/<video>/*.jpg, Annotations/480p/<video>/*.png (above 0 is the one object)
    davis17       the same with ids as values (255 is void, of which nothing is said)
    youtube-vos   <split>/JPEGImages/<video>, <split>/Annotations/<video>, ids as values, every fifth frame
    mose, lvos    the same folders
    sa-v          <split>/JPEGImages_24fps/<video>, <split>/Annotations_6fps/<video>/<object>/*.png (above 0)

The videos are those of the split's list where the dataset has one (ImageSets/.../<split>.txt, <split>/<split>.txt),
else all that have annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from veason.errors import DataError
from veason.formats.benchmarks.files import check_relative
from veason.formats.benchmarks.indices import VOID, read_indices
from veason.formats.labels.footage import natural_key
from veason.video.images import is_picture, is_system_file

Masks = Literal["binary", "ids", "folders"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset lies on disk and which frames its official score takes.

    Attributes:
        split: the one taken by default.
        pictures: folder of the videos' folders, with `{split}` where the split's name belongs.
        masks: folder of the annotations, alike.
        stored: one object a picture ("binary"), ids as values ("ids"), or a folder an object ("folders").
        lists: files that may list the split's videos, the first that is there counts.
        leaves_out_last: whether the last annotated frame of a video is left out, as the first always is.
    """

    split: str
    pictures: str
    masks: str
    stored: Masks
    lists: tuple[str, ...]
    leaves_out_last: bool = True


_BY_SPLIT = Layout("valid", "{split}/JPEGImages", "{split}/Annotations", "ids", ("{split}/{split}.txt",))
LAYOUTS: Mapping[str, Layout] = {
    "davis16": Layout(
        "val",
        "JPEGImages/480p",
        "Annotations/480p",
        "binary",
        ("ImageSets/2016/{split}.txt", "ImageSets/480p/{split}.txt"),
    ),
    "davis17": Layout("val", "JPEGImages/480p", "Annotations/480p", "ids", ("ImageSets/2017/{split}.txt",)),
    "youtube-vos": replace(_BY_SPLIT, leaves_out_last=False),
    "mose": _BY_SPLIT,
    "lvos": _BY_SPLIT,
    "sa-v": Layout(
        "sav_val", "{split}/JPEGImages_24fps", "{split}/Annotations_6fps", "folders", ("{split}/{split}.txt",)
    ),
}
"""By kind. Sources: davis2017-evaluation and the LVOS tool (frames 1 to N-2), sam2's sav_evaluator and vos-benchmark
(first and last annotated frame left out), the YouTube-VOS server (all annotated frames after the first)."""


@dataclass(frozen=True, slots=True)
class TrackingVideo:
    """One video of a dataset: its pictures in order, and the annotated frames of each object.

    Attributes:
        name: as the folder is called.
        folder: of the pictures.
        frame_names: without ending; the place in this tuple is the frame index.
        masks: folder of the annotations.
        stored: how they are stored, see `Layout`.
        objects: by object id the frame indices that have an annotation from its first appearance on, that one first.
        scored: by object id those of them that are scored.
    """

    name: str
    folder: Path
    frame_names: tuple[str, ...]
    masks: Path
    stored: Masks
    objects: Mapping[int, tuple[int, ...]]
    scored: Mapping[int, tuple[int, ...]]

    def truth(self, object_id: int, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool mask of an object on an annotated frame. Raises DataError."""
        picture = self._picture(object_id, frame_index)
        return picture > 0 if self.stored != "ids" else picture == object_id

    def void(self, frame_index: int) -> np.ndarray | None:
        """Return where nothing is said on an annotated frame, as an `(H, W)` bool mask, None for nowhere.

        Raises:
            DataError: the annotation cannot be read.
        """
        if self.stored != "ids" or VOID in self.objects:
            return None
        void: np.ndarray = self._picture(0, frame_index) == VOID
        return void if void.any() else None

    def _picture(self, object_id: int, frame_index: int) -> np.ndarray:
        folder = self.masks / _object_folder(self.masks, object_id) if self.stored == "folders" else self.masks
        return read_indices(folder / f"{self.frame_names[frame_index]}.png")


def read_sequences(root: Path, kind: str, split: str | None = None) -> tuple[TrackingVideo, ...]:
    """Return the videos of a split in the order of its list, or by name where it has none.

    Raises:
        DataError: the kind is unknown, a folder is missing or empty, or a file is not what the layout promises.
    """
    if kind not in LAYOUTS:
        raise DataError(f"unknown kind of dataset {kind!r}: choose one of {', '.join(LAYOUTS)}")
    layout = LAYOUTS[kind]
    split = split or layout.split
    check_relative(split, "split")
    pictures, masks = (root / path.format(split=split) for path in (layout.pictures, layout.masks))
    for folder in (pictures, masks):
        if not folder.is_dir():
            raise DataError(f"{folder}: is missing; a {kind} dataset has it: check the root folder and --split")
    names = _listed(root, layout, split) or sorted(path.name for path in masks.iterdir() if path.is_dir())
    if not names:
        raise DataError(f"{masks}: holds no folder of a video")
    return tuple(_read_sequence(name, pictures / name, masks / name, layout) for name in names)


def _listed(root: Path, layout: Layout, split: str) -> list[str]:
    """Return the videos that the split's list names: a name a line, or the paths of a picture and its mask."""
    for path in layout.lists:
        file = root / path.format(split=split)
        if file.is_file():
            try:
                words = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: is no list of videos ({error}): mend or delete it") from error
            names = list(dict.fromkeys(_named(parts, file) for parts in words))
            if not names:
                raise DataError(f"{file}: lists no video: delete it, and all that have annotations are taken")
            return names
    return []


def _named(parts: list[str], file: Path) -> str:
    """Return the video that a line of a list names."""
    path = parts[0].strip("/").split("/")
    if len(parts) > 1 and len(path) < 2:
        raise DataError(f"{file}: want a video's name a line, or the paths of a picture and its mask, got {parts[:3]}")
    name = path[-2] if len(parts) > 1 else parts[0]
    check_relative(name, "video")
    return name


def _read_sequence(name: str, folder: Path, masks: Path, layout: Layout) -> TrackingVideo:
    for path in (folder, masks):
        if not path.is_dir():
            raise DataError(f"{path}: is missing, but video {name!r} belongs to the split")
    frame_names = tuple(file.stem for file in _pictures(folder))
    if len(set(frame_names)) != len(frame_names) or not frame_names:
        raise DataError(
            f"{folder}: want one picture a frame, got {len(frame_names)} with {len(set(frame_names))} names"
        )
    places = {frame: index for index, frame in enumerate(frame_names)}
    annotated = _read_objects(masks, places, layout.stored)
    last = max(index for indices in annotated.values() for index in indices)
    scored = {
        object_id: tuple(index for index in indices[1:] if not layout.leaves_out_last or index != last)
        for object_id, indices in annotated.items()
    }
    return TrackingVideo(name, folder, frame_names, masks, layout.stored, annotated, scored)


def _read_objects(masks: Path, places: Mapping[str, int], stored: Masks) -> dict[int, tuple[int, ...]]:
    """Return the annotated frames of each object from the first that shows it on."""
    if stored == "folders":
        ids = sorted(_object_id(path) for path in masks.iterdir() if path.is_dir())
        files = {object_id: _indexed(masks / _object_folder(masks, object_id), places) for object_id in ids}
    else:
        files = {0: _indexed(masks, places)}
    found: dict[int, tuple[int, ...]] = {}
    for object_id, indexed in files.items():
        shown: dict[int, int] = {}
        for index, file in indexed.items():
            values = {int(value) for value in np.unique(read_indices(file))} - {0}
            named = values - {VOID} if stored == "ids" else {object_id or 1} if values else set()
            shown |= {value: index for value in named - shown.keys()}
        found |= {
            number: tuple(index for index in indexed if index >= start) for number, start in sorted(shown.items())
        }
    if not found:
        raise DataError(f"{masks}: no picture shows an object")
    return found


def _indexed(folder: Path, places: Mapping[str, int]) -> dict[int, Path]:
    """Return the annotations of a folder by frame index, in order."""
    files = [file for file in _pictures(folder) if file.suffix.lower() == ".png"]
    unknown = [file.name for file in files if file.stem not in places]
    if unknown or not files:
        raise DataError(
            f"{folder}: want PNGs named as the video's frames ({next(iter(places))}, ...), got {unknown[:4]}"
        )
    return dict(sorted((places[file.stem], file) for file in files))


def _pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder in the order in which a folder of frames is read as a video."""
    files = (file for file in folder.iterdir() if is_picture(file) and not is_system_file(file.name))
    return sorted(files, key=natural_key)


def _object_folder(masks: Path, object_id: int) -> str:
    """Return the name of an object's folder: sa-v writes ids with zeros in front, and 000 becomes object 1."""
    return next(path.name for path in masks.iterdir() if path.is_dir() and _object_id(path) == object_id)


def _object_id(folder: Path) -> int:
    if not folder.name.isdecimal():
        raise DataError(f"{folder}: an object's folder is called by its number")
    return int(folder.name) + 1
