"""Opening, indices, threads, processes and memory of `veason.video`; folders of images; the writer."""

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.videos import SHORT_GOP, encode, needs_ffmpeg, picture, read_number, reference_frames, run_ffmpeg
from veason.errors import ExportError, MissingBackend, VideoError
from veason.video import Video, VideoWriter, open_video
from veason.video import decord as decord_module
from veason.video import pyav as pyav_module

REAL_CLIPS = os.environ.get("VEASON_REAL_CLIPS")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write(path, map(picture, range(90)))
    return path


@pytest.fixture(params=["auto", "pyav"])
def video(request: pytest.FixtureRequest, clip: Path) -> Iterator[Video]:
    with open_video(clip, request.param) as video:
        yield video


def images(folder: Path, count: int = 4, suffix: str = ".png") -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        Image.fromarray(picture(number)).save(folder / f"{number:05d}{suffix}")
    return folder


@pytest.mark.parametrize("frame_index", [-1, 90, 120])
def test_an_index_outside_the_video_is_named_with_its_length(video: Video, frame_index: int) -> None:
    message = rf"cannot read frame {frame_index} of clip.mp4: it has 90 frames \(0 to 89\)"
    with pytest.raises(VideoError, match=message):
        video.frame(frame_index)
    with pytest.raises(VideoError, match=message):
        next(video.frames([0, frame_index]))


def test_frames_come_in_the_order_asked_for(video: Video) -> None:
    wanted = [80, 3, 3, 4, 89, 0]
    found = list(video.frames(wanted))
    assert [frame.index for frame in found] == wanted
    assert [read_number(frame.image) for frame in found] == wanted


def test_a_pickled_video_opens_again_from_its_path(video: Video) -> None:
    with pickle.loads(pickle.dumps(video)) as copy:
        assert copy.info == video.info
        np.testing.assert_array_equal(copy.frame(50), video.frame(50))


def test_many_threads_read_the_right_frames(video: Video) -> None:
    wrong: list[int] = []

    def read(seed: int) -> None:
        order = np.random.default_rng(seed).integers(0, 90, 40).tolist()
        wrong.extend(index for index in order if read_number(video.frame(index)) != index)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_reads_the_video_of_its_parent(video: Video) -> None:
    video.frame(10)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=lambda: answers.put(read_number(video.frame(40))))
    child.start()
    assert answers.get(timeout=20) == 40
    child.join(timeout=20)
    assert child.exitcode == 0
    assert read_number(video.frame(11)) == 11


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_refused_in_words(tmp_path: Path, clip: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    shutil.copy(clip, odd)
    with pytest.raises(VideoError, match="no text: rename"):
        open_video(odd)


def test_a_closed_video_says_so(clip: Path) -> None:
    video = open_video(clip)
    video.close()
    video.close()
    with pytest.raises(VideoError, match="was closed"):
        video.frame(0)


def test_decord_asked_for_and_absent_tells_what_to_type(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decord_module, "import_decord", lambda: None)
    with pytest.raises(MissingBackend, match="pip install decord"):
        open_video(clip, "decord")


READ_AND_MEASURE = """
import sys, threading, time, psutil
import numpy as np
from veason.video import open_video
process = psutil.Process()
video = open_video(sys.argv[1], sys.argv[2])
before, peak = process.memory_info().rss, 0
indices = {
    "sampled": np.linspace(0, video.info.num_frames - 1, 8).astype(int).tolist(),
    "forward": range(0, 600),
    "backward": range(600, 0, -1),
}[sys.argv[3]]
for frame in video.frames(indices):
    peak = max(peak, process.memory_info().rss)
time.sleep(1.0)
peak = max(peak, process.memory_info().rss)
print(video.info.num_frames * frame.image.nbytes // 2**20, (peak - before) // 2**20)
"""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    run_ffmpeg("-f lavfi -i testsrc2=size=320x180:rate=10:duration=600 -c:v libx264 -preset ultrafast -g 250", path)
    return path


@needs_ffmpeg
@pytest.mark.parametrize("order", ["sampled", "forward", "backward"])
def test_memory_stays_bounded_over_ten_minutes(long_clip: Path, order: str) -> None:
    command = [sys.executable, "-c", READ_AND_MEASURE, long_clip, "auto", order]
    whole, grown = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert whole > 900
    assert grown < 160, f"{grown} MiB more than after opening"


@needs_ffmpeg
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(list(reversed(range(200))), id="backward"),
        pytest.param([100, *(i for step in range(1, 100) for i in (100 + step, 100 - step))], id="both ways at once"),
    ],
)
def test_a_long_group_of_pictures_is_decoded_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: list[int]
) -> None:
    path = encode(tmp_path / "group.mp4", "-c:v libx264 -g 250 -bf 2 -pix_fmt yuv420p", count=200)
    decoded: list[int] = []
    step = pyav_module._Cursor.next

    def counted(cursor: pyav_module._Cursor) -> tuple | None:
        decoded.append(1)
        return step(cursor)

    monkeypatch.setattr(pyav_module._Cursor, "next", counted)
    monkeypatch.setattr(pyav_module, "CACHE_BYTES", 1_500_000)  # some fifty of these pictures
    with open_video(path, "pyav") as video:
        for index in order:
            assert read_number(video.frame(index)) == index
    assert len(decoded) < 3.5 * 200


