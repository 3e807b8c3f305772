"""Reading folders of JPEG or PNG frames, the form of DAVIS and ReVOS."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from veason.errors import VideoError
from veason.video.limits import ANY, OpeningGuard, VideoLimits

SUFFIXES = (".jpg", ".jpeg", ".png")

IMAGE_FPS = 24.0
"""Frames per second assumed for a folder of frames. Source: DAVIS 2017 uses 24."""

_SYSTEM_FILES = (
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "__macosx", "@eadir", "#recycle", "$recycle.bin",
    "system volume information", "icon\r",
)  # fmt: skip
"""System files of Windows, macOS and Synology, in lower case, in addition to names that start with a dot."""

_ORIENTATION = 0x0112  # the EXIF tag; values 5 to 8 swap width and height
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class ImagesReader:
    """A reader of one image file per frame, in natural order of the names. Caches nothing."""

    name = "images"

    def __init__(self, path: Path, limits: VideoLimits = ANY) -> None:
        self._limits = limits.for_reopening()
        guard = OpeningGuard(path.name, limits)
        files = [path] if path.is_file() else [file for file in path.iterdir() if is_picture(file)]
        if not files:
            raise VideoError(f"{path} holds no image: a folder of frames has .jpg or .png files directly inside")
        self._files = sorted(files, key=_natural)
        self.size_wh = _read_size(self._files[0])
        limits.check_size(path.name, self.size_wh)
        for file in self._files:
            guard.check()
            if (size_wh := _read_size(file)) != self.size_wh:
                raise VideoError(
                    f"{file.name} is {size_wh[0]}x{size_wh[1]}, but {self._files[0].name} is "
                    f"{self.size_wh[0]}x{self.size_wh[1]}: the frames of a video have one size"
                )

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self._files)

    def read(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB in its EXIF orientation.

        Raises:
            VideoError: the file cannot be read or has more than 8 bits per channel.
        """
        file = self._files[frame_index]
        try:
            with Image.open(file) as image:
                self._limits.check_size(file.name, image.size)
                if image.mode.startswith(("I", "F")):
                    raise VideoError(f"{file.name} has more than 8 bits a channel: convert it to 8-bit RGB")
                return np.array(ImageOps.exif_transpose(image).convert("RGB"))
        except _BROKEN as error:
            raise VideoError(f"cannot read frame {frame_index} from {file.name}: {error}") from error

    @property
    def num_bytes(self) -> int:
        """0: nothing is cached."""
        return 0

    def release(self) -> None:
        """Do nothing, since nothing is cached."""

    def close(self) -> None:
        """Do nothing: no file stays open."""


def is_picture(file: Path) -> bool:
    """Tell whether a file of a folder is one of its pictures; what systems leave there, such as `._x.jpg`, is not."""
    return file.suffix.lower() in SUFFIXES and not is_system_file(file.name)


def is_system_file(name: str) -> bool:
    """Tell whether a name is that of a hidden file or of a file that operating systems create by themselves.

    >>> is_system_file("._clip.mp4"), is_system_file("Thumbs.db"), is_system_file("clip.mp4")
    (True, True, False)
    """
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Return the key of natural order: 2.jpg before 10.jpg."""
    parts = re.findall(r"(\d+)|(\D+)", path.name)
    return [(0, int(digits), digits) if digits else (1, 0, text) for digits, text in parts]


def _read_size(file: Path) -> tuple[int, int]:
    """Return (width, height) after EXIF rotation, from the header alone."""
    try:
        with Image.open(file) as image:
            # getexif would decode a PNG that has no such chunk.
            is_swapped = "exif" in image.info and image.getexif().get(_ORIENTATION, 1) >= 5
            return (image.height, image.width) if is_swapped else (image.width, image.height)
    except _BROKEN as error:
        raise VideoError(f"cannot read {file.name} as an image: {error}; is it complete?") from error
