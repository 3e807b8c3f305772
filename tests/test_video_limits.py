"""What a video of a stranger may not do: show another file, ask for more than is allowed, or hold anybody up."""

from __future__ import annotations

import itertools
import pickle
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from veason.errors import VideoError
from veason.video import UNTRUSTED, VideoLimits, open_video
from veason.video.decord import has_known_signature

RED, GREEN = (220, 20, 20), (20, 220, 20)


def write(path: Path, colour: tuple[int, int, int], *, count: int = 12, codec: str = "h264", size: int = 64) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for _ in range(count):
            picture = av.VideoFrame.from_ndarray(np.full((size, size, 3), colour, np.uint8))
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def is_green(picture: np.ndarray) -> bool:
    return bool(picture[..., 1].mean() > picture[..., 0].mean())


@pytest.mark.parametrize("decoder", ["auto", "pyav", "decord"])
@pytest.mark.parametrize("limits", [VideoLimits(), UNTRUSTED], ids=["own", "stranger's"])
@pytest.mark.parametrize(
    "head",
    [
        pytest.param("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n", id="hls"),
        pytest.param("ffconcat version 1.0\nfile '{other}'\n", id="concat"),
    ],
)
def test_a_file_that_is_a_playlist_to_others_shows_no_other_file(
    tmp_path: Path, head: str, limits: VideoLimits, decoder: str
) -> None:
    other = write(tmp_path / "other.ts", GREEN)  # with the timestamps of the clip, so that frames can be confused
    own = write(tmp_path / "own.ts", RED)
    text = head.format(other=other).encode()
    for place, name in itertools.product(
        [b"", b"\n" * (188 - len(text) % 188)], ["clip.ts", "clip.m3u8", "clip.mp4", "clip"]
    ):
        path = tmp_path / name
        path.write_bytes(text + place + own.read_bytes())
        try:
            with open_video(path, decoder, limits) as video:
                assert not any(is_green(video.frame(number)) for number in range(video.info.num_frames))
                assert video.info.decoder == "pyav"
        except VideoError:
            continue


def test_decord_reads_only_what_nothing_else_can_be(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    decoders = {}
    for name in ("plain.mp4", "plain.mkv", "plain.ts", "plain.avi"):
        with open_video(write(tmp_path / name, RED)) as video:
            decoders[name] = video.info.decoder
    assert decoders == {"plain.mp4": "decord", "plain.mkv": "decord", "plain.ts": "pyav", "plain.avi": "pyav"}
    with open_video(tmp_path / "plain.mp4", limits=UNTRUSTED) as video:
        assert video.info.decoder == "pyav"


def test_only_a_signature_that_every_demuxer_knows_has_one_meaning(tmp_path: Path) -> None:
    containers = {}
    for name in ("plain.mp4", "plain.mkv", "plain.ts", "plain.avi"):
        path = write(tmp_path / name, RED)
        with av.open(str(path)) as container:
            containers[name] = container.format.name
        assert has_known_signature(path, containers[name]) == (name in ("plain.mp4", "plain.mkv"))
        path.write_bytes(b"#EXTM3U\n" + path.read_bytes())
        assert not has_known_signature(path, containers[name])


def test_a_picture_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    limits = VideoLimits(max_pixels=64 * 64 - 1)
    with pytest.raises(VideoError, match="64x64"):
        open_video(write(tmp_path / "clip.mp4", RED), limits=limits)
    Image.new("RGB", (64, 64)).save(tmp_path / "00000.png")
    with pytest.raises(VideoError, match="64x64"):
        open_video(tmp_path / "00000.png", limits=limits)


def test_a_stream_that_grows_on_the_way_is_damaged_there(tmp_path: Path) -> None:
    small, large = (write(tmp_path / f"{size}.ts", RED, size=size) for size in (64, 512))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with open_video(both, limits=VideoLimits(max_pixels=128 * 128)) as video:
        assert video.frame(0).shape == (64, 64, 3)
        for number in range(12, video.info.num_frames):
            with pytest.raises(VideoError):
                video.frame(number)


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_more_frames_than_allowed_are_refused(tmp_path: Path, codec: str) -> None:
    clip = write(tmp_path / "clip.mp4", RED, codec=codec)
    with open_video(clip, limits=VideoLimits(max_frames=20)) as video:
        assert video.info.num_frames == 12
    with pytest.raises(VideoError, match="more than 5 frames"):
        open_video(clip, limits=VideoLimits(max_frames=5))


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_opening_ends_when_it_is_cancelled_or_takes_too_long(tmp_path: Path, codec: str) -> None:
    clip = write(tmp_path / "clip.mp4", RED, codec=codec)
    asked = itertools.count()
    with pytest.raises(VideoError, match="was cancelled"):
        open_video(clip, limits=VideoLimits(is_cancelled=lambda: next(asked) > 3))
    with pytest.raises(VideoError):
        open_video(clip, limits=VideoLimits(max_open_s=1e-9))


def test_limits_go_along_with_a_video_and_bounds_are_above_zero(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", RED)
    with open_video(clip, limits=UNTRUSTED) as video, pickle.loads(pickle.dumps(video)) as again:
        assert again.info == video.info
    with pytest.raises(VideoError, match="max_pixels"):
        VideoLimits(max_pixels=0)


def test_files_that_systems_leave_in_a_folder_are_no_frames(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (8, 6)).save(tmp_path / f"{number:05d}.jpg")
    for name in ("._00000.jpg", ".DS_Store", "Thumbs.db", ".hidden.png"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07 no picture")
    with open_video(tmp_path) as video:
        assert video.info.num_frames == 3
