"""Overlays and palette images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.videos import picture, read_number
from veason.draw import (
    MASK_OPACITY,
    PALETTE,
    color_of,
    davis_palette,
    detections,
    draw_overlay,
    overlay_video,
    palette_image,
)
from veason.errors import ExportError
from veason.masks import encode_mask
from veason.types import Box, FrameMasks, MaskTrack, ObjectMask
from veason.video import VideoWriter, open_video

SIZE_WH = (160, 96)


def drawn(*rows: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in row] for row in rows])


def block(x1: int, y1: int, x2: int, y2: int, score: float = 5.0, size_wh: tuple[int, int] = SIZE_WH) -> ObjectMask:
    mask = np.zeros(size_wh[::-1], bool)
    mask[y1:y2, x1:x2] = True
    return ObjectMask(encode_mask(mask), score)


def rgb(hex_text: str) -> np.ndarray:
    return np.array([int(hex_text[place : place + 2], 16) for place in (1, 3, 5)])


# The transforms of Machado, Oliveira and Fernandes (2009) at full severity, on linear RGB.
SEEN_BY = {
    "trichromat": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("eye", SEEN_BY)
def test_no_two_colours_of_the_palette_look_alike(eye: str) -> None:
    linear = (np.array([rgb(color) for color in PALETTE]) / 255) ** 2.2
    seen = np.clip(linear @ np.array(SEEN_BY[eye]).T, 0, 1) ** (1 / 2.2) * 255
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    distance[np.diag_indices(len(seen))] = np.inf
    assert distance.min() > 30  # the tightest pair, green and blue for tritanopes, is Okabe and Ito's own


def test_an_object_keeps_its_colour_on_every_frame() -> None:
    assert [color_of(object_id) for object_id in (1, 2, 8, 9)] == [PALETTE[0], PALETTE[1], PALETTE[7], PALETTE[0]]


def test_detections_carry_ids_boxes_and_masks_and_drop_the_empty() -> None:
    found = detections({7: block(10, 20, 30, 50), 2: block(0, 0, 4, 4, 1.5), 3: block(0, 0, 0, 0)})
    assert found.tracker_id.tolist() == [2, 7]
    assert found.xyxy.tolist() == [[0, 0, 4, 4], [10, 20, 30, 50]]
    assert found.confidence.tolist() == [1.5, 5.0]
    assert found.mask.sum(axis=(1, 2)).tolist() == [16, 600]


@pytest.mark.parametrize("masks", [{}, {1: block(0, 0, 0, 0)}], ids=["none", "empty"])
def test_without_objects_the_picture_stays_as_it_is(masks: dict[int, ObjectMask]) -> None:
    assert len(detections(masks)) == 0
    np.testing.assert_array_equal(draw_overlay(picture(3), FrameMasks(0, masks)), picture(3))


def test_an_object_is_tinted_inside_outlined_at_its_edge_and_nowhere_else() -> None:
    image = np.full((300, 400, 3), 100, np.uint8)
    overlay = draw_overlay(image, FrameMasks(0, {2: block(100, 150, 300, 280, size_wh=(400, 300))}))
    color = rgb(PALETTE[1])
    np.testing.assert_allclose(overlay[220, 200], MASK_OPACITY * color + (1 - MASK_OPACITY) * 100, atol=2)
    assert overlay[220, 100].tolist() == color.tolist()
    assert overlay[220, 99].tolist() == overlay[290, 200].tolist() == [100, 100, 100]
    assert (image == 100).all()


def test_where_a_mask_touches_the_border_of_the_picture_there_is_no_outline() -> None:
    image = np.full((300, 400, 3), 100, np.uint8)
    overlay = draw_overlay(image, FrameMasks(0, {1: block(0, 100, 400, 200, size_wh=(400, 300))}))
    assert overlay[150, 0].tolist() == overlay[150, 200].tolist()


def test_labels_are_names_where_given_and_ids_elsewhere() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    masks = FrameMasks(0, {1: block(100, 100, 200, 180, size_wh=(300, 200))})
    label = (slice(60, 100), slice(100, 200))
    by_id = draw_overlay(image, masks)[label]
    by_name = draw_overlay(image, masks, names={1: "a long name"})[label]
    assert by_id.any()
    assert by_name.any(axis=(0, 2)).sum() > by_id.any(axis=(0, 2)).sum()


def test_boxes_are_white_with_a_dark_rim_so_that_they_show_on_everything() -> None:
    for shade in (0, 255):
        image = np.full((96, 160, 3), shade, np.uint8)
        overlay = draw_overlay(image, FrameMasks(0, {}), boxes=[Box(40, 20, 120, 80)])
        assert {0, 255} <= set(overlay[50, 30:50].ravel().tolist())


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 5), (33, 17)])
def test_the_smallest_pictures_can_be_drawn_on(size_wh: tuple[int, int]) -> None:
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    overlay = draw_overlay(image, FrameMasks(0, {300: block(0, 0, *size_wh, size_wh=size_wh)}), boxes=[Box(0, 0, 1, 1)])
    assert overlay.shape == image.shape


def test_an_overlay_video_has_the_frames_of_the_range_with_their_masks(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with VideoWriter(source, SIZE_WH, 10) as writer:
        for number in range(8):
            writer.write(picture(number))
    track = MaskTrack(1, {index: block(60, 60, 120, 90) for index in (3, 4)})
    with open_video(source) as video:
        overlay_video(video, [track], tmp_path / "out.mp4", (2, 6))
        with open_video(tmp_path / "out.mp4") as written:
            assert [read_number(frame.image) for frame in written.frames(range(4))] == [2, 3, 4, 5]
            assert written.info.fps == pytest.approx(10)
            changed = [
                np.abs(written.frame(place).astype(int) - video.frame(place + 2))[65:85, 65:115].mean() > 20
                for place in range(4)
            ]
            assert changed == [False, True, True, False]
        with pytest.raises(ExportError, match="3:3 holds no frame"):
            overlay_video(video, [track], tmp_path / "none.mp4", (3, 3))


def small(rows: Sequence[str], score: float) -> ObjectMask:
    return ObjectMask(encode_mask(drawn(*rows)), score)


@pytest.mark.parametrize(
    ("scores", "wanted", "lost"),
    [
        pytest.param({1: 2.0, 2: 9.0}, [[1, 2, 2, 0], [1, 2, 2, 0]], 2, id="higher score wins"),
        pytest.param({1: 5.0, 2: 5.0}, [[1, 1, 2, 0], [1, 1, 2, 0]], 2, id="lower id wins a tie"),
        pytest.param({2: -1.0}, [[0, 2, 2, 0], [0, 2, 2, 0]], 0, id="alone"),
        pytest.param({}, [[0, 0, 0, 0], [0, 0, 0, 0]], 0, id="nothing"),
    ],
)
def test_overlapping_pixels_go_to_one_object_and_the_losses_are_counted(
    scores: dict[int, float], wanted: list[list[int]], lost: int
) -> None:
    shapes = {1: ("##..", "##.."), 2: (".##.", ".##.")}
    image, cost = palette_image({key: small(shapes[key], score) for key, score in scores.items()}, (4, 2))
    assert image.mode == "P"
    assert np.array(image).tolist() == wanted
    assert cost == lost


def test_a_pixel_of_three_objects_counts_two_losers() -> None:
    everywhere = ("##", "##")
    _, lost = palette_image({key: small(everywhere, 1.0) for key in (1, 2, 3)}, (2, 2))
    assert lost == 8


def test_a_palette_image_survives_a_png_file_with_the_colours_of_davis(tmp_path: Path) -> None:
    from PIL import Image

    image, _ = palette_image({255: small(("##", ".."), 1.0)}, (2, 2))
    image.save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as read:
        assert np.array(read).tolist() == [[255, 255], [0, 0]]
        assert np.array(read.convert("RGB"))[0, 0].tolist() == davis_palette()[255].tolist()


@pytest.mark.parametrize(
    ("object_id", "size_wh"), [pytest.param(256, (2, 2), id="id above 255"), pytest.param(1, (3, 2), id="other size")]
)
def test_what_a_palette_image_cannot_hold_is_refused(object_id: int, size_wh: tuple[int, int]) -> None:
    with pytest.raises(ExportError, match="renumber the objects or export COCO RLE"):
        palette_image({object_id: small(("##", "##"), 1.0)}, size_wh)
