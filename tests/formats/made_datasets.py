"""Small made datasets: videos of noise with rectangles, written by the writers under test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veason.formats.datasets import WriteExpression, WriteVideo
from veason.masks import encode_mask
from veason.types import Rle

WIDTH, HEIGHT, FRAMES = 32, 24, 4


def rectangle(x: int, y: int, width: int, height: int) -> Rle:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + height, x : x + width] = True
    return encode_mask(mask)


def moving(column: int, *, hidden: Sequence[int] = ()) -> list[Rle | None]:
    """An object in its own rows and columns, 5 pixels down a frame, so that objects never overlap."""
    return [None if index in hidden else rectangle(column, 1 + 4 * index, 6, 5 + index) for index in range(FRAMES)]


def pictures(seed: int, count: int = FRAMES) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(count)]


def many_objects(name: str, seed: int = 0) -> WriteVideo:
    """Every kind of ReVOS expression: one object, two objects, absent; object 2 is hidden on frame 0."""
    return WriteVideo(
        name=name,
        frames=pictures(seed),
        objects={0: moving(2), 2: moving(12, hidden=[0])},
        expressions=[
            WriteExpression("the left box", (0,), "referring"),
            WriteExpression("what a mover would carry", (0, 2), "reasoning"),
            WriteExpression("the box that hides", (2,), "reasoning"),
            WriteExpression("the sleeping otter", (), "absent"),
        ],
    )


def one_object_each(name: str, seed: int = 0, times: int = 1) -> WriteVideo:
    """Objects 1 and 2, `times` expressions each, in order of the objects: what the palette formats hold."""
    return WriteVideo(
        name=name,
        frames=pictures(seed),
        objects={1: moving(2), 2: moving(12, hidden=[0])},
        expressions=[
            WriteExpression(f"box {number}, text {text}?", (number,)) for number in (1, 2) for text in range(times)
        ],
        source="BURST",
    )
