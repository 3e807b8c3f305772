"""DAVIS and YouTube-VOS: one palette PNG a frame whose pixel value is the object id.

    davis         Annotations/Full-Resolution/<video>/00012.png   JPEGImages/...   ImageSets/2017/train.txt
    youtube-vos   train/Annotations/<video>/00012.png   train/JPEGImages/...   train/meta.json

The name of a file is its frame's number in the whole video. A pixel of several objects goes to the highest score.
Pictures are written for labelled frames only. Source: the layouts of DAVIS 2017 and YouTube-VOS 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from veason.draw import palette_image
from veason.errors import DataError
from veason.formats.benchmarks.read import read_indices
from veason.formats.labels.footage import VideoFinder, natural_key
from veason.formats.labels.jsonfile import read_json
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import encode_mask
from veason.outputs import write_json
from veason.types import ObjectMask

RESOLUTION = "Full-Resolution"
_RESOLUTIONS = ("480p", "1080p", RESOLUTION)

OVERLAP = "pixels where objects overlap and only the surest one is kept"
NO_WORDS = "instructions (the format holds no words)"


def write_davis(videos: Iterable[LabelledVideo], out: Path, tally: Tally, *, has_pictures: bool) -> None:
    """Write the DAVIS layout."""
    names = []
    for video in videos:
        _write_video(video, out / "Annotations" / RESOLUTION, out / "JPEGImages" / RESOLUTION, tally, has_pictures)
        names.append(video.name)
    listing = out / "ImageSets" / "2017" / "train.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def write_youtube_vos(videos: Iterable[LabelledVideo], out: Path, tally: Tally, *, has_pictures: bool) -> None:
    """Write the YouTube-VOS layout; meta.json lists the frames on which each object is visible."""
    entries: dict[str, Any] = {}
    for video in videos:
        root = out / "train"
        shown = _write_video(video, root / "Annotations", root / "JPEGImages", tally, has_pictures)
        objects = {
            str(object_id): {"category": video.object_name(object_id), "frames": seen}
            for object_id, seen in shown.items()
        }
        entries[video.name] = {"objects": objects}
    (out / "train").mkdir(exist_ok=True)
    write_json({"videos": entries}, out / "train" / "meta.json")


def _write_video(
    video: LabelledVideo, masks_root: Path, pictures_root: Path, tally: Tally, has_pictures: bool
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
    if has_pictures:
        write_pictures(video, frames, pictures_root / video.name)
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)
    tally.counts["objects"] += len(video.tracks)
    tally.left_out[NO_WORDS] += sum(bool(question.instruction) for question in video.questions)
    return shown


def read_palettes(source: Path, finder: VideoFinder) -> Iterator[LabelledVideo]:
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
        yield _read_video(name, folder, root.parent / "JPEGImages" / below, listed.get(name, {}), finder)


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
            for video, entry in read_json(meta, "the objects of each video")["videos"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{meta}: should list videos, their objects and categories: {error!r}") from error
