"""Palette pictures, one a frame, as DAVIS and YouTube-VOS share them: written for a video, read from a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from veason.draw import palette_image
from veason.errors import DataError
from veason.formats.benchmarks.indices import (
    VOID,
    Color,
    check_hard_edges,
    is_grey,
    read_indices,
    solid_values,
    used_colors,
)
from veason.formats.labels.footage import Footage, VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.numbers import check_entries
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.palette_frames import MaskFolder, frame_files, frame_numbers
from veason.formats.labels.palette_objects import object_folders, read_object_folders
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import encode_mask
from veason.types import ObjectMask
from veason.video.images import is_system_file

RESOLUTION = "Full-Resolution"
"""The folder of DAVIS for masks at the size of the video."""

_RESOLUTIONS = ("480p", "1080p", RESOLUTION)

OVERLAP = "pixels where objects overlap and only the surest one is kept"
_COVERED = "masks that lie wholly under surer ones"
_ROOT = re.compile(r"annotations([_-]\w+)?", re.IGNORECASE)
"""The folder of all masks: also Annotations_unsupervised of DAVIS and Annotations_6fps of SA-V."""

_VOID = "area"
_NO_WORDS = "instructions (the format holds no words)"


def write_palette_video(
    video: LabelledVideo, masks_root: Path, pictures_root: Path, tally: Tally, options: ExportOptions
) -> dict[int, list[str]]:
    """Write one video and return the names of the frames on which each object has a pixel left."""
    folder = masks_root / video.name
    folder.mkdir(parents=True)
    frames = []
    shown: dict[int, list[str]] = {object_id: [] for object_id in video.object_ids}
    for frame_index, masks in video.by_frame() if video.tracks else ():
        objects = {object_id: ObjectMask(mask.rle, mask.score) for object_id, mask in masks.items()}
        image, lost = palette_image(objects, video.info.size_wh)
        image.save(folder / f"{video.frame_name(frame_index)}.png")
        left = set(np.unique(np.asarray(image)).tolist()) - {0}
        for object_id in left:
            shown[object_id].append(video.frame_name(frame_index))
        frames.append(frame_index)
        tally.counts["masks"] += len(left)
        tally.lost[OVERLAP] += lost
        tally.lost[_COVERED] += sum(not mask.is_empty for mask in masks.values()) - len(left)
    if options.has_pictures:
        write_pictures(video, frames, pictures_root / video.name)
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)
    tally.counts["objects"] += len(video.tracks)
    tally.left_out[_NO_WORDS] += sum(bool(question.instruction) for question in video.questions)
    return shown


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a folder in either layout, or of `<video>/<frame>.png` folders as models write them.

    Folders called by numbers, `<video>/<object>/<frame>.png` as in SA-V, are the objects of a video that is known.

    Raises:
        DataError: no palette PNG is there, one is broken, has soft edges or colours without ids, two are one frame, or
            nothing tells whether folders called by numbers are objects or videos.
    """
    folders = _folders(source)
    if not folders:
        raise DataError(f"{source}: holds no <video>/<frame>.png; it should be a DAVIS or YouTube-VOS folder")
    of_objects = object_folders(source, folders, finder)
    for name, objects in of_objects.items():
        pictures = next(iter(objects.values())).pictures.parent
        yield read_object_folders(name, objects, finder.find(name, pictures), tally)
    done = {folder.path for objects in of_objects.values() for folder in objects.values()}
    for name, folder in folders.items():
        if folder.path not in done:
            listed = _listed(folder.root.parent / "meta.json").get(name, {})
            yield _read_video(name, folder.path, finder.find(name, folder.pictures), listed, tally)


