"""Reading and writing video: frames by absolute index, the same frames as ffmpeg's.

Frame `i` is the `i`-th picture (0-based, display order) that `ffmpeg -fps_mode passthrough` outputs: rotated by the
display matrix, without frames hidden by an edit list, never resampled. The result does not depend on which frames were
read before. Only pictures from the nearest keyframe on are decoded, and memory is bounded for any length.

Colours are swscale's for the matrix and range stated in the stream (BT.601, limited, if it states none). They differ
from the RGB of the ffmpeg program (tested: 5.1) by at most COLOUR_MEAN on average and COLOUR_MAX in any value: not at
all for 8 bits, by rounding for 10 bits. Interlaced video differs more (up to 6), since its chroma is scaled by field.

A truncated file has the frames that are complete. A damaged frame keeps its index and raises VideoError when it is
read, unless the decoder conceals the damage.

    index.py    the frames of a file, from its packets
    pyav.py     any file: seeking, two decoders, a cache bounded in bytes
    decord.py   short plain clips, decoded completely
    images.py   folders of frames
    limits.py   limits on what a file may require
    writer.py   MP4
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from veason.errors import MissingBackend, VideoError
from veason.libraries import INSTALL_COMMANDS
from veason.texts import has_half_letters
from veason.types import Frame, VideoInfo
from veason.video import decord as _decord
from veason.video.decord import DecordReader, fits_decord, has_known_signature
from veason.video.images import IMAGE_FPS, SUFFIXES, ImagesReader
from veason.video.index import Index
from veason.video.limits import ANY, UNTRUSTED, VideoLimits
from veason.video.pyav import PyavReader
from veason.video.writer import VideoWriter

__all__ = ["COLOUR_MAX", "COLOUR_MEAN", "UNTRUSTED", "Video", "VideoLimits", "VideoWriter", "open_video"]

COLOUR_MEAN = 0.5
"""Largest mean difference per channel between a frame here and the ffmpeg program's RGB, in levels of 255."""

COLOUR_MAX = 4
"""Largest difference of any one value between a frame here and the ffmpeg program's RGB, in levels of 255."""

DECODERS = ("auto", "pyav", "decord")


class Reader(Protocol):
    """A backend that reads frames. Callers check indices and serialise calls."""

    name: str
    size_wh: tuple[int, int]

    def read(self, frame_index: int) -> np.ndarray:
        """Return `(H, W, 3)` uint8 RGB. Raises VideoError."""

    @property
    def num_bytes(self) -> int:
        """Approximate memory of decoders and cached pictures, in bytes."""

    def release(self) -> None:
        """Free decoders and cached pictures; the next read creates them again."""

    def close(self) -> None:
        """Free all resources."""


