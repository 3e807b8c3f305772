"""Reading short plain clips with decord."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from veason.errors import VideoError
from veason.video.index import Index

# decord decodes ahead without bound: after one frame of a 289-frame 720p clip it held all of it within two seconds
# (36 -> 885 MB), and one step backward cost 174 ms. Nothing in its interface stops that, so it reads only clips that
# may be held whole, once and forward, which also keeps clear of its seeking. What it gives in return: decoding costs
# as much as PyAV's (3.3 ms a frame of 480p), and every later read in any order costs 0.1 ms where PyAV needs 2 ms.
MAX_CLIP_BYTES = 128 * 2**20

# decord shows a neighbour in place of a frame it cannot decode, up to this share of the clip: none.
NO_RECOVERY = 1e-9

CODECS = frozenset({"h264", "hevc", "vp9"})


def import_decord() -> ModuleType | None:
    """Return the decord module, or None if it is not installed."""
    try:
        return importlib.import_module("decord")
    except ImportError:
        return None


SIGNATURES = {"mov,mp4,m4a,3gp,3g2,mj2": (4, b"ftyp"), "matroska,webm": (0, b"\x1a\x45\xdf\xa3")}
"""Containers that every FFmpeg recognises by a signature: its offset and bytes, by the demuxer's name.

decord opens a file with its own FFmpeg, which has no list of allowed containers: a file that is MPEG-TS here could be a
playlist there and show pictures of another file. A file with one of these signatures is not ambiguous.
"""


def has_known_signature(path: Path, container: str) -> bool:
    """Tell whether a file has the signature of `container`, so that no FFmpeg takes it for another format."""
    if container not in SIGNATURES:
        return False
    offset, signature = SIGNATURES[container]
    with path.open("rb") as file:
        return file.read(offset + len(signature))[offset:] == signature


def fits_decord(index: Index, size_wh: tuple[int, int], is_plain: bool) -> bool:
    """Tell whether decord reads a file correctly and in bounded memory. It is safe only with `has_known_signature`.

    `is_plain` means progressive 8-bit 4:2:0 of limited range without rotation. decord ignores rotation and edit lists,
    and computes wrong colours in the last row or column if a side is odd.
    """
    width, height = size_wh
    is_plain &= width % 2 == 0 and height % 2 == 0
    is_small = len(index.pts) * width * height * 3 <= MAX_CLIP_BYTES
    return is_small and is_plain and index.can_seek and not index.has_discards and index.codec in CODECS


class DecordReader:
    """A reader of a short clip that decodes all frames at the first read and keeps them."""

    name = "decord"

    def __init__(self, decord: ModuleType, path: Path, index: Index, size_wh: tuple[int, int]) -> None:
        self.size_wh = size_wh
        self._decord, self._path, self._num_frames = decord, path, len(index.pts)
        self._images: list[np.ndarray] = []
        self._errors = (decord.DECORDError, decord.DECORDLimitReachedError, RuntimeError, AssertionError)
        try:
            decord.logging.set_level(decord.logging.QUIET)
            self._reader = self._open()
            starts = self._reader.get_frame_timestamp(range(len(self._reader)))[:, 0]
        except self._errors as error:
            raise VideoError(f"decord cannot open {path.name}: {error}") from error
        stamps = np.sort(index.pts) * float(index.time_base)
        if len(starts) != len(stamps) or np.abs(np.sort(starts) - stamps).max() > float(index.time_base) / 2 + 1e-4:
            raise VideoError(f"decord counts other frames in {path.name} than its index: read it with PyAV")

    def read(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB.

        Raises:
            VideoError: decord does not deliver every frame of the index.
        """
        if not self._images:
            self._images = self._read_all()
        return self._images[frame_index].copy()

    @property
    def num_bytes(self) -> int:
        """Memory of the decoded pictures, in bytes."""
        return sum(image.nbytes for image in self._images)

    def release(self) -> None:
        """Free the decoder and the pictures; the next read creates them again."""
        self.close()

    def _open(self) -> Any:
        return self._decord.VideoReader(str(self._path), num_threads=2, fault_tol=NO_RECOVERY)

    def close(self) -> None:
        """Free the decoder and the pictures."""
        self._images = []
        self._reader = None

    def _read_all(self) -> list[np.ndarray]:
        width, height = self.size_wh
        images = []
        try:
            self._reader = self._reader or self._open()
            for _ in range(self._num_frames):
                frame = self._reader.next()  # a tensor where somebody has set another bridge, as sam2's loader does
                images.append(frame.asnumpy() if hasattr(frame, "asnumpy") else np.asarray(frame))
        except (StopIteration, *self._errors) as error:
            raise VideoError(
                f"decord delivers {len(images)} of {self._num_frames} frames of {self._path.name}"
            ) from error
        self._reader = None
        if any(image.shape != (height, width, 3) for image in images):
            raise VideoError(f"decord delivers frames of {self._path.name} at another size than {width}x{height}")
        return images
