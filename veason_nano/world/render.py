"""Draw any frame of a scene, in any size, with the exact mask of every actor; no other frame has to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

from veason_nano.world.scene import COLOURS, Actor, Backdrop, Scene, local_points
from veason_nano.world.shapes import EXTENT, SCREEN, shape_table

BACKDROPS = ("paper", "gradient", "planks", "tiles", "felt", "hills", "dunes", "bokeh")
_MARGIN = 0.25
"""How far the camera may drift, in picture heights; the backdrop is made this much larger on every side."""


@dataclass(slots=True, eq=False)
class Renderer:
    """Draws one scene at one size (width, height); the aspect need not be the scene's: the picture is squashed then."""

    scene: Scene
    size_wh: tuple[int, int]
    _backdrop: np.ndarray = field(init=False, repr=False)
    _x: np.ndarray = field(init=False, repr=False)
    _y: np.ndarray = field(init=False, repr=False)
    _vignette: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        width, height = self.size_wh
        self._backdrop = paint_backdrop(self.scene.backdrop, self.scene.aspect, self.size_wh)
        self._x = ((np.arange(width) + 0.5) / width * self.scene.aspect).astype(np.float32)
        self._y = ((np.arange(height) + 0.5) / height).astype(np.float32)
        far = (self._x[None] / self.scene.aspect - 0.5) ** 2 + (self._y[:, None] - 0.5) ** 2
        self._vignette = (self.scene.brightness * (1.03 - 0.32 * far))[..., None].astype(np.float32)

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB."""
        return self.draw(frame_index)[0]

    def draw(self, frame_index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the picture and the owner map: `(H, W)` int8 with the index of the actor in front, -1 for none.

        A pixel belongs to an actor where the actor's outline covers its centre, which is more than half of it.
        """
        scene = self.scene
        image = self._crop_backdrop(frame_index)
        owner = np.full(image.shape[:2], -1, np.int8)
        for index in sorted(range(len(scene.actors)), key=lambda index: scene.actors[index].depth):
            self._draw_actor(image, owner, index, frame_index)
        image *= self._vignette
        if scene.noise:
            rng = np.random.default_rng([scene.seed, frame_index])
            image += rng.standard_normal(image.shape, np.float32) * scene.noise
        return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), owner

    def _crop_backdrop(self, frame_index: int) -> np.ndarray:
        width, height = self.size_wh
        shift = self.scene.camera[frame_index] + _MARGIN
        left = float(np.clip(shift[0] / self.scene.aspect * width, 0, self._backdrop.shape[1] - width - 2))
        top = float(np.clip(shift[1] * height, 0, self._backdrop.shape[0] - height - 2))
        x, y = int(left), int(top)
        fx, fy = left - x, top - y
        rows = self._backdrop[y : y + height + 1, x : x + width + 1]
        rows = rows[:, :-1] * (1 - fx) + rows[:, 1:] * fx
        return rows[:-1] * (1 - fy) + rows[1:] * fy

    def _draw_actor(self, image: np.ndarray, owner: np.ndarray, index: int, frame_index: int) -> None:
        actor, scene = self.scene.actors[index], self.scene
        centre = scene.screen_centre(index)[frame_index]
        radius = actor.radius[frame_index]
        window = self._window(centre, radius * EXTENT)
        if window is None:
            return
        self._draw_shadow(
            image[window], actor, centre, frame_index, np.meshgrid(self._x[window[1]], self._y[window[0]])
        )
        window = self._window(centre, radius * (1.56 if actor.is_scenery else 1.12))
        if window is None:
            return
        at = np.meshgrid(self._x[window[1]], self._y[window[0]])
        table = shape_table(actor.appearance.shape)
        pixel = float(np.sqrt(self.scene.aspect / (self.size_wh[0] * self.size_wh[1])) / radius)
        is_fine = pixel * table.cells_per_radius < 2.5
        uv = local_points(actor, centre, frame_index, *at)
        distance = table.look_up(uv[0], uv[1], is_fine)
        alpha = self._blurred_alpha(actor, index, frame_index, at, distance, pixel)
        paint = _paint(actor, uv, distance, _light_in_axes(scene.light_angle, actor.angle[frame_index]), is_fine)
        part = image[window]
        part += alpha[..., None] * (paint - part)
        owner[window][distance < 0] = index

    def _window(self, centre: np.ndarray, reach: float) -> tuple[slice, slice] | None:
        """Return the rows and columns that the actor and its shadow can touch, or None outside the picture."""
        width, height = self.size_wh
        per_unit = width / self.scene.aspect
        x1, x2 = int((centre[0] - reach) * per_unit), int((centre[0] + reach) * per_unit) + 2
        y1, y2 = int((centre[1] - reach) * height), int((centre[1] + reach) * height) + 2
        x1, x2, y1, y2 = max(x1, 0), min(x2, width), max(y1, 0), min(y2, height)
        return (slice(y1, y2), slice(x1, x2)) if x1 < x2 and y1 < y2 else None

    def _draw_shadow(self, part: np.ndarray, actor: Actor, centre: np.ndarray, frame_index: int, at: tuple) -> None:
        """Darken a soft copy of the outline, away from the light; the nearer the actor, the wider the shadow."""
        spread = 0.16
        angle, radius = self.scene.light_angle, actor.radius[frame_index]
        moved = centre - np.array([np.cos(angle), np.sin(angle)]) * radius * spread
        u, v = local_points(actor, moved, frame_index, *at)
        distance = shape_table(actor.appearance.shape).look_up(u, v)
        soft = np.clip(0.5 - distance / 0.5, 0, 1)
        part *= (1 - 0.5 * (soft * soft * (3 - 2 * soft)))[..., None]

    def _blurred_alpha(
        self, actor: Actor, index: int, frame_index: int, at: tuple, distance: np.ndarray, pixel: float
    ) -> np.ndarray:
        """Return coverage in [0, 1]; a fast actor is smeared along its way (half the time between two frames)."""
        centres = self.scene.screen_centre(index)
        step = centres[min(frame_index + 1, len(centres) - 1)] - centres[max(frame_index - 1, 0)]
        length = float(np.hypot(*step)) / 4 / (pixel * actor.radius[frame_index])
        if length < 1.5:
            return np.clip(0.5 - distance / pixel, 0, 1)
        table, total = shape_table(actor.appearance.shape), np.zeros_like(distance)
        count = min(int(length) + 2, 7)
        for share in np.linspace(-0.125, 0.125, count):
            u, v = local_points(actor, centres[frame_index] + step * share, frame_index, *at)
            total += np.clip(0.5 - table.look_up(u, v) / pixel, 0, 1)
        return total / count


