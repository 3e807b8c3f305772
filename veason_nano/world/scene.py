"""The toy world's vocabulary: what a scene is made of, and what can be measured of it without drawing it.

World units: the picture is 1 high and `aspect` wide, the origin is the upper left corner, y grows downward. An actor's
path is given for every frame in the world; the picture shows it shifted by the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from veason_nano.world.shapes import EXTENT, SCREEN, shape_table

COLOURS = {
    "red": (0.86, 0.16, 0.17),
    "orange": (0.97, 0.52, 0.09),
    "yellow": (0.98, 0.83, 0.18),
    "green": (0.18, 0.65, 0.31),
    "blue": (0.15, 0.38, 0.87),
    "purple": (0.52, 0.24, 0.72),
    "pink": (0.97, 0.52, 0.70),
    "white": (0.95, 0.94, 0.91),
}
"""Colours an object can have, as linear-looking RGB in [0, 1]."""

PATTERNS = ("plain", "striped", "spotted")
SIZES = {"small": 0.085, "medium": 0.125, "large": 0.175}
"""Radius by word, in picture heights."""

EventKind = Literal["collides", "nearly_hits", "chases", "carries", "splits", "covers"]
"""What two actors do together. Everything an actor does alone is measured from its path instead."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """How an object looks; the four words by which language tells objects apart."""

    shape: str
    colour: str
    pattern: str = "plain"
    size: str = "medium"


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One thing in the scene.

    Attributes:
        appearance: its words; shape "screen" is scenery.
        centre: `(T, 2)` world positions.
        radius: `(T,)` in picture heights.
        angle: `(T,)` in radians.
        depth: who hides whom: the larger one is nearer to the viewer.
    """

    appearance: Appearance
    centre: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    depth: float

    @property
    def is_scenery(self) -> bool:
        """True for what no question asks about."""
        return self.appearance.shape == SCREEN


@dataclass(frozen=True, slots=True)
class Event:
    """Something between actors: `subject` does `kind` to `other` during the half-open `[start, stop)`.

    collides: first contact is at `start`. nearly_hits: `subject` heads for `other` and halts at `stop`, not touching.
    splits: `subject` leaves the group at `start`; `other` is one of those who stay.
    """

    kind: EventKind
    subject: int
    other: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """What lies behind: the kind of texture, its two colours, and the seed of its details.

    A `photo`, `(H, W, 3)` float32 RGB in 0..1, stands in place of all that (`veason_nano.world.photos`).
    """

    kind: str
    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    seed: int
    photo: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A whole clip before it is drawn. `camera` is `(T, 2)`; `noise` is the grain's deviation in [0, 1] units."""

    seed: int
    num_frames: int
    aspect: float
    fps: float
    actors: tuple[Actor, ...]
    camera: np.ndarray
    events: tuple[Event, ...]
    backdrop: Backdrop
    light_angle: float = -2.2
    brightness: float = 1.0
    noise: float = 0.01

    @property
    def objects(self) -> tuple[int, ...]:
        """Indices of the actors that questions may ask about."""
        return tuple(index for index, actor in enumerate(self.actors) if not actor.is_scenery)

    def screen_centre(self, actor: int) -> np.ndarray:
        """Return `(T, 2)` positions in the picture."""
        return self.actors[actor].centre - self.camera


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """What a viewer sees, measured on a coarse grid: every array is `(N, T)` float32.

    Attributes:
        visible: share of the actor's own area that shows.
        inside: share of it that lies in the picture, whether or not something covers it.
        area: share of the picture that it fills, visibly.
        cover: index of the actor that hides most of it, -1 where nothing does.
    """

    visible: np.ndarray
    inside: np.ndarray
    area: np.ndarray
    cover: np.ndarray


def local_points(actor: Actor, offset: np.ndarray, frame_index: int, x: np.ndarray, y: np.ndarray) -> tuple:
    """Return picture points in the actor's own axes, in radii; `offset` is the actor's centre in the picture."""
    radius, angle = float(actor.radius[frame_index]), float(actor.angle[frame_index])
    dx, dy = (x - float(offset[0])) / radius, (y - float(offset[1])) / radius
    cos, sin = math.cos(angle), math.sin(angle)
    return dx * cos + dy * sin, dy * cos - dx * sin


class _Grid:
    """Centres of a coarse pixel grid."""

    def __init__(self, aspect: float, rows: int) -> None:
        self.rows, self.columns = rows, max(round(rows * aspect), 8)

    @cached_property
    def xy(self) -> tuple[np.ndarray, np.ndarray]:
        y = (np.arange(self.rows, dtype=np.float32) + 0.5) / self.rows
        x = (np.arange(self.columns, dtype=np.float32) + 0.5) / self.rows
        return x[None, None, :], y[None, :, None]


def measure_tracks(scene: Scene, rows: int = 44) -> Tracks:
    """Measure who shows how much in every frame, on a grid `rows` high."""
    grid = _Grid(scene.aspect, rows)
    x, y = grid.xy
    count, frames = len(scene.actors), scene.num_frames
    covered = [_inside_mask(scene, index, x, y) for index in range(count)]
    order = sorted(range(count), key=lambda index: scene.actors[index].depth)
    owner = np.full((frames, grid.rows, grid.columns), -1, np.int8)
    for index in order:
        owner[covered[index]] = index
    visible, inside, area = (np.zeros((count, frames), np.float32) for _ in range(3))
    cover = np.full((count, frames), -1, np.int8)
    for index in range(count):
        full = np.maximum(
            _shape_area(scene.actors[index].appearance.shape) * scene.actors[index].radius ** 2 * rows**2, 1
        )
        seen = (owner == index).sum((1, 2))
        visible[index], area[index] = np.minimum(seen / full, 1), seen / (grid.rows * grid.columns)
        inside[index] = np.minimum(covered[index].sum((1, 2)) / full, 1)
        cover[index] = _main_cover(covered[index], owner, index, count)
    return Tracks(visible, inside, area, cover)


def _inside_mask(scene: Scene, index: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return `(T, rows, columns)` bool of the grid points inside the actor's outline."""
    actor, centre = scene.actors[index], scene.screen_centre(index).astype(np.float32)
    radius = actor.radius.astype(np.float32)[:, None, None]
    cos, sin = (f(actor.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    dx, dy = (x - centre[:, :1, None]) / radius, (y - centre[:, 1:, None]) / radius
    table = shape_table(actor.appearance.shape).distance < 0
    scale, middle = (len(table) - 1) / (2 * EXTENT), (len(table) - 1) / 2
    columns = np.clip((dx * cos + dy * sin) * scale + middle + 0.5, 0, len(table) - 1).astype(np.int32)
    rows = np.clip((dy * cos - dx * sin) * scale + middle + 0.5, 0, len(table) - 1).astype(np.int32)
    return table[rows, columns]


def _shape_area(shape: str) -> float:
    table = shape_table(shape).distance
    return float((table < 0).mean() * (2 * EXTENT) ** 2)


def _main_cover(own: np.ndarray, owner: np.ndarray, index: int, count: int) -> np.ndarray:
    """Return per frame which actor stands in front of most of `index`, or -1."""
    hidden = own & (owner != index)
    votes = np.stack([(hidden & (owner == other)).sum((1, 2)) for other in range(count)])
    return np.where(votes.max(0) > 0, votes.argmax(0), -1)
