"""Tools on masks, on pictures drawn as text."""

import numpy as np
import pytest

from veason.errors import DataError
from veason.masks import decode_mask, encode_mask, mask_area, mask_iou
from veason.shaping import (
    MaskInterpolator,
    drop_specks,
    fill_holes,
    grow_mask,
    interpolate_boxes,
    intersect,
    largest_part,
    shrink,
    smooth,
    subtract,
)
from veason.types import Box, Rle


def drawn(*rows: str) -> Rle:
    return encode_mask(np.array([[letter == "#" for letter in row] for row in rows]))


def told(rle: Rle) -> list[str]:
    return ["".join("#" if pixel else "." for pixel in row) for row in decode_mask(rle)]


def disc(x: float, y: float, radius: float, size_hw: tuple[int, int] = (60, 80)) -> Rle:
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return encode_mask((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


EMPTY = drawn("....", "....")


def test_holes_are_filled_but_bays_stay() -> None:
    assert told(fill_holes(drawn("####..", "#..#..", "####..", "#..#.."))) == ["####..", "####..", "####..", "#..#.."]


def test_specks_go_and_what_touches_by_a_corner_is_one_part() -> None:
    mask = drawn("##....", "##...#", "..#...", ".....#")
    assert told(drop_specks(mask, 2)) == ["##....", "##....", "..#...", "......"]
    assert told(drop_specks(drawn("#..", "..#"), 5)) == ["#..", "..#"], "the largest parts stay whatever is asked"
    assert told(largest_part(mask)) == ["##....", "##....", "..#...", "......"]


def test_a_mask_grows_and_shrinks_round() -> None:
    assert told(grow_mask(drawn(".....", ".....", "..#..", ".....", "....."), 1)) == [
        ".....", "..#..", ".###.", "..#..", "....."
    ]  # fmt: skip
    assert told(shrink(drawn(".....", "..#..", ".###.", "..#..", "....."), 1)) == [
        ".....", ".....", "..#..", ".....", "....."
    ]  # fmt: skip
    assert told(shrink(drawn("##..", "##.."), 1)) == ["#...", "#..."], "beyond the picture it goes on"


def test_smoothing_takes_a_spike_and_leaves_the_body() -> None:
    body = decode_mask(disc(30, 30, 15)).copy()
    body[30, 45:60] = True
    smoothed = decode_mask(smooth(encode_mask(body), 4))
    assert not smoothed[30, 50:].any()
    assert mask_iou(encode_mask(smoothed), disc(30, 30, 15)) > 0.96


def test_two_masks_are_combined() -> None:
    first, second = drawn("###."), drawn(".###")
    assert (told(subtract(first, second)), told(intersect(first, second))) == (["#..."], [".##."])


@pytest.mark.parametrize(
    "tool", [fill_holes, largest_part, lambda rle: drop_specks(rle, 3), lambda rle: grow_mask(rle, 2)]
)
def test_nothing_stays_nothing(tool: object) -> None:
    assert mask_area(tool(EMPTY)) == 0  # type: ignore[operator]


@pytest.mark.parametrize("tool", [drop_specks, grow_mask, shrink, smooth])
def test_a_length_below_one_pixel_is_refused_in_words(tool: object) -> None:
    with pytest.raises(DataError, match="1 pixel or more, got 0"):
        tool(drawn("##"), 0)  # type: ignore[operator]


def test_masks_of_other_sizes_are_refused() -> None:
    for combine in (subtract, intersect, MaskInterpolator):
        with pytest.raises(DataError, match="one size"):
            combine(drawn("##"), drawn("###"))


def test_a_disc_moves_and_grows_in_a_straight_line_though_the_two_do_not_touch() -> None:
    between = MaskInterpolator(disc(15, 20, 6), disc(60, 40, 12))
    assert mask_iou(between.at(0), disc(15, 20, 6)) > 0.9
    assert mask_iou(between.at(1), disc(60, 40, 12)) > 0.9
    assert mask_iou(between.at(0.5), disc(37.5, 30, 9)) > 0.9


def test_a_mask_between_itself_is_itself() -> None:
    mask = drawn("......", ".####.", ".#..#.", ".####.", "......")
    assert told(MaskInterpolator(mask, mask).at(0.3)) == told(mask)


def test_shapes_at_the_edges_of_the_picture_stay_in_it() -> None:
    corner, other = disc(0, 0, 9), disc(79, 59, 9)
    between = MaskInterpolator(corner, other)
    assert (between.at(0), between.at(1)) == (corner, other)
    assert mask_area(between.at(0.5)) > 50


def test_between_nothing_and_something_there_is_no_shape() -> None:
    with pytest.raises(DataError, match="not empty"):
        MaskInterpolator(EMPTY, drawn("#...", "...."))


def test_boxes_move_side_by_side() -> None:
    assert interpolate_boxes(Box(0, 0, 4, 4), Box(8, 0, 16, 4), 0.5).xyxy == (4.0, 0.0, 10.0, 4.0)
