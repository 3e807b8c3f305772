"""Palette pictures as people have them: void, soft edges, colours, and what systems leave beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from veason.errors import DataError
from veason.formats.benchmarks.truth import PaletteTruth
from veason.formats.importing import import_labels
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.masks import davis_palette, decode_mask
from veason.types import VideoInfo

CLIP = VideoInfo("", 60, (40, 30), 24.0, 0.0, 59 / 24, False, "")


def ids(*values: int) -> np.ndarray:
    """Return a picture in which each value is a block."""
    picture = np.zeros((30, 40), np.uint8)
    for place, value in enumerate(values):
        picture[5:15, 8 * place : 8 * place + 7] = value
    return picture


def palette(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    image.putpalette(davis_palette().tobytes())
    return image


def save(root: Path, *images: Image.Image) -> Path:
    folder = root / "Annotations" / "480p" / "clip"
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        image.save(folder / f"{index:05d}.png")
    return folder


def read(root: Path) -> tuple[LabelledVideo, tuple[str, ...]]:
    tally = ImportTally()
    (video,) = import_labels(root, "davis", own={"clip": CLIP}, tally=tally)
    return video, tally.lines()


def areas(video: LabelledVideo) -> dict[int, list[int]]:
    return {key: [int(decode_mask(mask.rle).sum()) for mask in track.values()] for key, track in video.tracks.items()}


def test_void_is_no_object_and_the_video_decides(tmp_path: Path) -> None:
    save(tmp_path, palette(ids(1, 2, 255)), palette(ids(255)), palette(ids()))
    video, left = read(tmp_path)
    assert areas(video) == {1: [70, 0, 0], 2: [70, 0, 0]}
    assert left == ("2 areas of which 255 says nothing where objects have numbers",)


@pytest.mark.parametrize(
    "image", [Image.fromarray(ids(255)), palette(ids(255)), Image.fromarray(ids(255)).convert("1")]
)
def test_255_alone_is_one_object(image: Image.Image, tmp_path: Path) -> None:
    save(tmp_path, image, Image.fromarray(ids()))
    assert areas(read(tmp_path)[0]) == {1: [70, 0]}


def test_the_benchmark_knows_void_too(tmp_path: Path) -> None:
    folder = save(tmp_path, palette(ids(1, 255)))
    assert decode_mask(PaletteTruth(folder, ("00000",), "1").foreground(0)).sum() == 70


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_davis_are_ids(mode: str, tmp_path: Path) -> None:
    save(tmp_path, palette(ids(1, 2, 7)).convert(mode))
    assert areas(read(tmp_path)[0]) == {1: [70], 2: [70], 7: [70]}


def test_grey_pictures_hold_ids(tmp_path: Path) -> None:
    save(tmp_path, Image.fromarray(ids(1, 38, 200)))
    assert list(areas(read(tmp_path)[0])) == [1, 38, 200]


SOFT = Image.fromarray(ids(255)).filter(ImageFilter.GaussianBlur(1.2))
SMALLER = (
    Image.fromarray(ids(255)).resize((80, 60), Image.Resampling.BICUBIC).resize((40, 30), Image.Resampling.BILINEAR)
)


SHADES = Image.fromarray((np.arange(1200) % 251).reshape(30, 40).astype(np.uint8))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(SOFT, "soft edges", id="blurred"),
        pytest.param(SMALLER, "soft edges", id="resized"),
        pytest.param(SHADES, "soft edges", id="shades"),
        pytest.param(SOFT.convert("RGB"), "none of the colours", id="soft colours"),
        pytest.param(Image.fromarray(ids(255)).convert("RGB"), "none of the colours", id="white"),
        pytest.param(Image.fromarray(np.dstack([ids(128), ids(), ids(), ids(200)])), "transparent", id="alpha"),
        pytest.param(Image.fromarray(ids(1).astype(np.uint16)), "mode I;16", id="16 bits"),
        pytest.param(Image.fromarray(ids(1)).convert("LA"), "mode LA", id="grey with alpha"),
    ],
)  # fmt: skip
def test_pictures_whose_ids_are_lost_are_refused_by_name(image: Image.Image, message: str, tmp_path: Path) -> None:
    save(tmp_path, image)
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path)
    assert "clip" in str(caught.value)


def test_a_jpeg_that_is_called_png_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path)
    Image.fromarray(ids(1)).save(folder / "00000.png", format="JPEG")
    with pytest.raises(DataError, match="is a JPEG"):
        read(tmp_path)


def test_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    folder = save(tmp_path, palette(ids(1)))
    for name in ("._00000.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"\0\5\26\7")
    (tmp_path / "Annotations" / "__MACOSX" / "clip").mkdir(parents=True)
    (tmp_path / "Annotations" / "__MACOSX" / "clip" / "00000.png").write_bytes(b"")
    assert areas(read(tmp_path)[0]) == {1: [70]}


def test_two_files_of_one_frame_are_refused_and_other_pictures_counted(tmp_path: Path) -> None:
    folder = save(tmp_path, palette(ids(1)))
    palette(ids(2)).save(folder / "1.PNG")
    Image.fromarray(ids(1)).save(folder / "00003.jpg")
    video, left = read(tmp_path)
    assert (areas(video), left) == ({1: [70, 0], 2: [0, 70]}, ("1 picture that is no PNG, so that ids in it are lost",))
    palette(ids(2)).save(folder / "00001.png")
    with pytest.raises(DataError, match=r"00001\.png: is frame 1, as is 1\.PNG|1\.PNG: is frame 1, as is 00001\.png"):
        read(tmp_path)


PICTURES = st.lists(
    st.tuples(
        st.sampled_from(["P", "L", "1", "RGB", "blurred", "broken"]),
        st.lists(st.sampled_from([0, 1, 2, 9, 254, 255]), max_size=4),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(pictures=PICTURES)
def test_no_picture_loses_an_object_unsaid_or_raises_anything_else(
    pictures: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("pictures")
    folder = save(root)
    for index, (mode, values) in enumerate(pictures):
        file = folder / f"{index}.png"
        if mode == "broken":
            file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(values))
        elif mode == "blurred":
            Image.fromarray(ids(*values)).filter(ImageFilter.GaussianBlur(1)).save(file)
        else:
            (Image.fromarray(ids(*values)) if mode == "L" else palette(ids(*values)).convert(mode)).save(file)
    try:
        video, _ = read(root)
    except DataError:
        return
    values = {0 if mode == "1" else value for mode, each in pictures for value in each} - {0, 255}
    assert {key for key, track in areas(video).items() if any(track)} >= values
    assert 255 not in video.tracks


@pytest.mark.parametrize(
    "layout",
    ["Annotations_unsupervised/480p/clip", "DAVIS/Annotations/Full-Resolution/clip", "valid/Annotations/clip", "clip"],
)
def test_videos_are_named_after_their_folder_in_any_layout(layout: str, tmp_path: Path) -> None:
    folder = tmp_path / layout
    folder.mkdir(parents=True)
    palette(ids(1, 2)).save(folder / "00012.png")
    if layout != "clip":  # pictures beside the labels are no labels
        pictures = tmp_path / layout.replace("Annotations_unsupervised", "JPEGImages").replace(
            "Annotations", "JPEGImages"
        )
        pictures.mkdir(parents=True)
        palette(ids(7)).save(pictures / "00012.png")
    video, _ = read(tmp_path)
    assert (video.name, areas(video)) == ("clip", {1: [70], 2: [70]})


def test_a_video_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for resolution in ("480p", "Full-Resolution"):
        folder = tmp_path / "Annotations" / resolution / "clip"
        folder.mkdir(parents=True)
        palette(ids(1)).save(folder / "00012.png")
    with pytest.raises(DataError, match="the video 'clip' is there twice"):
        read(tmp_path)


def test_frames_may_have_a_word_before_their_number_and_not_one_behind_it(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    palette(ids(1)).save(folder / "frame_000012.png")
    assert list(read(tmp_path)[0].tracks[1]) == [12]
    palette(ids(1)).save(folder / "00013_1.png")
    with pytest.raises(DataError, match="should be called by its number"):
        read(tmp_path)


def save_objects(root: Path, *numbers: str, value: int = 1, video: str = "clip") -> Path:
    """Save two pictures of each object into a folder that is called by its number."""
    for place, number in enumerate(numbers):
        folder = root / "Annotations_6fps" / video / number
        folder.mkdir(parents=True)
        for frame in (0, 4 + place):
            picture = np.zeros((30, 40), np.uint8)
            picture[5:15, 8 * place : 8 * place + 7 - place] = value
            palette(picture).save(folder / f"{frame:05d}.png")
    return root


@pytest.mark.parametrize("value", [1, 3, 255])
@pytest.mark.parametrize("numbers", [("000", "001"), ("1", "2")], ids=["from 0", "from 1"])
def test_one_folder_an_object_is_one_video(numbers: tuple[str, ...], value: int, tmp_path: Path) -> None:
    video, left = read(save_objects(tmp_path, *numbers, value=value))
    assert video.name == "clip"
    assert areas(video) == {1: [70, 70], 2: [60, 60]}
    assert {key: list(track) for key, track in video.tracks.items()} == {1: [0, 4], 2: [0, 5]}
    assert left == ()


def test_folders_called_by_numbers_are_videos_where_those_are_known(tmp_path: Path) -> None:
    save_objects(tmp_path, "1", "2", video="val")
    found = import_labels(tmp_path, "davis", own={"1": CLIP, "2": CLIP}, tally=ImportTally())
    assert [list(video.tracks) for video in found] == [[1], [1]]


@pytest.mark.parametrize(
    ("numbers", "own", "message"),
    [
        (("1", "2"), {}, "the folders 1, 2 in clip hold one object each: .* Open the video first"),
        (("1", "01"), {"clip": CLIP}, "are both object 1"),
    ],
)
def test_folders_that_may_be_objects_or_videos_are_refused(
    numbers: tuple[str, ...], own: dict[str, VideoInfo], message: str, tmp_path: Path
) -> None:
    save_objects(tmp_path, *numbers)
    with pytest.raises(DataError, match=message):
        list(import_labels(tmp_path, "davis", own=own, tally=ImportTally()))


def test_pictures_beside_the_labels_tell_the_video(tmp_path: Path) -> None:
    save_objects(tmp_path, "1", "2")
    (tmp_path / "JPEGImages" / "clip").mkdir(parents=True)
    for frame in range(6):
        Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "JPEGImages" / "clip" / f"{frame:05d}.jpg")
    (video,) = import_labels(tmp_path, "davis", tally=ImportTally())
    assert video.info.num_frames == 6
    assert {key: list(track) for key, track in video.tracks.items()} == {1: [0, 4], 2: [0, 5]}


def test_a_folder_of_an_object_that_holds_two_is_refused(tmp_path: Path) -> None:
    save_objects(tmp_path, "1", "2")
    palette(ids(1, 2)).save(tmp_path / "Annotations_6fps" / "clip" / "1" / "00009.png")
    with pytest.raises(DataError, match="holds the values 1, 2"):
        read(tmp_path)
