"""Masks of a video in one folder an object, `<video>/<object>/<frame>.png`, as SA-V and SAM 2's tools write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from veason.errors import DataError
from veason.formats.benchmarks.indices import VOID, check_hard_edges, is_grey, read_indices, solid_values
from veason.formats.labels.footage import Footage, VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import check_entries, is_number
from veason.formats.labels.palette_frames import MaskFolder, frame_files, frame_numbers
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, from_one
from veason.masks import encode_mask

_VOID = "area"


def object_folders(
    source: Path, folders: Mapping[str, MaskFolder], finder: VideoFinder
) -> dict[str, dict[int, MaskFolder]]:
    """Return the folders that hold one object each, by the name of their video and the number that they are called by.

    Folders called by numbers may be videos as well: they are objects where the video above them is known.

    Args:
        source: the folder that is imported, for messages.
        folders: the folders with pictures, by the name that they would have as videos.
        finder: knows the videos.

    Raises:
        DataError: videos of neither name are known and each folder holds one object, or two folders are one number.
    """
    by_parent: dict[str, list[str]] = defaultdict(list)
    for name in folders:
        parent, _, last = name.rpartition("/")
        by_parent[parent].append(last)
    found: dict[str, dict[int, MaskFolder]] = {}
    for parent, children in by_parent.items():
        names = {child: f"{parent}/{child}" for child in children}
        if not parent or not all(map(is_number, children)):
            continue
        inside = [folders[name] for name in names.values()]
        if not _is_known(parent, inside[0].pictures.parent, finder):
            is_video = any(_is_known(name, folders[name].pictures, finder) for name in names.values())
            if not is_video and all(map(_holds_one_object, inside)):
                raise DataError(
                    f"{source}: the folders {', '.join(sorted(children)[:3])} in {parent} hold one object each: "
                    "nothing tells whether they are objects of one video or videos of their own. Open the video first, "
                    "or name it with --videos"
                )
            continue
        found[parent] = {}
        for child in sorted(children):
            if int(child) in found[parent]:
                raise DataError(
                    f"{source}: {found[parent][int(child)].path.name} and {child} in {parent} are both object "
                    f"{int(child)}: delete one of the two"
                )
            found[parent][int(child)] = folders[names[child]]
    return found


def _is_known(name: str, pictures: Path, finder: VideoFinder) -> bool:
    return finder.choose([name]) is not None or finder.find(name, pictures) != Footage()


def read_object_folders(
    name: str, objects: Mapping[int, MaskFolder], footage: Footage, tally: ImportTally
) -> LabelledVideo:
    """Return the labels of a video whose objects have a folder each; numbers from 0 are counted from 1.

    Raises:
        DataError: a folder holds several objects, a picture is broken or has soft edges, or a frame is not in
            the video.
    """
    ids = from_one(objects)
    tracks: dict[int, dict[int, LabelMask]] = {}
    size_wh, num_frames = (0, 0), 0
    for number, folder in objects.items():
        files = frame_files(folder.path, tally)
        check_entries(len(objects), len(files), str(folder.path))
        frames = frame_numbers(files, footage)
        track = tracks.setdefault(ids[number], {})
        values = _values(files, folder.path)
        for file, frame_index in zip(files, frames, strict=True):
            picture = read_indices(file)
            size_wh = (picture.shape[1], picture.shape[0])
            if values - {0, VOID} and (picture == VOID).any():
                tally.find(_VOID)
                tally.leave(_VOID, f"of which {VOID} says nothing where objects have numbers")
                picture = np.where(picture == VOID, 0, picture)
            track[frame_index] = LabelMask(encode_mask(picture != 0))
            num_frames = max(num_frames, frame_index + 1)
    video = LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=num_frames, size_wh=size_wh),
        questions=(LabelledQuestion("0", "", tuple(sorted(tracks))),),
        tracks=tracks,
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )
    tally.take_whole(video)
    return video


def _values(files: list[Path], folder: Path) -> set[int]:
    """Return the values in the pictures of one object. Raises DataError where there are several beside 0 and 255."""
    values: set[int] = set()
    greys: set[int] = set()
    solid: set[int] = set()
    for file in files:
        picture = read_indices(file)
        found = {int(value) for value in np.unique(picture)}
        values |= found
        if is_grey(file):
            greys |= found
            solid |= solid_values(picture)
    check_hard_edges(greys, solid, folder)
    if len(values - {0, VOID}) > 1:
        raise DataError(
            f"{folder}: holds the values {', '.join(map(str, sorted(values - {0, VOID})[:4]))}; a folder called by a "
            "number in the folder of a video holds one object"
        )
    return values


def _holds_one_object(folder: MaskFolder) -> bool:
    files = [file for file in folder.path.iterdir() if file.suffix.lower() == ".png"]
    values = {int(value) for file in files for value in np.unique(read_indices(file))}
    return len(values - {0, VOID}) <= 1