def _light_in_axes(light_angle: float, angle: float) -> tuple[float, float]:
    turned = light_angle - angle
    return float(np.cos(turned)), float(np.sin(turned))


def _paint(
    actor: Actor, uv: tuple[np.ndarray, np.ndarray], distance: np.ndarray, light: tuple[float, float], is_fine: bool
) -> np.ndarray:
    """Return the shaded colour of every point, `(h, w, 3)`."""
    u, v = uv
    if actor.is_scenery:
        return _paint_screen(u, v)
    base = np.array(COLOURS[actor.appearance.colour], np.float32)
    second = base * 0.45 + 0.55 if actor.appearance.colour != "white" else np.array((0.45, 0.5, 0.58), np.float32)
    colour = base + _pattern(actor.appearance.pattern, u, v)[..., None] * (second - base)
    nu, nv = shape_table(actor.appearance.shape).look_up_normal(u, v, is_fine)
    nz = np.sqrt(np.clip(1 - nu * nu - nv * nv, 0.05, 1))
    side = nu * light[0] + nv * light[1]
    diffuse = np.clip(0.62 * nz + 0.60 * side, 0, 1.1)
    shade = 0.50 + 0.62 * diffuse
    gloss = np.clip(0.80 * nz + 0.60 * side, 0, 1) ** 28 * 0.5
    edge = np.clip(1 + distance / 0.05, 0, 1) * 0.12
    return colour * (shade - edge)[..., None] + gloss[..., None]


