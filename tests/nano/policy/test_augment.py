"""Changed pictures: the boxes go with what is drawn, and what was cut off is not asked for."""

from __future__ import annotations

import numpy as np
import pytest

from veason_nano.policy.augment import augment

SIDE = 112


def pictures(count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Dark pictures with one bright rectangle each."""
    images, boxes = np.full((count, SIDE, SIDE, 3), 40, np.uint8), []
    for number in range(count):
        left, top = 10 + 5 * (number % 14), 8 + 4 * (number % 17)
        images[number, top : top + 20, left : left + 26] = 200
        boxes.append(np.array([[left, top, left + 26, top + 20], [np.nan] * 4], np.float32))
    return images, boxes


@pytest.mark.parametrize("seed", range(3))
def test_boxes_go_with_what_is_drawn(seed: int) -> None:
    changed, placed = augment(*pictures(24), np.random.default_rng(seed))
    assert changed.shape == (24, SIDE, SIDE, 3)
    assert changed.dtype == np.uint8
    checked = 0
    for image, boxes in zip(changed, placed, strict=True):
        if np.isfinite(boxes[0, 0]):
            rows, columns = np.nonzero(image.mean(2) > 120)
            seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(boxes[0] - seen).max() <= 1.5
            checked += 1
    assert checked > 12


def test_what_is_cut_off_or_was_never_there_has_no_box() -> None:
    images, boxes = pictures(60)
    _, placed = augment(images, boxes, np.random.default_rng(0))
    assert all(np.isnan(found[1]).all() for found in placed)
    gone = [np.isnan(found[0, 0]) for found in placed]
    assert 0 < sum(gone) < 40
    rest = np.concatenate([found[:1] for found, is_gone in zip(placed, gone, strict=True) if not is_gone])
    assert rest.min() >= 0
    assert rest.max() <= SIDE


def test_the_same_lots_give_the_same_pictures() -> None:
    first, second = (augment(*pictures(6), np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], augment(*pictures(6), np.random.default_rng(5))[0])
