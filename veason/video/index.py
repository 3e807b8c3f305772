"""What a file holds, read without decoding: its frames in display order and the places where decoding can start."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from veason.errors import VideoError
from veason.libraries import library_imports
from veason.video.limits import ANY, OpeningWatch, VideoLimits

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
    """A picture at which decoding can start: its own timestamp and its place in decoding order, in ticks."""

    pts: int
    dts: int

    @classmethod
    def of(cls, packet: Packet[VideoStream]) -> SeekPoint:
        """Return the key of a packet that has a `pts`; Matroska leaves out the `dts` of the first few."""
        pts = packet.pts or 0
        return cls(pts, pts if packet.dts is None else packet.dts)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The frames of a file in display order.

    `pts` is `(N,)` int64 in ticks of `time_base` seconds, strictly rising where `can_seek`; `seek_points` are in rising
    `pts`; `first` is the first packet of the file; `container` is its demuxer's name as FFmpeg spells it. Where
    `can_seek` is false, frames are known only by counting from the start of the file. `has_discards` tells that an edit
    list hides frames.
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
        """Average frames per second; for a single frame the rate the container states, or 1."""
        ticks = int(self.pts[-1] - self.pts[0])
        if len(self.pts) > 1 and ticks > 0:
            return float((len(self.pts) - 1) / (ticks * self.time_base))
        return float(self.rate) if self.rate else 1.0

    @property
    def has_variable_rate(self) -> bool:
        """True where the timestamps leave the straight line by more than the one tick that rounding explains."""
        line = np.linspace(self.pts[0], self.pts[-1], len(self.pts))
        return bool(np.abs(self.pts - line).max() > 1)

    def seconds(self, frame_index: int) -> float:
        """Return the timestamp of a frame in seconds."""
        return float(int(self.pts[frame_index]) * self.time_base)


def open_container(path: Path, limits: VideoLimits = ANY) -> tuple[InputContainer, VideoStream]:
    """Open a file and pick its video stream as ffmpeg does (covers of songs are not video).

    Raises:
        VideoError: the file cannot be opened, is no video, holds no video stream, or asks for more than `limits`.
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
    """Yield the pictures of `packets`, from a keyframe on, in display order.

    Damaged packets are skipped, as ffmpeg does; a read error counts as the end of the file.
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
    """Return the index of an open file: from its packets alone, or by decoding once where packets do not tell.

    Frames hidden by an edit list are left out, and so is what was cut off at the end of a truncated file. The
    container stands at its end afterwards.

    Raises:
        VideoError: the file holds no frame, or more than `limits` allow, or takes longer than they allow.
    """
    watch = OpeningWatch(path.name, limits)
    index = _index_from_packets(container, stream, watch)
    if index is None:
        container, stream = open_container(path, limits)
        with container:
            index = _index_from_pictures(container, stream, OpeningWatch(path.name, limits))
    index = replace(index, container=container.format.name)
    if not len(index.pts):
        raise VideoError(f"{path.name} holds no frame that can be read: it is empty or damaged, export it again")
    return index


def _index_from_packets(container: InputContainer, stream: VideoStream, watch: OpeningWatch) -> Index | None:
    """Return the index, or None where packets and pictures need not be the same in number and order."""
    codec = stream.codec_context.name.removeprefix("lib").replace("dav1d", "av1")
    if codec not in ONE_PACKET_ONE_FRAME:
        return None
    shown: list[tuple[int, bool]] = []
    seek_points: list[SeekPoint] = []
    first: SeekPoint | None = None
    has_discards = False
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            watch.check()
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


def _index_from_pictures(container: InputContainer, stream: VideoStream, watch: OpeningWatch) -> Index:
    """Return an index by decoding everything once, keeping timestamps only."""
    seen: list[tuple[SeekPoint, bool]] = []
    stamps = [frame.pts for frame in decode_packets(_note_seek_points(container.demux(stream), seen, watch), stream)]
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
    packets: Iterable[Packet[VideoStream]], seen: list[tuple[SeekPoint, bool]], watch: OpeningWatch
) -> Iterator[Packet[VideoStream]]:
    """Pass packets on, noting the stamps of each and whether it is a keyframe."""
    for packet in packets:
        watch.check()
        if packet.size and packet.pts is not None:
            seen.append((SeekPoint.of(packet), packet.is_keyframe))
        yield packet


def _tick(stream: VideoStream) -> Fraction:
    """Return the seconds of one unit of a timestamp."""
    return stream.time_base or Fraction(1, 1_000_000)


def _reason(error: Exception) -> str:
    """Return what FFmpeg says, without error number and path."""
    return str(getattr(error, "strerror", None) or error).lower()