def _paint_screen(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vertical slats in warm grey."""
    slat = (u * 3.3) % 1.0
    groove = np.clip(np.minimum(slat, 1 - slat) / 0.06, 0, 1)
    tone = (0.70 + 0.05 * np.sin(np.floor(u * 3.3) * 2.4)) * (0.72 + 0.28 * groove) - 0.05 * v
    return tone[..., None] * np.array((0.84, 0.76, 0.67), np.float32)


def _pattern(pattern: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return how much of the second colour shows, 0 to 1."""
    if pattern == "striped":
        wave = np.abs(((u * 0.8 + v * 0.6) * 1.65) % 1.0 - 0.5)
        return np.clip((wave - 0.25) / 0.06 + 0.5, 0, 1)
    if pattern == "spotted":
        pu, pv = (u * 2.0 + 0.5) % 1.0 - 0.5, (v * 2.0 + 0.5 + 0.5 * (np.floor(u * 2.0 + 0.5) % 2)) % 1.0 - 0.5
        return np.clip((0.27 - np.hypot(pu, pv)) / 0.08 + 0.5, 0, 1)
    return np.zeros_like(u)


def paint_backdrop(backdrop: Backdrop, aspect: float, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the backdrop as float32 RGB, larger than the picture by the camera's margin on every side."""
    width, height = size_wh
    rows = int(height * (1 + 2 * _MARGIN)) + 4
    columns = int(width * (aspect + 2 * _MARGIN) / aspect) + 4
    if backdrop.photo is not None:
        return _stretch(backdrop.photo, (columns, rows))
    y = (np.arange(rows, dtype=np.float32)[:, None] / height) - _MARGIN
    x = (np.arange(columns, dtype=np.float32)[None] / width * aspect) - _MARGIN
    rng = np.random.default_rng(backdrop.seed)
    amount = np.clip(_texture(backdrop.kind, x, y, rng), 0, 1).astype(np.float32)
    light, dark = (np.array(colour, np.float32) for colour in (backdrop.light, backdrop.dark))
    return dark + amount[..., None] * (light - dark)


def _stretch(picture: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return an `(H, W, 3)` float32 picture at another size, averaged where it shrinks."""
    layers = [Image.fromarray(np.ascontiguousarray(picture[..., layer])) for layer in range(3)]
    return np.stack([np.asarray(layer.resize(size_wh, Image.Resampling.BILINEAR)) for layer in layers], -1)


def _clouds(shape: tuple[int, int], rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth random hills in [0, 1]: a small random grid blown up."""
    coarse = rng.random((cells + 2, cells + 2)).astype(np.float32)
    grown = zoom(coarse, (shape[0] / cells, shape[1] / cells), order=1 if min(shape) < 200 else 3, prefilter=False)
    return grown[: shape[0], : shape[1]]


def _texture(kind: str, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `(rows, columns)`: 1 where the light colour shows, 0 where the dark one does."""
    shape = (y.shape[0], x.shape[1])
    cloud = _clouds(shape, rng, 5)
    if kind == "gradient":
        turn = rng.uniform(0, 2 * np.pi)
        return 0.5 + 0.55 * (np.cos(turn) * (x - 0.7) + np.sin(turn) * (y - 0.5)) + 0.1 * cloud
    if kind == "planks":
        board = np.floor(y * 4.2 + rng.uniform(0, 1))
        tone = rng.random(64)[(board.astype(int) + 20) % 64]
        grain = 0.5 + 0.5 * np.sin(y * 55 + 5 * cloud + 1.5 * np.sin(x * 3 + board * 2))
        seam = np.clip(np.abs((y * 4.2 + 0.5) % 1 - 0.5) / 0.03, 0, 1)
        return 0.45 + 0.35 * tone + 0.13 * grain * seam - 0.25 * (1 - seam) * 0.4
    if kind == "tiles":
        across, down = x * 4 + rng.uniform(0, 1), y * 4 + rng.uniform(0, 1)
        joint = np.minimum(np.abs(across % 1 - 0.5), np.abs(down % 1 - 0.5) + 0 * across)
        near = np.minimum(0.5 - np.abs(across % 1 - 0.5) + 0 * down, 0.5 - np.abs(down % 1 - 0.5) + 0 * across)
        check = (np.floor(across) + np.floor(down)) % 2
        return 0.45 + 0.25 * check + 0.2 * np.clip(near / 0.03, 0, 1) + 0.1 * cloud + 0 * joint
    if kind == "felt":
        return 0.55 + 0.25 * cloud + 0.12 * rng.standard_normal(shape)
    if kind == "hills":
        ridge = 0.5 + 0.14 * np.sin(x * 2.1 + rng.uniform(0, 6)) + 0.06 * np.sin(x * 5.3 + rng.uniform(0, 6))
        far = ridge - 0.16 + 0.07 * np.sin(x * 3.7 + rng.uniform(0, 6))
        return 0.95 - 0.25 * y - 0.25 * _step(y - far) - 0.35 * _step(y - ridge) + 0.08 * cloud
    if kind == "dunes":
        height = y * 5 + 0.7 * np.sin(x * 1.9 + y * 2 + rng.uniform(0, 6)) + cloud
        return 0.25 + 0.7 * (height % 1) ** 1.5
    if kind == "bokeh":
        total = 0.25 + 0.2 * cloud
        for _ in range(14):
            cx, cy, size = rng.uniform(-0.2, 2), rng.uniform(-0.2, 1.2), rng.uniform(0.06, 0.22)
            total = total + rng.uniform(0.1, 0.3) * _step(size - np.hypot(x - cx, y - cy), 0.03)
        return total
    return 0.7 + 0.22 * cloud + 0.035 * rng.standard_normal(shape)


def _step(value: np.ndarray, width: float = 0.012) -> np.ndarray:
    return np.clip(value / width + 0.5, 0, 1)


__all__ = ["BACKDROPS", "SCREEN", "Renderer", "paint_backdrop"]
