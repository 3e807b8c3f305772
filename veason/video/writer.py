"""Writing MP4 files."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from veason.errors import ExportError
from veason.libraries import library_imports

with library_imports():
    import av
    from av.container import OutputContainer
    from av.video.reformatter import ColorRange, Colorspace
    from av.video.stream import VideoStream

_BT709 = 1  # the number of BT.709 in H.264's colour tables (matrix, primaries and transfer alike)
_CRF = "18"  # visually lossless, so that thin mask outlines stay sharp


class VideoWriter:
    """A writer of H.264 MP4 files (yuv420p, BT.709) that play in browsers. Use it as a context manager.

    The file is written atomically: under a temporary name, which is replaced at the end or deleted after an error.
    Since yuv420p requires even sides, an odd side is padded by repeating its last row or column, so that the video is
    one pixel larger than `size_wh`.

    Args:
        path: the file to write.
        size_wh: size of the pictures in pixels.
        fps: frames per second.

    Raises:
        ExportError: the size or the frame rate is not positive and finite.
    """

    def __init__(self, path: str | Path, size_wh: tuple[int, int], fps: float) -> None:
        self._path, self._size_wh = Path(path), size_wh
        if not (math.isfinite(fps) and fps > 0 and min(size_wh) > 0):
            raise ExportError(
                f"cannot write {self._path.name} at {fps} frames a second and size {size_wh}: give numbers above 0"
            )
        self._rate = Fraction(fps).limit_denominator(100_000)
        self._part: Path | None = None
        self._opened: tuple[OutputContainer, VideoStream] | None = None

    def write(self, image: np.ndarray) -> None:
        """Append one `(H, W, 3)` uint8 RGB picture of size `size_wh`.

        Raises:
            ExportError: the picture has another shape or dtype, or it cannot be encoded or written.
        """
        width, height = self._size_wh
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ExportError(
                f"{self._path.name} takes uint8 pictures of shape {(height, width, 3)}, got {image.dtype} {image.shape}"
            )
        padded = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        try:
            container, stream = self._opened or self._open(padded.shape[1], padded.shape[0])
            frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            container.mux(stream.encode(frame))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Finish the file and rename it to `path`.

        Raises:
            ExportError: no frame was written, or the disk or the encoder fails.
        """
        if self._opened is None or self._part is None:
            raise ExportError(f"{self._path.name} was given no frame: write at least one")
        container, stream = self._opened
        try:
            container.mux(stream.encode(None))
            container.close()
            os.replace(self._part, self._path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def _open(self, width: int, height: int) -> tuple[OutputContainer, VideoStream]:
        self._part = self._path.with_name(f".{self._path.stem}.{uuid.uuid4().hex}.mp4")
        container = av.open(f"file:{self._part}", "w", format="mp4", options={"movflags": "+faststart"})
        stream = container.add_stream("libx264", rate=self._rate, options={"crf": _CRF})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        self._opened = container, stream
        return self._opened

    def _failure(self, error: Exception) -> ExportError:
        self._discard()
        return ExportError(f"cannot write {self._path}: {error}; is the disk full, or the folder missing or locked?")

    def _discard(self) -> None:
        """Remove the unfinished file."""
        if self._opened is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):  # the file is deleted anyway
                self._opened[0].close()
            self._opened = None
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None
