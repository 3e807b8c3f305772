"""Reading video with PyAV: any codec, rotation and edit lists, in bounded memory."""

from __future__ import annotations

import contextlib
import itertools
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from veason.errors import VideoError
from veason.libraries import library_imports
from veason.video.index import Index, SeekPoint, decode_packets, open_container, read_index
from veason.video.limits import ANY, VideoLimits

with library_imports():
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.sidedata.sidedata import Type as SideData
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Interpolation
    from av.video.stream import VideoStream

CACHE_BYTES = 64 * 2**20
"""Capacity of the picture cache in bytes (46 frames of 720p as YUV). Decoding a GOP fills it for reading backward."""

CURSORS = 2
"""Number of open decoders: one for reading forward, one for reading backward at the same time."""

DECODER_PICTURES = 20
"""Approximate number of pictures in an open decoder: reference pictures, and one per thread."""

SEEK_TRIES = 3
"""Earlier keyframes to try if a seek does not land on the requested one; then decoding starts at frame 0."""

SHORT_STEP = 8
"""Decoding this many frames forward is never slower than a seek."""


PLAIN_MATRICES = frozenset({1, 2, 5, 6})
"""Colour matrices by their number in H.264's table: BT.709, unspecified, and both of BT.601."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """The transformation from stored to displayed picture: transpose first, then flip along x and y."""

    is_transposed: bool = False
    is_flipped_x: bool = False
    is_flipped_y: bool = False

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Return the `(H, W, 3)` picture in display orientation."""
        if self.is_transposed:
            image = image.transpose(1, 0, 2)
        image = image[:: -1 if self.is_flipped_y else 1, :: -1 if self.is_flipped_x else 1]
        return np.ascontiguousarray(image)


def read_orientation(frame: VideoFrame, name: str) -> Orientation:
    """Return the orientation from the display matrix of a picture.

    Raises:
        VideoError: the matrix is not a rotation by quarter turns, possibly mirrored.
    """
    attached: Any = frame.side_data  # PyAV declares this container as one of its items
    side_data = [data for data in attached if data.type == SideData.DISPLAYMATRIX]
    if not side_data:
        return Orientation()
    # The matrix maps (x, y) to (a x + c y, b x + d y).
    a, b, _, c, d, *_ = np.frombuffer(bytes(side_data[0]), dtype="<i4").tolist()
    if a and d and not b and not c:
        return Orientation(False, a < 0, d < 0)
    if b and c and not a and not d:
        return Orientation(True, c < 0, b < 0)
    raise VideoError(f"{name} is turned by an angle that is not a quarter turn: re-encode it upright")


class _Cursor:
    """An open container and decoder with a known frame position."""

    def __init__(
        self,
        path: Path,
        index: Index,
        limits: VideoLimits,
        opened: tuple[InputContainer, VideoStream] | None = None,
    ) -> None:
        self._path, self._index, self._limits = path, index, limits
        self._numbers = {stamp: number for number, stamp in enumerate(index.pts.tolist())}
        self._container, self._stream = opened or open_container(path, limits)
        self.rewind()

    @property
    def is_from_start(self) -> bool:
        """True if decoding started at the first packet, so that every decodable picture is seen."""
        return self._trusted_from is None

    def rewind(self) -> None:
        """Restart at the first packet: by a seek if that lands there, else by reopening the file."""
        first = self._index.first
        packets = self._land(first) if first and self._index.can_seek else None
        if packets is None or packets[0] != first:
            self.close()
            self._container, self._stream = open_container(self._path, self._limits)
            self._start(self._container.demux(self._stream), None)
        else:
            self._start(packets[1], None)

    def seek(self, seek_points: tuple[SeekPoint, ...]) -> None:
        """Start at the last of `seek_points`; if the seek lands elsewhere, at an earlier one or at the first packet."""
        for key in reversed(seek_points):
            packets = self._land(key)
            if packets is not None and packets[0].pts <= key.pts:
                # Pictures displayed before the keyframe but stored after it depend on the previous group (open GOP).
                self._start(packets[1], None if packets[0] == self._index.first else packets[0].pts)
                return
        self.rewind()

    def _land(self, key: SeekPoint) -> tuple[SeekPoint, Iterator[Packet[VideoStream]]] | None:
        """Seek to `key`; return the keyframe where the container landed and the packets from there, or None."""
        with contextlib.suppress(av.FFmpegError):
            self._container.seek(key.dts, stream=self._stream)
            packets = self._container.demux(self._stream)
            landed = next((packet for packet in packets if packet.size), None)
            if landed is not None and landed.is_keyframe and landed.pts is not None:
                return SeekPoint.of(landed), itertools.chain([landed], packets)
        return None

    def _start(self, packets: Iterator[Packet[VideoStream]], trusted_from: int | None) -> None:
        self._pictures = decode_packets(packets, self._stream)
        self._trusted_from, self._count = trusted_from, 0
        self.position = 0 if trusted_from is None else int(np.searchsorted(self._index.pts, trusted_from))

    def next(self) -> tuple[int, VideoFrame] | None:
        """Return the frame index of the next complete picture and the picture, or None at the end of the file."""
        for frame in self._pictures:
            number = self._number(frame)
            if number is not None:
                self.position = number + 1
                return number, frame
        self.position = len(self._index.pts)
        return None

    def _number(self, frame: VideoFrame) -> int | None:
        if not self._index.can_seek:
            self._count += 1
            return self._count - 1 if self._count <= len(self._index.pts) else None
        if self._trusted_from is not None and (frame.is_corrupt or frame.pts is None or frame.pts < self._trusted_from):
            return None
        return self._numbers.get(frame.pts)

    def close(self) -> None:
        self._container.close()