@needs_ffmpeg
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "there is no video at", id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), "is empty", id="empty"),
        pytest.param(lambda path: path.write_text("a shopping list\n" * 500), "cannot open clip.mp4", id="text"),
        pytest.param(
            lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), "cannot open", id="list"
        ),
        pytest.param(lambda path: path.write_bytes(os.urandom(5000)), "cannot open", id="noise"),
        pytest.param(
            lambda path: run_ffmpeg("-f lavfi -i sine=duration=1 -c:a aac", path),
            "no video stream",
            id="sound",
        ),
        pytest.param(lambda path: path.mkdir(), "holds no image", id="empty folder"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(VideoError, match=message):
        open_video(path)


@needs_ffmpeg
def test_a_file_cut_off_behind_its_index_has_the_frames_that_are_whole(tmp_path: Path) -> None:
    path = encode(tmp_path / "cut.mp4", f"{SHORT_GOP} -bf 0 -movflags +faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_video(path) as video:
        assert 10 < video.info.num_frames < 30
        assert [read_number(video.frame(index)) for index in range(video.info.num_frames)] == list(
            range(video.info.num_frames)
        )


def test_a_file_cut_off_before_its_index_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes()[:600])
    with pytest.raises(VideoError, match="is it complete"):
        open_video(path)


def test_an_unknown_decoder_is_refused(clip: Path) -> None:
    with pytest.raises(VideoError, match="one of auto, pyav, decord"):
        open_video(clip, "cv2")


# Folders of images


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_a_folder_of_images_is_a_video(tmp_path: Path, suffix: str) -> None:
    (images(tmp_path / "frames", 12, suffix) / "notes.txt").write_text("not a frame")
    with open_video(tmp_path / "frames") as video:
        assert (video.info.num_frames, video.info.size_wh, video.info.decoder) == (12, (160, 96), "images")
        assert [read_number(frame.image) for frame in video.frames([11, 0, 5])] == [11, 0, 5]
        assert pickle.loads(pickle.dumps(video)).info == video.info


def test_images_named_without_leading_zeros_keep_their_order(tmp_path: Path) -> None:
    for number in range(12):
        Image.fromarray(picture(number)).save(tmp_path / f"frame_{number}.png")
    with open_video(tmp_path) as video:
        assert [read_number(frame.image) for frame in video.frames(range(12))] == list(range(12))


def test_a_photo_turned_by_its_exif_tag_is_shown_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(picture(5)).copy()).save(tmp_path / "0.jpg", exif=exif, quality=95)
    with open_video(tmp_path) as video:
        assert video.info.size_wh == (160, 96)
        assert read_number(video.frame(0)) == 5


