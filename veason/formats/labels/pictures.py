"""Frames as JPEG files, for formats that hold pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from veason.errors import DataError, ExportError, VideoError
from veason.formats.benchmarks.files import check_relative
from veason.formats.benchmarks.pictures import JPEG_QUALITY
from veason.formats.labels.footage import frame_files_of
from veason.formats.labels.values import LabelledVideo
from veason.video import open_video

_ORIENTATION = 0x0112
_JPEG = (".jpg", ".jpeg")


def write_pictures(
    video: LabelledVideo, frame_indices: Iterable[int], folder: Path, *, size_wh: tuple[int, int] | None = None
) -> None:
    """Write frames as `folder`/<frame name>.jpg, squashed to `size_wh` where it is given; those there are kept.

    A frame that lies in a JPEG file of the right size already is copied as it is.

    Raises:
        ExportError: the video is not known or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = dict(video.frame_files) or dict(enumerate(frame_files_of(video.info)))
    files = {index: folder / f"{video.frame_name(index)}.jpg" for index in frame_indices}
    missing = [index for index, file in files.items() if not file.exists()]
    copied = {index for index in missing if index in sources and size_wh is None and _is_plain_jpeg(sources[index])}
    for index in copied:
        shutil.copyfile(sources[index], files[index])
    left = [index for index in missing if index not in copied]
    for index, image in read_pictures(video, left) if left else ():
        save_jpeg(image, files[index], size_wh)


def read_pictures(video: LabelledVideo, frame_indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (frame index, `(H, W, 3)` uint8 RGB).

    Raises:
        ExportError: the video is not known or cannot be read.
    """
    check_has_pictures(video, frame_indices)
    try:
        if not video.info.path:
            for index in frame_indices:
                with open_video(video.frame_files[index], limits=video.limits) as source:
                    yield index, source.frame(0)
            return
        with open_video(video.info.path, limits=video.limits) as source:
            for frame in source.frames(frame_indices):
                yield frame.index, frame.image
    except VideoError as error:
        raise ExportError(f"video {video.name!r}: {error}") from error


def check_has_pictures(video: LabelledVideo, frame_indices: Iterable[int]) -> None:
    """Raise ExportError where neither the video is known nor the pictures of these frames."""
    missing = [] if video.info.path else [index for index in frame_indices if index not in video.frame_files]
    if missing:
        raise ExportError(
            f"video {video.name!r} has labels but no picture of frame {missing[0]}: name its file or folder of frames"
        )


def save_jpeg(image: np.ndarray, file: Path, size_wh: tuple[int, int] | None = None) -> None:
    """Write `(H, W, 3)` uint8 RGB as JPEG, squashed (bilinear) to `size_wh` where it is given."""
    picture = Image.fromarray(image)
    if size_wh is not None and picture.size != size_wh:
        picture = picture.resize(size_wh, Image.Resampling.BILINEAR)
    picture.save(file, quality=JPEG_QUALITY, subsampling=0)


def _is_plain_jpeg(file: Path) -> bool:
    """Tell whether the file is a JPEG that shows as it is stored."""
    if file.suffix.lower() not in _JPEG:
        return False
    with Image.open(file) as picture:
        return picture.format == "JPEG" and picture.getexif().get(_ORIENTATION, 1) == 1


def check_name(name: str) -> None:
    """Raise ExportError unless a video's name can be a path below a folder."""
    try:
        check_relative(name, "video")
    except DataError as error:
        raise ExportError(str(error)) from error
