"""What the policy sees of a scene: the shown frames, and the exact box and area of every object on each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from veason.profile import sample_indices
from veason.types import Box
from veason_nano.world.facts import Facts
from veason_nano.world.render import Renderer

_SMALLEST = 6e-4
"""An object with less than this share of the picture visible is not there for a box (8 pixels of 112 x 112)."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Shown frames of a scene at one size.

    Attributes:
        facts: what is true of the whole clip.
        shown: absolute frame indices, ascending.
        images: `(S, H, W, 3)` uint8.
        area: `(N, S)` visible share of the picture.
        boxes: `(N, S, 4)` float32, half-open xyxy in pixels of the images, NaN where the object is not there.
    """

    facts: Facts
    shown: tuple[int, ...]
    images: np.ndarray
    area: np.ndarray
    boxes: np.ndarray

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the images."""
        return self.images.shape[2], self.images.shape[1]

    def is_there(self, actor: int, place: int) -> bool:
        """Tell whether the object has a box on the shown frame at `place`."""
        return bool(np.isfinite(self.boxes[actor, place, 0]))

    def box(self, actor: int, place: int) -> Box | None:
        """Return the box of an object on the shown frame at `place`, None where it is not there."""
        return Box(*(float(value) for value in self.boxes[actor, place])) if self.is_there(actor, place) else None


def look_at(facts: Facts, size_wh: tuple[int, int], shown: tuple[int, ...] | None = None, count: int = 8) -> View:
    """Draw the shown frames (by default the `count` that inference would show) and measure the objects on them."""
    scene = facts.scene
    shown = sample_indices(scene.num_frames, count) if shown is None else shown
    renderer = Renderer(scene, size_wh)
    images, areas, boxes = [], [], []
    for frame_index in shown:
        image, owner = renderer.draw(frame_index)
        images.append(image)
        measured = [measure_mask(owner == actor) for actor in range(len(scene.actors))]
        areas.append([area for area, _ in measured])
        boxes.append([box for _, box in measured])
    return View(facts, shown, np.stack(images), np.array(areas).T, np.array(boxes, np.float32).transpose(1, 0, 2))


def measure_mask(mask: np.ndarray) -> tuple[float, tuple[float, float, float, float]]:
    """Return the share of the picture that a mask fills and its half-open box, NaN where there is too little of it."""
    area = float(mask.mean())
    if area < _SMALLEST:
        return area, (np.nan,) * 4
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return area, (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
