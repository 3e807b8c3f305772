"""Every kind of file, against the frames of the ffmpeg program: the same pictures under the same numbers."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.videos import (
    CASES,
    SHORT_GOP,
    SIZE_WH,
    X264,
    Case,
    encode,
    needs_ffmpeg,
    read_number,
    reference_frames,
)
from veason.errors import VideoError
from veason.video import COLOUR_MAX, COLOUR_MEAN, Video, open_video
from veason.video import decord as decord_module
from veason.video import index as index_module

pytestmark = needs_ffmpeg

has_decord = pytest.mark.skipif(decord_module.import_decord() is None, reason="decord has no wheel for this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def written(folder: Path) -> dict[str, Path]:
    return {}


@pytest.fixture(params=[pytest.param(case, id=case.name) for case in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def path(case: Case, folder: Path, written: dict[str, Path]) -> Path:
    if case.name not in written:
        written[case.name] = case.write(folder)
    return written[case.name]


def upright(image: np.ndarray, case: Case) -> np.ndarray:
    """Undo the turn of a case, to read the number."""
    if case.matrix is None:
        return image
    a, b, c, d = case.matrix
    image = image[:: -1 if b + d < 0 else 1, :: -1 if a + c < 0 else 1]
    return image if a else image.transpose(1, 0, 2)


def openings(path: Path) -> Iterator[Video]:
    """Open with each decoder that auto may choose, once."""
    with open_video(path) as video:
        yield video
    if video.info.decoder != "pyav":
        with open_video(path, "pyav") as video:
            yield video


def test_frames_are_those_of_ffmpeg(case: Case, path: Path) -> None:
    for video in openings(path):
        wanted = reference_frames(path, video.info.size_wh)
        assert video.info.num_frames == len(wanted)
        for frame in video.frames(range(len(wanted))):
            drawn, read = upright(wanted[frame.index], case), upright(frame.image, case)
            assert read_number(read) == read_number(drawn)
            difference = np.abs(frame.image.astype(int) - wanted[frame.index])
            assert difference.mean() <= COLOUR_MEAN
            assert difference.max() <= COLOUR_MAX


def test_a_frame_is_the_same_whatever_was_read_before(path: Path) -> None:
    for video in openings(path):
        count = video.info.num_frames
        shuffled = np.random.default_rng(0).permutation(count).tolist()
        found = {frame.index: frame.image for frame in video.frames(shuffled)}
        for frame in video.frames([*range(count), *reversed(range(count))]):
            np.testing.assert_array_equal(frame.image, found[frame.index], err_msg=f"frame {frame.index}")


def test_auto_reads_each_kind_with_the_decoder_that_is_right_for_it(case: Case, path: Path) -> None:
    plain = {"h264", "h264-b-frames", "h264-open-gop", "h264-intra-refresh", "h264-bt709", "hevc", "vfr", "one-frame"}
    plain |= {"vp9-webm", "h264-mkv"}
    is_decord = case.name in plain and decord_module.import_decord() is not None
    with open_video(path) as video:
        assert video.info.decoder == ("decord" if is_decord else "pyav")


def named(name: str, tmp_path: Path) -> Path:
    return next(case for case in CASES if case.name == name).write(tmp_path)


@pytest.mark.parametrize(
    ("name", "size_wh", "fps", "first", "last", "is_variable"),
    [
        pytest.param("h264-b-frames", SIZE_WH, 25.0, 0.0, 1.16, False, id="plain"),
        pytest.param("h264-mkv", SIZE_WH, 25.0, 0.0, 1.16, False, id="millisecond stamps"),
        pytest.param("rotated-90", SIZE_WH[::-1], 25.0, 0.0, 1.16, False, id="turned"),
        pytest.param("vfr", SIZE_WH, 23 / 1.16, 0.0, 1.16, True, id="variable rate"),
        pytest.param("edit-list-delayed", SIZE_WH, 25.0, 1.5, 2.66, False, id="late start"),
        pytest.param("one-frame", SIZE_WH, 25.0, 0.0, 0.0, False, id="one frame"),
    ],
)
def test_info_tells_size_rate_and_times(
    tmp_path: Path, name: str, size_wh: tuple[int, int], fps: float, first: float, last: float, is_variable: bool
) -> None:
    path = named(name, tmp_path)
    with open_video(path) as video:
        info = video.info
    assert info.path == str(path)
    assert info.size_wh == size_wh
    assert (info.fps, info.first_timestamp, info.last_timestamp) == pytest.approx((fps, first, last), abs=1e-3)
    assert info.has_variable_rate == is_variable


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        pytest.param(
            f"{SHORT_GOP} -x264-params open-gop=1:bframes=3:b-adapt=0", ".ts", id="h264 with leading pictures"
        ),
        pytest.param(f"{X264} -g 10 -x264-params intra-refresh=1:bframes=0", ".ts", id="intra refresh"),
    ],
)
def test_a_recording_that_starts_in_the_middle_counts_from_the_first_picture_there_is(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    path = encode(tmp_path / f"cut{suffix}", codec)
    data = path.read_bytes()
    path.write_bytes(data[len(data) // 3 // 188 * 188 :])  # whole transport packets
    with open_video(path) as video:
        wanted = [read_number(image) for image in reference_frames(path, SIZE_WH)]
        assert [read_number(frame.image) for frame in video.frames(range(video.info.num_frames))] == wanted


COUNTED_BY_DECODING = {"mpeg4-avi", "mpeg4-mp4", "mpeg2-ts", "raw-h264", "two-frames-one-stamp"}


def test_opening_decodes_one_picture_unless_packets_do_not_tell(
    case: Case, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans: list[int] = []
    scan = index_module._index_from_pictures
    monkeypatch.setattr(index_module, "_index_from_pictures", lambda *opened: scans.append(1) or scan(*opened))
    open_video(path).close()
    assert bool(scans) == (case.name in COUNTED_BY_DECODING)


def test_a_frame_count_in_the_header_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = encode(tmp_path / "lie.avi", "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p", count=12)
    data = bytearray(path.read_bytes())
    for chunk, place in ((b"avih", 16), (b"strh", 32)):
        start = data.index(chunk) + 8 + place
        data[start : start + 4] = struct.pack("<I", 500)
    path.write_bytes(data)
    with open_video(path) as video:
        assert video.info.num_frames == 12
        assert read_number(video.frame(11)) == 11


def test_without_decord_pyav_reads_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = named("h264-b-frames", tmp_path)
    monkeypatch.setattr(decord_module, "import_decord", lambda: None)
    with open_video(path) as video:
        assert video.info.decoder == "pyav"
        assert read_number(video.frame(17)) == 17


@has_decord
def test_decord_refuses_what_it_would_read_wrongly(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="open it with PyAV"):
        open_video(named("rotated-90", tmp_path), "decord")


@has_decord
def test_decord_and_pyav_give_equal_pictures(tmp_path: Path) -> None:
    path = named("h264-bt709", tmp_path)
    with open_video(path, "decord") as one, open_video(path, "pyav") as other:
        for index in range(one.info.num_frames):
            assert np.abs(one.frame(index).astype(int) - other.frame(index)).max() <= COLOUR_MAX


def test_a_picture_may_be_written_to_without_harm(tmp_path: Path) -> None:
    for video in openings(named("h264-b-frames", tmp_path)):
        video.frame(3)[:] = 0
        assert read_number(video.frame(3)) == 3
