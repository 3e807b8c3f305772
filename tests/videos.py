"""Small test videos whose pictures carry their own number, and the ffmpeg program's frames to compare with."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

NUMBER_BITS = 8
SIZE_WH = (160, 96)

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed: apt-get install ffmpeg"
)


def picture(number: int, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """Return `(H, W, 3)` uint8: a coloured ramp that moves, and on its upper half `number` in eight wide bars."""
    width, height = size_wh
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    ramp = np.stack([(x + 3 * number) % 256, (2 * y + 40) % 256, np.full_like(x, (90 + 5 * number) % 256)], axis=-1)
    image = ramp.astype(np.uint8)
    bits = [(number >> bit) & 1 for bit in range(NUMBER_BITS)]
    image[: height // 2] = 255 * np.array(bits, np.uint8)[x[0] * NUMBER_BITS // width][None, :, None]
    return image


def read_number(image: np.ndarray) -> int:
    """Return the number drawn by `picture`, from bars of clear black or white."""
    height, width, _ = image.shape
    row = image[height // 8 : 3 * height // 8].mean(axis=(0, 2))
    centres = [row[(2 * bit + 1) * width // (2 * NUMBER_BITS)] for bit in range(NUMBER_BITS)]
    assert all(value < 60 or value > 195 for value in centres), f"no bars to read: {centres}"
    return sum(int(value > 127) << bit for bit, value in enumerate(centres))


def run_ffmpeg(*arguments: str | Path, data: bytes = b"") -> bytes:
    """Run the ffmpeg program and return what it prints; text is split at spaces, a path is one argument."""
    command = ["ffmpeg", "-v", "error", "-y"]
    for part in arguments:
        command += [str(part)] if isinstance(part, Path) else part.split()
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def encode(
    path: Path,
    options: str,
    *,
    count: int = 30,
    size_wh: tuple[int, int] = SIZE_WH,
    rate: int = 25,
    numbers: Sequence[int] | None = None,
) -> Path:
    """Write numbered pictures with the ffmpeg program; `options` stand between input and output."""
    data = b"".join(picture(number, size_wh).tobytes() for number in (numbers or range(count)))
    source = f"-f rawvideo -pix_fmt rgb24 -s {size_wh[0]}x{size_wh[1]} -r {rate} -i -"
    run_ffmpeg(source, options, path, data=data)
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write (a, b, c, d) into the display matrix of an MP4 whose track header is version 0."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path


def reference_frames(path: Path, size_wh: tuple[int, int]) -> np.ndarray:
    """Return `(N, H, W, 3)` uint8, every frame as the ffmpeg program gives it."""
    raw = run_ffmpeg("-i", path, "-map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt rgb24 -")
    return np.frombuffer(raw, np.uint8).reshape(-1, size_wh[1], size_wh[0], 3)


@dataclass(frozen=True)
class Case:
    """One kind of file: how the ffmpeg program writes it, and what is done to it afterwards."""

    name: str
    options: str = ""
    suffix: str = ".mp4"
    count: int = 30
    size_wh: tuple[int, int] = SIZE_WH
    matrix: tuple[int, int, int, int] | None = None
    remux: tuple[str, str] | None = None
    numbers: tuple[int, ...] | None = None

    def write(self, folder: Path) -> Path:
        path = encode(
            folder / f"{self.name}{self.suffix}",
            self.options,
            count=self.count,
            size_wh=self.size_wh,
            numbers=self.numbers,
        )
        if self.matrix:
            turn(path, self.matrix)
        if self.remux:
            before, after = self.remux
            source = path.rename(path.with_stem(path.stem + "-source"))
            run_ffmpeg(before, "-i", source, "-c copy", after, path)
        return path


X264 = "-c:v libx264 -preset fast -pix_fmt yuv420p"
SHORT_GOP = f"{X264} -g 8 -bf 3 -sc_threshold 0"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -g 10"

CASES = [
    Case("h264", X264),
    Case("h264-b-frames", SHORT_GOP),
    Case("h264-open-gop", f"{SHORT_GOP} -x264-params open-gop=1:bframes=3:b-adapt=0"),
    Case("h264-intra-refresh", f"{X264} -g 10 -x264-params intra-refresh=1:bframes=0"),
    Case("h264-bt709", f"{X264} -vf scale=out_color_matrix=bt709:out_range=tv -colorspace bt709 -color_range tv"),
    Case("h264-full-range", f"{X264} -vf scale=out_range=pc -color_range pc"),
    Case("h264-10-bit", "-c:v libx264 -pix_fmt yuv420p10le -g 8"),
    Case("h264-444", "-c:v libx264 -pix_fmt yuv444p -g 8"),
    Case("h264-mkv", SHORT_GOP, ".mkv"),
    Case("h264-ts", SHORT_GOP, ".ts"),
    Case("h264-avi", f"{X264} -bf 0 -g 8", ".avi"),
    Case("odd-sizes", f"{X264.replace('yuv420p', 'yuv444p')} -g 8", size_wh=(161, 97)),
    Case("odd-sizes-vp9", VP9, ".webm", size_wh=(161, 97)),
    Case("hevc", "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=10 -pix_fmt yuv420p"),
    Case("hevc-10-bit", "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=10 -pix_fmt yuv420p10le"),
    Case("vp8-webm", "-c:v libvpx -deadline good -auto-alt-ref 1 -lag-in-frames 10 -g 12 -b:v 500k", ".webm"),
    Case("vp9-webm", VP9, ".webm"),
    Case("vp9-alt-ref", "-c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 12 -cpu-used 8 -g 12 -b:v 500k", ".webm"),
    Case("av1", "-c:v libsvtav1 -preset 12 -g 10 -pix_fmt yuv420p"),
    Case("mpeg4-avi", "-c:v mpeg4 -q:v 3 -bf 2 -g 10", ".avi"),
    Case("mpeg4-mp4", "-c:v mpeg4 -q:v 3 -bf 2 -g 10"),
    Case("mpeg2-ts", "-c:v mpeg2video -q:v 3 -bf 2 -g 10", ".ts"),
    Case("mjpeg-mov", "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p", ".mov"),
    Case("prores", "-c:v prores_ks", ".mov"),
    Case("raw-h264", SHORT_GOP, ".h264"),
    Case("two-frames-one-stamp", f"{X264} -vf setpts=floor(N/2)/TB/25 -fps_mode passthrough -enc_time_base 1/25"),
    Case("gif", "", ".gif"),
    Case("one-frame", X264, count=1),
    Case("rotated-90", SHORT_GOP, matrix=(0, 1, -1, 0)),
    Case("rotated-180", SHORT_GOP, matrix=(-1, 0, 0, -1)),
    Case("rotated-270", SHORT_GOP, matrix=(0, -1, 1, 0)),
    Case("flipped-x", SHORT_GOP, matrix=(-1, 0, 0, 1)),
    Case("flipped-y", SHORT_GOP, matrix=(1, 0, 0, -1)),
    Case("transposed", SHORT_GOP, matrix=(0, 1, 1, 0)),
    Case("anti-transposed", SHORT_GOP, matrix=(0, -1, -1, 0)),
    Case("vfr", f"{SHORT_GOP} -vf select='not(eq(mod(n\\,5)\\,3))' -fps_mode vfr"),
    Case("edit-list-trimmed", SHORT_GOP, remux=("-ss 0.5", "")),
    Case("edit-list-end", SHORT_GOP, remux=("-ss 0.2 -to 0.9", "")),
    Case("edit-list-delayed", SHORT_GOP, remux=("-itsoffset 1.5", "")),
    Case("fragmented", SHORT_GOP, remux=("", "-movflags frag_keyframe+empty_moov")),
]
