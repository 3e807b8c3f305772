"""The index of a video file: its frames in display order and its seek points, read without decoding."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from veason.errors import VideoError
from veason.libraries import library_imports
from veason.video.limits import ANY, OpeningGuard, VideoLimits

with library_imports():
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers of moving pictures. Left out on purpose: playlists (hls, concat, dash), which name other files and hosts,
# and demuxers that take any text for a video (tty).
CONTAINER_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,gif,apng,ogg,flv,asf,mxf,nut,ivf,"
    "h264,hevc,obu,mpegvideo,m4v,mjpeg,webp_anim,yuv4mpegpipe,dv,rm,wtv"
)

# One packet is one picture in these, so counting packets counts frames. Other codecs are counted by decoding once.
ONE_PACKET_ONE_FRAME = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "gif", "mjpeg", "png", "prores", "dnxhd", "ffv1"}
)

# A decoder that starts inside these draws on a picture it never saw, whatever the container says of keyframes.
NEVER_SEEK = frozenset({"gif", "apng", "webp", "webp_anim"})

# H.264 and HEVC gain little beyond a few threads, and each thread holds pictures.
DECODER_THREADS = 4


@dataclass(frozen=True, slots=True)
class SeekPoint:
    """A picture at which decoding can start: its presentation and decoding timestamps in ticks."""

    pts: int
    dts: int

    @classmethod
    def of(cls, packet: Packet[VideoStream]) -> SeekPoint:
        """Return the seek point of a packet that has a `pts`, used in place of a missing `dts` (Matroska)."""
        pts = packet.pts or 0
        return cls(pts, pts if packet.dts is None else packet.dts)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The frames of a file in display order.

    Attributes:
        pts: `(N,)` int64 presentation timestamps in ticks, strictly ascending if `can_seek`.
        seek_points: by ascending `pts`.
        first: the first packet of the file.
        time_base: seconds per tick.
        codec: FFmpeg's name of the codec.
        can_seek: False if frames can only be found by counting from the start of the file.
        has_discards: whether an edit list hides frames.
        rate: the frame rate stated by the container, if any.
        container: FFmpeg's name of the demuxer.
    """

    pts: np.ndarray
    seek_points: tuple[SeekPoint, ...]
    first: SeekPoint | None
    time_base: Fraction
    codec: str
    can_seek: bool
    has_discards: bool
    rate: Fraction | None
    container: str = ""

    @property
    def fps(self) -> float:
        """Average frames per second; for a single frame the rate stated by the container, or 1."""
        ticks = int(self.pts[-1] - self.pts[0])
        if len(self.pts) > 1 and ticks > 0:
            return float((len(self.pts) - 1) / (ticks * self.time_base))
        return float(self.rate) if self.rate else 1.0

    @property
    def has_variable_rate(self) -> bool:
        """True if a timestamp differs from even spacing by more than one tick, which rounding would explain."""
        line = np.linspace(self.pts[0], self.pts[-1], len(self.pts))
        return bool(np.abs(self.pts - line).max() > 1)

    def seconds(self, frame_index: int) -> float:
        """Return the timestamp of a frame in seconds."""
        return float(int(self.pts[frame_index]) * self.time_base)


def open_container(path: Path, limits: VideoLimits = ANY) -> tuple[InputContainer, VideoStream]:
    """Open a file and select its video stream as ffmpeg does (cover art is not a video).

    Raises:
        VideoError: the file cannot be opened, is not a video, has no video stream, or exceeds `limits`.
    """
    options = {
        "format_whitelist": CONTAINER_FORMATS,
        "protocol_whitelist": "file",
        "max_streams": str(limits.max_streams),
        "max_pixels": str(limits.max_pixels),
    }
    try:
        container = av.open(
            f"file:{path}", options=options, metadata_errors="replace", timeout=(limits.max_open_s, None)
        )
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(
            f"cannot open {path.name} as a video: {_reason(error)}; is it complete, and a video at all?"
        ) from error
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & av.stream.Disposition.attached_pic:
        container.close()
        raise VideoError(f"{path.name} holds no video stream: choose a file with pictures, not only sound")
    if stream.codec_context is None:
        container.close()
        raise VideoError(f"{path.name} uses a video codec that is not supported: convert it to H.264")
    try:
        limits.check_size(path.name, (stream.codec_context.width, stream.codec_context.height))
    except VideoError:
        container.close()
        raise
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = DECODER_THREADS
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}  # a stream may grow on the way
    return container, stream


