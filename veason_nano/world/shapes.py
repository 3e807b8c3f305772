"""The outlines of the toy world: one table a shape with signed distance and surface normal, looked up when drawing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import map_coordinates

SHAPES = ("ball", "block", "triangle", "star", "ring", "heart", "cross", "moon")
"""What an object can be. Every outline has roughly the area of a disc of radius 0.9."""

SCREEN = "screen"
"""A tall board that stands in front of things. It is scenery: no question asks for it."""

EXTENT = 1.7
"""A table covers [-EXTENT, EXTENT] radii in both directions, so that soft shadows fit."""

_CELLS = 224


@dataclass(frozen=True, slots=True, eq=False)
class ShapeTable:
    """One shape sampled on a grid: `distance` is negative inside, in radii; `normal` is `(2, N, N)`."""

    distance: np.ndarray
    normal: np.ndarray

    def look_up(self, u: np.ndarray, v: np.ndarray, is_fine: bool = False) -> np.ndarray:
        """Return the signed distance at local points (in radii, any array shape); `is_fine` interpolates."""
        return _sample(self.distance, u, v, is_fine)

    def look_up_normal(self, u: np.ndarray, v: np.ndarray, is_fine: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the sideways parts of the unit surface normal at local points."""
        return _sample(self.normal[0], u, v, is_fine), _sample(self.normal[1], u, v, is_fine)

    @property
    def cells_per_radius(self) -> float:
        """How fine the table is."""
        return _SCALE


_SCALE = (_CELLS - 1) / (2 * EXTENT)


def _sample(table: np.ndarray, u: np.ndarray, v: np.ndarray, is_fine: bool) -> np.ndarray:
    middle = (_CELLS - 1) / 2
    if is_fine:
        return map_coordinates(table, (v * _SCALE + middle, u * _SCALE + middle), order=1, mode="nearest")
    rows = (v * _SCALE + (middle + 0.5)).astype(np.int32)
    columns = (u * _SCALE + (middle + 0.5)).astype(np.int32)
    cells = np.clip(rows, 0, _CELLS - 1) * _CELLS + np.clip(columns, 0, _CELLS - 1)
    return table.ravel().take(cells)


@cache
def shape_table(shape: str) -> ShapeTable:
    """Return the table of a shape (made once)."""
    axis = np.linspace(-EXTENT, EXTENT, _CELLS, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    distance = _signed_distance(shape, u, v).astype(np.float32)
    bevel = {"ball": 0.95, "ring": 0.24, SCREEN: 0.06}.get(shape, 0.42)
    depth = np.clip(-distance / bevel, 0, 1)
    height = bevel * np.sqrt(np.clip(1 - (1 - depth) ** 2, 0, None)) * (0.92 if shape == "ball" else 0.8)
    slope_v, slope_u = np.gradient(height, axis, axis)
    slope_u, slope_v = np.clip(slope_u, -2.5, 2.5), np.clip(slope_v, -2.5, 2.5)
    length = np.sqrt(slope_u**2 + slope_v**2 + 1)
    return ShapeTable(distance, np.stack([-slope_u / length, -slope_v / length]).astype(np.float32))


def _signed_distance(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    if shape == "ball":
        return np.hypot(u, v) - 0.92
    if shape == "ring":
        return np.abs(np.hypot(u, v) - 0.74) - 0.26
    rounding = {"block": 0.2, "triangle": 0.16, "star": 0.1, "heart": 0.06, "cross": 0.1, "moon": 0.07, SCREEN: 0.05}
    return _polygon_distance(_outline(shape), u, v) - rounding[shape]


def _outline(shape: str) -> np.ndarray:
    """Return the corner points `(N, 2)` before rounding; v grows downward."""
    if shape == "block":
        return np.array([(-0.64, -0.64), (0.64, -0.64), (0.64, 0.64), (-0.64, 0.64)])
    if shape == SCREEN:
        return np.array([(-0.45, -1.45), (0.45, -1.45), (0.45, 1.45), (-0.45, 1.45)])
    if shape == "triangle":
        turn = np.deg2rad([-90, 30, 150])
        return np.stack([np.cos(turn), np.sin(turn) + 0.14], 1) * 0.98
    if shape == "star":
        turn = np.deg2rad(np.arange(10) * 36 - 90)
        radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.47)
        return np.stack([np.cos(turn), np.sin(turn) + 0.03], 1) * radius[:, None]
    if shape == "cross":
        a, b = 0.25, 0.88
        return np.array(
            [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]
        )
    if shape == "heart":
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        x = 16 * np.sin(turn) ** 3
        y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
        return np.stack([x / 17.5, -(y + 2.4) / 17.0], 1)
    outer = np.deg2rad(np.linspace(55, 305, 36))
    inner = np.deg2rad(np.linspace(291, 69, 30))
    points = [np.stack([np.cos(outer), np.sin(outer)], 1) * 0.93]
    points.append(np.stack([np.cos(inner) * 0.72 + 0.36, np.sin(inner) * 0.74], 1))
    return np.concatenate(points) + np.array([0.1, 0.0])


def _polygon_distance(points: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance to a closed polygon, row by row of its edges."""
    nearest = np.full(u.shape, np.inf)
    inside = np.zeros(u.shape, bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, 0), strict=True):
        ex, ey = x2 - x1, y2 - y1
        along = np.clip(((u - x1) * ex + (v - y1) * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, (u - x1 - along * ex) ** 2 + (v - y1 - along * ey) ** 2)
        if ey != 0:
            inside ^= ((y1 > v) != (y2 > v)) & (u < ex * (v - y1) / ey + x1)
    return np.where(inside, -1, 1) * np.sqrt(nearest)