class PyavReader:
    """A reader of one file with at most two decoders and a cache bounded in bytes."""

    name = "pyav"

    def __init__(self, path: Path, limits: VideoLimits = ANY) -> None:
        self._path = path
        self._limits = limits.for_reopening()
        self._cache: OrderedDict[int, VideoFrame] = OrderedDict()
        self._cache_bytes = 0
        self._cursors: list[_Cursor] = []
        self.index, frame = self._open(limits)
        self._key_stamps = [key.pts for key in self.index.seek_points]
        self._coded_wh = (frame.width, frame.height)
        self._orientation = read_orientation(frame, path.name)
        self.is_plain = self._orientation == Orientation() and _has_plain_colours(frame)
        width, height = self._coded_wh
        self.size_wh = (height, width) if self._orientation.is_transposed else (width, height)

    def _open(self, limits: VideoLimits) -> tuple[Index, VideoFrame]:
        """Open the file; return its index and first picture."""
        opened = open_container(self._path, limits)
        index = read_index(self._path, *opened, limits)
        self._cursors = [_Cursor(self._path, index, self._limits, opened)]
        first = self._cursors[0].next()
        if first is None:
            raise VideoError(f"no frame of {self._path.name} can be decoded: the file is damaged, export it again")
        number, frame = first
        if number:
            # Packets before the first decodable picture are not frames; ffmpeg does not count them either.
            index = replace(index, pts=index.pts[number:])
            self._cursors[0].close()
            self._cursors = [_Cursor(self._path, index, self._limits)]
        else:
            self._keep(0, frame)
        return index, frame

    def read(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB.

        Raises:
            VideoError: the frame is damaged, or its size differs from that of the first frame.
        """
        frame = self._cache.get(frame_index) or self._decode(frame_index)
        if (frame.width, frame.height) != self._coded_wh:
            raise VideoError(
                f"frame {frame_index} of {self._path.name} is {frame.width}x{frame.height}, the first is "
                f"{self._coded_wh[0]}x{self._coded_wh[1]}: re-encode the video at one size"
            )
        return self._orientation.apply(to_rgb(frame))

    @property
    def num_bytes(self) -> int:
        """Approximate memory of decoders and cached pictures, in bytes."""
        width, height = self._coded_wh
        return self._cache_bytes + len(self._cursors) * DECODER_PICTURES * width * height * 3 // 2

    def release(self) -> None:
        """Free the decoders and cached pictures; the next read creates them again."""
        self.close()

    def close(self) -> None:
        """Free the decoders and the pictures."""
        self._cache_bytes = 0
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()
        self._cache.clear()

    def _decode(self, frame_index: int) -> VideoFrame:
        cursor = self._cursor_near(frame_index)
        frame = self._run(cursor, frame_index)
        if frame is None and not cursor.is_from_start:
            cursor.rewind()
            frame = self._run(cursor, frame_index)
        if frame is None:
            raise VideoError(
                f"frame {frame_index} of {self._path.name} cannot be decoded: the file is damaged there; "
                "choose another frame or export the video again"
            )
        return frame

    def _cursor_near(self, frame_index: int) -> _Cursor:
        """Return a cursor before the frame; if there is none near, move the least recently used one there."""
        num_keys = bisect_right(self._key_stamps, int(self.index.pts[frame_index]))
        seek_points = self.index.seek_points[max(0, num_keys - SEEK_TRIES) : num_keys]
        can_seek = self.index.can_seek and bool(seek_points)
        key_index = int(np.searchsorted(self.index.pts, seek_points[-1].pts)) if can_seek else 0
        behind = [c for c in self._cursors if key_index - SHORT_STEP <= c.position <= frame_index]
        if behind:
            cursor = max(behind, key=lambda c: c.position)
        else:
            if len(self._cursors) < CURSORS:
                self._cursors.insert(0, _Cursor(self._path, self.index, self._limits))
            cursor = self._cursors[0]
            if can_seek:
                cursor.seek(seek_points)
            else:
                cursor.rewind()
        self._cursors.remove(cursor)
        self._cursors.append(cursor)
        return cursor

    def _run(self, cursor: _Cursor, frame_index: int) -> VideoFrame | None:
        while cursor.position <= frame_index:
            step = cursor.next()
            if step is None:
                return None
            number, frame = step
            self._keep(number, frame)
            if number == frame_index:
                return frame
        return None

    def _keep(self, number: int, frame: VideoFrame) -> None:
        dropped = self._cache.pop(number, None)
        self._cache[number] = frame
        self._cache_bytes += _num_bytes(frame) - (_num_bytes(dropped) if dropped else 0)
        while self._cache_bytes > CACHE_BYTES:
            self._cache_bytes -= _num_bytes(self._cache.popitem(last=False)[1])


def to_rgb(frame: VideoFrame) -> np.ndarray:
    """Return a decoded picture as `(H, W, 3)` uint8 RGB.

    Matrix and range are those stated in the stream (BT.601, limited range by default); the conversion is swscale's with
    ffmpeg's default filter.
    """
    # One thread: starting more costs five times what they save (0.6 ms against 3.1 ms for 720p on two cores).
    return frame.to_ndarray(format="rgb24", interpolation=Interpolation.BICUBIC, threads=1)


def _has_plain_colours(frame: VideoFrame) -> bool:
    """Tell whether a picture is progressive 8-bit 4:2:0 with a common matrix and limited range."""
    return (
        frame.format.name == "yuv420p"
        and frame.colorspace in PLAIN_MATRICES
        and frame.color_range != ColorRange.JPEG
        and not frame.interlaced_frame
    )


def _num_bytes(frame: VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
