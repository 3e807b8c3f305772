"""Palette pictures, one a frame, as DAVIS and YouTube-VOS share them: written for a video, read from a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from veason.draw import palette_image
from veason.errors import DataError
from veason.formats.benchmarks.truth import read_indices
from veason.formats.labels.footage import VideoFinder, natural_key
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import encode_mask
from veason.types import ObjectMask

RESOLUTION = "Full-Resolution"
"""The folder of DAVIS for masks at the size of the video."""

_RESOLUTIONS = ("480p", "1080p", RESOLUTION)

OVERLAP = "pixels where objects overlap and only the surest one is kept"
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
        for object_id in set(np.unique(np.asarray(image)).tolist()) - {0}:
            shown[object_id].append(video.frame_name(frame_index))
        frames.append(frame_index)
        tally.counts["masks"] += sum(not mask.is_empty for mask in masks.values())
        tally.lost[OVERLAP] += lost
    if options.has_pictures:
        write_pictures(video, frames, pictures_root / video.name)
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)
    tally.counts["objects"] += len(video.tracks)
    tally.left_out[_NO_WORDS] += sum(bool(question.instruction) for question in video.questions)
    return shown


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a folder in either layout, or of `<video>/<frame>.png` folders as models write them.

    Raises:
        DataError: no palette PNG is there, or one is broken or a colour picture.
    """
    roots = [root for root in (source / "train" / "Annotations", source / "Annotations") if root.is_dir()]
    root = roots[0] if roots else source
    folders = sorted({file.parent for file in root.rglob("*.png")} - {root})
    if not folders:
        raise DataError(f"{source}: holds no <video>/<frame>.png; it should be a DAVIS or YouTube-VOS folder")
    listed = _listed(root.parent / "meta.json")
    for folder in folders:
        below = folder.relative_to(root)
        is_resolution = len(below.parts) > 1 and below.parts[0] in _RESOLUTIONS
        name = Path(*below.parts[1:]).as_posix() if is_resolution else below.as_posix()
        video = _read_video(name, folder, root.parent / "JPEGImages" / below, listed.get(name, {}), finder)
        tally.take_whole(video)
        yield video


def _read_video(name: str, folder: Path, pictures: Path, listed: dict[int, str], finder: VideoFinder) -> LabelledVideo:
    files = sorted(folder.glob("*.png"), key=natural_key)
    footage = finder.find(name, pictures)
    numbers = [footage.index_of(file.stem, file) for file in files]
    ids = sorted({int(value) for file in files for value in np.unique(_indices(file))} - {0} | set(listed)) or [1]
    tracks: dict[int, dict[int, LabelMask]] = {object_id: {} for object_id in ids}
    size_wh = (0, 0)
    for file, frame_index in zip(files, numbers, strict=True):
        picture = _indices(file)
        size_wh = (picture.shape[1], picture.shape[0])
        for object_id, track in tracks.items():
            track[frame_index] = LabelMask(encode_mask(picture == object_id))
    return LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=max(numbers) + 1, size_wh=size_wh),
        questions=(LabelledQuestion("0", "", tuple(ids)),),
        tracks=tracks,
        object_names={object_id: name for object_id, name in listed.items() if name != "object"},
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )


def _indices(file: Path) -> np.ndarray:
    """Return object ids; a grey picture of 0 and 255, as models write for one object, holds object 1."""
    picture = read_indices(file)
    return np.where(picture == 255, 1, picture) if set(np.unique(picture)) <= {0, 255} else picture


def _listed(meta: Path) -> dict[str, dict[int, str]]:
    """Return the categories of meta.json by video and object id; {} where there is no such file."""
    if not meta.is_file():
        return {}
    try:
        return {
            video: {int(key): row["category"] for key, row in entry["objects"].items()}
            for video, entry in read_json_file(meta, "the objects of each video")["videos"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{meta}: should list videos, their objects and categories: {error!r}") from error