class Video:
    """Random access to the frames of one video, from `open_video`.

    Thread-safe: one thread reads at a time. A pickled video contains the path only; a forked process opens the file
    again, because decoder threads do not survive a fork.
    """

    def __init__(self, path: Path, decoder: str, limits: VideoLimits = ANY) -> None:
        self._path, self._decoder, self._limits = path, decoder, limits
        self._open()
        self._limits = limits.for_reopening()

    def _open(self) -> None:
        self._lock, self._pid, self._is_closed = threading.RLock(), os.getpid(), False
        self._reader, self._info = _open_reader(self._path, self._decoder, self._limits)

    @property
    def info(self) -> VideoInfo:
        """Number of frames, size, frame rate and timestamps."""
        return self._info

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as a new, writable `(H, W, 3)` uint8 RGB array.

        Raises:
            VideoError: the index is outside the video, the frame is damaged, or the video was closed.
        """
        self._check(frame_index)
        if self._pid != os.getpid():
            self._inherited = self._reader  # freeing it would wait for threads that the fork left behind
            self._open()
        with self._lock:
            if self._is_closed:
                raise VideoError(f"{self._path.name} was closed: open it again to read frames")
            return self._read(int(frame_index))

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield frames in the given order, decoding only what they need.

        Raises:
            VideoError: as for `frame`; indices are checked before the first frame is read.
        """
        for frame_index in frame_indices:
            self._check(frame_index)
        for frame_index in frame_indices:
            yield Frame(int(frame_index), self.frame(frame_index))

    @property
    def num_bytes(self) -> int:
        """Approximate memory of its decoders and cached pictures, in bytes."""
        return self._reader.num_bytes

    def release(self) -> None:
        """Free decoders and cached pictures, unless a frame is being read; the next read creates them again."""
        if self._pid == os.getpid() and self._lock.acquire(blocking=False):
            try:
                self._reader.release()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Free all resources. Later reads raise VideoError; closing twice is allowed."""
        with self._lock:
            self._is_closed = True
            self._reader.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Video], tuple[Path, str, VideoLimits]]:
        return type(self), (self._path, self._decoder, self._limits)

    def _check(self, frame_index: int) -> None:
        count = self._info.num_frames
        if not 0 <= frame_index < count:
            held = f"it has {count} frames (0 to {count - 1})" if count > 1 else "it has 1 frame (0)"
            raise VideoError(f"cannot read frame {frame_index} of {self._path.name}: {held}")

    def _read(self, frame_index: int) -> np.ndarray:
        try:
            return self._reader.read(frame_index)
        except VideoError:
            # decord reads all frames of a clip or none. PyAV can still read the undamaged frames.
            if not isinstance(self._reader, DecordReader) or self._decoder == "decord":
                raise
        self._reader.close()
        self._reader = PyavReader(self._path, self._limits)
        self._info = replace(self._info, decoder=self._reader.name)
        return self._reader.read(frame_index)


def open_video(path: str | Path, decoder: str = "auto", limits: VideoLimits = ANY) -> Video:
    """Open a video file, or a folder of JPEG or PNG frames.

    Opening reads the index and decodes one picture (for the rotation). Only the file itself is ever read: playlists and
    references to other files or hosts are not followed.

    Args:
        path: the file or folder.
        decoder: "auto", "pyav" or "decord"; not used for folders and single images. "auto" is decord for short plain
            clips if it is installed, else PyAV. If decord cannot read every frame of a clip, PyAV takes over before the
            first frame is returned.
        limits: `UNTRUSTED` for files from strangers.

    Raises:
        VideoError: the path does not exist, is not a video, has no video stream or no readable frame, is not suitable
            for decord, or exceeds `limits`.
        MissingBackend: "decord" is requested and not installed.
    """
    if decoder not in DECODERS:
        raise VideoError(f"a decoder is one of {', '.join(DECODERS)}, got {decoder!r}")
    return Video(Path(path).absolute(), decoder, limits)


def _open_reader(path: Path, decoder: str, limits: VideoLimits) -> tuple[Reader, VideoInfo]:
    if not path.exists():
        raise VideoError(f"there is no video at {path}: check the path")
    if has_half_letters(str(path)):
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise VideoError(f"the name {shown!r} holds bytes that are no text: rename the video")
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return _open_images(path, limits)
    if not path.is_file() or not path.stat().st_size:
        raise VideoError(f"{path.name} is empty or not a file: choose a video file or a folder of frames")
    pyav = PyavReader(path, limits)
    reader = (
        pyav if decoder == "pyav" or not limits.is_trusted else _try_decord(path, pyav, is_required=decoder == "decord")
    )
    return reader, _describe(path, pyav.index, reader)


def _open_images(path: Path, limits: VideoLimits) -> tuple[Reader, VideoInfo]:
    reader = ImagesReader(path, limits)
    last = (reader.num_frames - 1) / IMAGE_FPS
    return reader, VideoInfo(
        str(path), reader.num_frames, reader.size_wh, IMAGE_FPS, 0.0, last, has_variable_rate=False, decoder=reader.name
    )


def _try_decord(path: Path, pyav: PyavReader, *, is_required: bool) -> Reader:
    """Return a decord reader if decord is installed and agrees with the index, else `pyav`."""
    is_fit = has_known_signature(path, pyav.index.container) and fits_decord(pyav.index, pyav.size_wh, pyav.is_plain)
    module = _decord.import_decord() if is_fit or is_required else None
    if is_required and module is None:
        raise MissingBackend(f"decord is not installed: {INSTALL_COMMANDS['decord']}")
    if is_required and not is_fit:
        raise VideoError(f"{path.name} is too long, rotated, edited or not 8-bit for decord: open it with PyAV")
    if module is None or not is_fit:
        return pyav
    try:
        reader = DecordReader(module, path, pyav.index, pyav.size_wh)
    except VideoError:
        if is_required:
            raise
        return pyav
    pyav.close()
    return reader


def _describe(path: Path, index: Index, reader: Reader) -> VideoInfo:
    return VideoInfo(
        path=str(path),
        num_frames=len(index.pts),
        size_wh=reader.size_wh,
        fps=index.fps,
        first_timestamp=index.seconds(0),
        last_timestamp=index.seconds(-1),
        has_variable_rate=index.has_variable_rate,
        decoder=reader.name,
    )