def test_images_of_different_sizes_are_refused_with_their_names(tmp_path: Path) -> None:
    images(tmp_path)
    Image.new("RGB", (32, 32)).save(tmp_path / "00002.png")
    with pytest.raises(VideoError, match=r"00002.png is 32x32, but 00000.png is 160x96"):
        open_video(tmp_path)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    images(tmp_path)
    whole = (tmp_path / "00001.png").read_bytes()
    (tmp_path / "00001.png").write_bytes(whole[: len(whole) // 2])
    with open_video(tmp_path) as video, pytest.raises(VideoError, match=r"frame 1 from 00001\.png"):
        video.frame(1)
    (tmp_path / "00001.png").write_bytes(b"")
    with pytest.raises(VideoError, match=r"cannot read 00001\.png as an image"):
        open_video(tmp_path)


# Writing


def write(path: Path, images: Iterable[np.ndarray], size_wh: tuple[int, int] = (160, 96), fps: float = 25) -> None:
    with VideoWriter(path, size_wh, fps) as writer:
        for image in images:
            writer.write(image)


@needs_ffmpeg
@pytest.mark.parametrize("size_wh", [(160, 96), (161, 97)], ids=["even", "odd"])
def test_a_written_video_plays_everywhere(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    path = tmp_path / "out.mp4"
    write(path, [picture(number, size_wh) for number in range(12)], size_wh, 29.97)
    padded = tuple(side + side % 2 for side in size_wh)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with open_video(path) as video:
        assert (video.info.num_frames, video.info.size_wh) == (12, padded)
        assert video.info.fps == pytest.approx(29.97)
    found = reference_frames(path, padded)
    for number, image in enumerate(found):
        shown = image[: size_wh[1], : size_wh[0]]
        assert read_number(shown) == number
        assert np.abs(shown.astype(int) - picture(number, size_wh)).mean() < 8  # the codec is lossy at hard bars


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyError):
        write(path, (picture(number) if number < 5 else {}[number] for number in range(9)))
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(np.zeros((96, 161, 3), np.uint8), "of shape", id="size"),
        pytest.param(np.zeros((96, 160, 3), np.float32), "float32", id="type"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(tmp_path: Path, image: np.ndarray, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        write(tmp_path / "out.mp4", [picture(0), image])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_an_export_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="folder missing"):
        write(tmp_path / "missing" / "out.mp4", [picture(0)])


def test_a_video_without_a_frame_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="given no frame"):
        write(tmp_path / "out.mp4", [])
    assert not list(tmp_path.iterdir())


WRITE_ON_A_SMALL_DISK = """
import resource, sys
import numpy as np
from veason.errors import ExportError
from veason.video import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], (160, 96), 25) as writer:
        for _ in range(100):
            writer.write(noise.integers(0, 255, (96, 160, 3), dtype=np.uint8))
except ExportError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system cannot limit the size of a file")
def test_a_disk_that_fills_up_is_an_export_error_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_ON_A_SMALL_DISK, tmp_path / "out.mp4"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "is the disk full" in result.stdout
    assert not list(tmp_path.iterdir())


def test_a_target_that_is_a_folder_is_an_export_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(ExportError, match="cannot write"):
        write(tmp_path / "out.mp4", [picture(0)])
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_no_rate_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ExportError, match="frames a second"):
        VideoWriter(tmp_path / "out.mp4", (160, 96), fps)


# Real clips


@needs_ffmpeg
@pytest.mark.skipif(not REAL_CLIPS, reason="VEASON_REAL_CLIPS does not name the folder of real clips")
@pytest.mark.parametrize(("name", "count"), [("01_dog", 289), ("04_coffee", 287)])
def test_real_clips_have_the_frames_of_ffmpeg(name: str, count: int) -> None:
    path = Path(REAL_CLIPS or "") / name / "clip.mp4"
    with open_video(path) as video:
        assert (video.info.num_frames, video.info.size_wh) == (count, (1280, 720))
        select = "-map 0:v:0 -vf select=eq(n\\,100) -fps_mode passthrough -f rawvideo -pix_fmt rgb24 -"
        wanted = np.frombuffer(run_ffmpeg("-i", path, select), np.uint8).reshape(720, 1280, 3)
        assert np.abs(video.frame(100).astype(int) - wanted).max() <= 1
