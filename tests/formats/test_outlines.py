"""Masks as polygons: exact for the readers, holes and parts included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from veason.formats.label_studio.brush import decode_brush, encode_brush
from veason.formats.yolo_seg.outlines import LEAST_IOU, filled, outlines


def drawn(text: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in line] for line in text.split()])


def again(mask: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce([filled(polygon, mask.shape[::-1]) for polygon in outlines(mask)])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("#", id="one pixel"),
        pytest.param("...  .#.  ...", id="one pixel inside"),
        pytest.param("####", id="a line"),
        pytest.param("#..  .#.  ..#", id="a slanting line"),
        pytest.param("###. ###. ....", id="a block"),
        pytest.param("##### #...# #.#.# #...# #####", id="a ring around an island"),
        pytest.param(".###. ##.## #...# ##.## .###.", id="a round hole"),
        pytest.param("####### #..#..# #######", id="two holes"),
        pytest.param("##### ##.## ##### ##.## #####", id="holes of one pixel"),
        pytest.param("###### ##.### ###.## ######", id="holes that touch at a corner"),
    ],
)
def test_small_shapes_come_back_as_they_are(text: str) -> None:
    mask = drawn(text)
    assert np.array_equal(again(mask), mask)
    assert all(polygon.shape[0] >= 3 for polygon in outlines(mask))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 4.0))
@example(1154, 1.0)
@example(0, 0.0)
def test_blobs_keep_what_was_promised(seed: int, smoothness: float) -> None:
    mask = gaussian_filter(np.random.default_rng(seed).random((48, 64)), smoothness) > 0.5
    if mask.any():
        found = again(mask)
        assert (found & mask).sum() >= LEAST_IOU * (found | mask).sum()


def test_a_filled_shape_holds_every_pixel_of_its_outline() -> None:
    polygon = np.array([[2, 1], [6, 1], [6, 4], [2, 4]])
    assert filled(polygon, (9, 6)).sum() == 20


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 300), st.floats(0, 1))
def test_brush_masks_of_label_studio_come_back_bit_for_bit(seed: int, height: int, width: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    assert np.array_equal(decode_brush(encode_brush(mask), (width, height)), mask)


def test_a_long_run_and_a_broken_code_of_label_studio() -> None:
    mask = np.zeros((300, 400), bool)
    mask[100:, 7] = True
    code = encode_brush(mask)
    assert np.array_equal(decode_brush(code, (400, 300)), mask)
    with pytest.raises(ValueError, match="cut off"):
        decode_brush(code[:-4], (400, 300))
    with pytest.raises(ValueError, match="has 40000 words, its code says 480000"):
        decode_brush(code, (100, 100))
