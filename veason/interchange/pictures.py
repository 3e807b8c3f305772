"""Frames as JPEG files for formats that hold pictures, and what is known of a video when labels come in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from veason.data.write import JPEG_QUALITY, check_relative
from veason.errors import DataError, ExportError, VideoError
from veason.interchange.model import LabelledVideo
from veason.types import VideoInfo
from veason.video import open_video

UNKNOWN_FPS = 24.0
"""Rate of a video of which only labels are known. Source: as for folders of frames, see `veason.video`."""

_ORIENTATION = 0x0112
_JPEG = (".jpg", ".jpeg")
_PICTURES = (*_JPEG, ".png")


def write_pictures(
    video: LabelledVideo, frame_indices: Iterable[int], folder: Path, *, size_wh: tuple[int, int] | None = None
) -> None:
    """Write frames as `folder`/<frame name>.jpg, squashed to `size_wh` where it is given; those there are kept.

    A frame that lies in a JPEG file of the right size already is copied as it is.

    Raises:
        ExportError: the video is not known or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = picture_files(video.info) if size_wh is None else ()
    files = {index: folder / f"{video.frame_name(index)}.jpg" for index in frame_indices}
    missing = [index for index, file in files.items() if not file.exists()]
    left = [index for index in missing if not sources or not _is_plain_jpeg(sources[index])]
    for index in missing:
        if index not in left:
            shutil.copyfile(sources[index], files[index])
    for index, image in read_pictures(video, left) if left else ():
        save_jpeg(image, files[index], size_wh)


def read_pictures(video: LabelledVideo, frame_indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (frame index, `(H, W, 3)` uint8 RGB).

    Raises:
        ExportError: the video is not known or cannot be read.
    """
    check_has_pictures(video)
    try:
        with open_video(video.info.path) as source:
            for frame in source.frames(frame_indices):
                yield frame.index, frame.image
    except VideoError as error:
        raise ExportError(f"video {video.name!r}: {error}") from error


def check_has_pictures(video: LabelledVideo) -> None:
    """Raise ExportError where only the labels of a video are known."""
    if not video.info.path:
        raise ExportError(f"video {video.name!r} has labels but no pictures: name its file or folder of frames")


def save_jpeg(image: np.ndarray, file: Path, size_wh: tuple[int, int] | None = None) -> None:
    """Write `(H, W, 3)` uint8 RGB as JPEG, squashed (bilinear) to `size_wh` where it is given."""
    picture = Image.fromarray(image)
    if size_wh is not None and picture.size != size_wh:
        picture = picture.resize(size_wh, Image.Resampling.BILINEAR)
    picture.save(file, quality=JPEG_QUALITY, subsampling=0)


def picture_files(info: VideoInfo) -> tuple[Path, ...]:
    """Return the files behind a folder of frames in the order of its frames, () for a video file."""
    if info.decoder != "images" or not info.path:
        return ()
    path = Path(info.path)
    if path.is_file():
        return (path,)
    return tuple(sorted((file for file in path.iterdir() if file.suffix.lower() in _PICTURES), key=natural_key))


def frame_names_of(info: VideoInfo) -> tuple[str, ...]:
    """Return the names of the frames of a folder where they ascend as text, as most formats want; else ()."""
    names = tuple(file.stem for file in picture_files(info))
    return names if list(names) == sorted(set(names)) else ()


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return the sorting key by which `veason.video` orders the files of a folder: 2.jpg comes before 10.jpg."""
    parts = re.findall(r"(\d+)|(\D+)", path.name)
    return [(0, int(digits), digits) if digits else (1, 0, text) for digits, text in parts]


def _is_plain_jpeg(file: Path) -> bool:
    """Tell whether the file is a JPEG that shows as it is stored."""
    if file.suffix.lower() not in _JPEG:
        return False
    with Image.open(file) as picture:
        return picture.format == "JPEG" and picture.getexif().get(_ORIENTATION, 1) == 1


@dataclass(frozen=True, slots=True)
class VideoFinder:
    """Finds the video that labels are about, and turns frame names into frame indices.

    `known` maps names of videos to files or folders of frames; `folder` is searched for what is not in it.
    """

    known: Mapping[str, str | Path] = field(default_factory=dict)
    folder: Path | None = None

    def find(self, name: str, pictures: Path | None = None) -> VideoInfo | None:
        """Return what is known of the video called `name`; `pictures` is a folder of frames beside the labels.

        Raises:
            DataError: a video was named that cannot be read.
        """
        path = self._path(name) or (pictures if pictures is not None and _holds_pictures(pictures) else None)
        if path is None:
            return None
        try:
            with open_video(path) as video:
                return video.info
        except VideoError as error:
            raise DataError(f"the video of the labels {name!r}: {error}") from error

    def _path(self, name: str) -> Path | None:
        if name in self.known:
            return Path(self.known[name])
        if self.folder is None:
            return None
        exact = self.folder / name
        same_stem = [file for file in exact.parent.glob("*") if file.stem == exact.name and file.is_file()]
        return exact if exact.is_dir() else (same_stem[0] if len(same_stem) == 1 else None)


def info_or_guess(info: VideoInfo | None, *, num_frames: int, size_wh: tuple[int, int]) -> VideoInfo:
    """Return `info`, or what labels alone tell of their video."""
    return info or VideoInfo("", num_frames, size_wh, UNKNOWN_FPS, 0.0, max(num_frames - 1, 0) / UNKNOWN_FPS, False, "")


def frame_index_of(frame_name: str, names: Sequence[str], file: Path) -> int:
    """Return the index of a frame: its place among `names`, or else the number that it is called by.

    Raises:
        DataError: the name is neither.
    """
    if names:
        if frame_name in names:
            return names.index(frame_name)
        raise DataError(f"{file}: frame {frame_name!r} is not in the video, whose frames are {names[0]} to {names[-1]}")
    if not frame_name.isdecimal():
        raise DataError(f"{file}: frame {frame_name!r} should be called by its number in the video")
    return int(frame_name)


def check_name(name: str) -> None:
    """Raise ExportError unless a video's name can be a path below a folder."""
    try:
        check_relative(name, "video")
    except DataError as error:
        raise ExportError(str(error)) from error


def _holds_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(file.suffix.lower() in _PICTURES for file in folder.iterdir())