def decode_packets(packets: Iterable[Packet[VideoStream]], stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode packets that start at a keyframe; yield pictures in display order.

    Damaged packets are skipped, as in ffmpeg; a read error counts as the end of the file.
    """
    with contextlib.suppress(av.FFmpegError):
        for packet in packets:
            if packet.size:
                try:
                    yield from packet.decode()
                except av.FFmpegError:
                    continue
    with contextlib.suppress(av.FFmpegError):
        yield from stream.decode(None)


def read_index(path: Path, container: InputContainer, stream: VideoStream, limits: VideoLimits = ANY) -> Index:
    """Return the index of an open file: from its packets, or by decoding once if packets are not sufficient.

    Frames hidden by an edit list and an incomplete last frame of a truncated file are left out. The container is at its
    end afterwards.

    Raises:
        VideoError: the file has no readable frame, has more frames than `limits` allow, or takes too long.
    """
    guard = OpeningGuard(path.name, limits)
    index = _index_from_packets(container, stream, guard)
    if index is None:
        container, stream = open_container(path, limits)
        with container:
            index = _index_from_pictures(container, stream, OpeningGuard(path.name, limits))
    index = replace(index, container=container.format.name)
    if not len(index.pts):
        raise VideoError(f"{path.name} holds no frame that can be read: it is empty or damaged, export it again")
    return index


def _index_from_packets(container: InputContainer, stream: VideoStream, guard: OpeningGuard) -> Index | None:
    """Return the index, or None if packets and pictures may differ in number or order."""
    codec = stream.codec_context.name.removeprefix("lib").replace("dav1d", "av1")
    if codec not in ONE_PACKET_ONE_FRAME:
        return None
    shown: list[tuple[int, bool]] = []
    seek_points: list[SeekPoint] = []
    first: SeekPoint | None = None
    has_discards = False
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            guard.check()
            if not packet.size or (codec == "vp8" and not bytes(packet)[0] & 0x10):  # a VP8 picture never shown
                continue
            if packet.pts is None:
                return None
            first = first or SeekPoint.of(packet)
            if packet.is_keyframe:
                seek_points.append(SeekPoint.of(packet))
            has_discards |= packet.is_discard
            if not packet.is_discard:
                shown.append((packet.pts, packet.is_corrupt))
    while shown and shown[-1][1]:  # the packet in which a truncated file ends
        shown.pop()
    pts = np.array(sorted(stamp for stamp, _ in shown), dtype=np.int64)
    if not (np.diff(pts) > 0).all() or not seek_points:
        return None
    can_seek = codec not in NEVER_SEEK
    ordered = tuple(sorted(seek_points, key=lambda key: key.pts))
    return Index(pts, ordered, first, _tick(stream), codec, can_seek, has_discards, stream.average_rate)


def _index_from_pictures(container: InputContainer, stream: VideoStream, guard: OpeningGuard) -> Index:
    """Return the index by decoding everything once; only timestamps are kept."""
    seen: list[tuple[SeekPoint, bool]] = []
    stamps = [frame.pts for frame in decode_packets(_note_seek_points(container.demux(stream), seen, guard), stream)]
    codec, rate, tick = stream.codec_context.name, stream.average_rate or Fraction(25), _tick(stream)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps) and (np.diff(np.array(known, dtype=np.int64)) > 0).all():
        seek_points = tuple(sorted((key for key, is_key in seen if is_key), key=lambda key: key.pts))
        can_seek = bool(seek_points) and codec not in NEVER_SEEK
        first = seen[0][0] if seen else None
        return Index(np.array(known, dtype=np.int64), seek_points, first, tick, codec, can_seek, False, rate)
    step = max(1, round(1 / (rate * tick)))
    pts = np.arange(len(stamps), dtype=np.int64) * step
    return Index(pts, (), None, tick, codec, False, False, rate)


def _note_seek_points(
    packets: Iterable[Packet[VideoStream]], seen: list[tuple[SeekPoint, bool]], guard: OpeningGuard
) -> Iterator[Packet[VideoStream]]:
    """Yield the packets, and append the timestamps of each and whether it is a keyframe to `seen`."""
    for packet in packets:
        guard.check()
        if packet.size and packet.pts is not None:
            seen.append((SeekPoint.of(packet), packet.is_keyframe))
        yield packet


def _tick(stream: VideoStream) -> Fraction:
    """Return the length of one tick in seconds."""
    return stream.time_base or Fraction(1, 1_000_000)


def _reason(error: Exception) -> str:
    """Return FFmpeg's message without error number and path."""
    return str(getattr(error, "strerror", None) or error).lower()