def _folders(source: Path) -> dict[str, MaskFolder]:
    """Return the folder with the masks of each video by the video's name.

    Where a folder called Annotations or the like is there, only what lies below such a one counts.

    Raises:
        DataError: one video is there twice.
    """
    below = (file.relative_to(source) for file in source.rglob("*") if file.suffix.lower() == ".png")
    folders = sorted({path.parent for path in below if not any(map(is_system_file, path.parts))})
    places = {path: next((at for at, part in enumerate(path.parts) if _ROOT.fullmatch(part)), -1) for path in folders}
    found: dict[str, MaskFolder] = {}
    for path, at in places.items():
        if at < 0 and any(place >= 0 for place in places.values()):
            continue  # pictures beside the labels
        parts = path.parts[at + 1 :]
        named = parts[1:] if len(parts) > 1 and parts[0] in _RESOLUTIONS else parts
        if not named:
            continue
        name, folder = "/".join(named), source / path
        if name in found:
            raise DataError(
                f"{source}: the video {name!r} is there twice, in {found[name].path.relative_to(source)} and in "
                f"{path}: name the folder to import"
            )
        found[name] = MaskFolder(folder, source.joinpath(*path.parts[: at + 1]))
    return found


def _read_video(name: str, folder: Path, footage: Footage, listed: dict[int, str], tally: ImportTally) -> LabelledVideo:
    files = frame_files(folder, tally)
    numbers = frame_numbers(files, footage)
    values = _values(files, folder)
    numbered = (values | set(listed)) - {0, VOID}  # by the video: a frame may show nothing but void
    ids = sorted(numbered | ({VOID} & set(listed))) or [1]
    check_entries(len(ids), len(files), str(folder))
    tracks: dict[int, dict[int, LabelMask]] = {object_id: {} for object_id in ids}
    size_wh = (0, 0)
    for file, frame_index in zip(files, numbers, strict=True):
        picture = read_indices(file)
        size_wh = (picture.shape[1], picture.shape[0])
        if VOID not in listed and (picture == VOID).any():
            if numbered:
                tally.find(_VOID)
                tally.leave(_VOID, f"of which {VOID} says nothing where objects have numbers")
            else:
                picture = np.where(picture == VOID, 1, picture)
        for object_id, track in tracks.items():
            track[frame_index] = LabelMask(encode_mask(picture == object_id))
    video = LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=max(numbers) + 1, size_wh=size_wh),
        questions=(LabelledQuestion("0", "", tuple(ids)),),
        tracks=tracks,
        object_names={object_id: name for object_id, name in listed.items() if name != "object"},
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )
    tally.take_whole(video)
    return video


def _values(files: list[Path], folder: Path) -> set[int]:
    """Return all values in the pictures of a video.

    Raises:
        DataError: those of grey pictures are shades, or a value has another colour in another picture: programs that
            put palettes in an order of their own give an object another value in each picture.
    """
    values: set[int] = set()
    greys: set[int] = set()
    solid: set[int] = set()
    colors: dict[int, tuple[Color, Path]] = {}
    for file in files:
        picture = read_indices(file)
        found = {int(value) for value in np.unique(picture)}
        values |= found
        for value, color in used_colors(file, found).items():
            known, where = colors.setdefault(value, (color, file))
            if known != color:
                raise DataError(
                    f"{file}: {value} is the colour {color} here and {known} in {where.name}: its palette was put in "
                    "another order, so values are no ids. Save all pictures of a video with one palette"
                )
        if is_grey(file):
            greys |= found
            solid |= solid_values(picture)
    check_hard_edges(greys, solid, folder)
    return values


def _listed(meta: Path) -> dict[str, dict[int, str]]:
    """Return the categories of meta.json by video and object id; {} where there is no such file."""
    if not meta.is_file():
        return {}
    try:
        return {
            video: {int(key): str(row.get("category") or "object") for key, row in entry["objects"].items()}
            for video, entry in read_json_file(meta, "the objects of each video")["videos"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f'{meta}: should list the objects of each video by number, as {{"videos": {{"a": {{"objects": {{"1": '
            f'{{"category": "dog"}}}}}}}}}}'
        ) from error
