"""Objects to cut out: sprites with many materials, from procedural outlines and from folders of transparent pictures.

A sprite is `(SIDE, SIDE, 4)` uint8, straight alpha, its outline filling the square as far as its aspect allows.
Everything follows from a numpy generator and the sources, so that a seed names a sprite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from veason_nano.world.photos import load_photos, photo_crop, photo_files

SIDE = 128
"""Sprites are squares of this many pixels."""

_DRAW = 2 * SIDE


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Pictures from outside: `photos` are `(H, W, 3)` uint8, `cutouts` `(SIDE, SIDE, 4)` uint8. Both may be empty."""

    photos: Sequence[np.ndarray] = field(default=())
    cutouts: Sequence[np.ndarray] = field(default=())


def load_sources(photos: Path | None, cutouts: Path | None) -> Sources:
    """Read the photos (see `load_photos`) and every cut-out under a folder, in name order."""
    files = [] if cutouts is None else photo_files(cutouts)
    return Sources(load_photos(photos), [_read_cutout(file) for file in files])


def _read_cutout(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return fill_square(np.asarray(picture.convert("RGBA")))


def fill_square(rgba: np.ndarray) -> np.ndarray:
    """Return the visible part of an RGBA picture, scaled to fill a sprite's square and centred in it."""
    rows, columns = np.nonzero(rgba[..., 3] > 8)
    if not len(rows):
        return np.zeros((SIDE, SIDE, 4), np.uint8)
    crop = rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = (SIDE - 2) / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    shrunk = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BILINEAR))
    square = np.zeros((SIDE, SIDE, 4), np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = shrunk
    return square


# --- textures -------------------------------------------------------------------------------------------------------


def colour(rng: np.random.Generator) -> np.ndarray:
    """Return an RGB colour in 0..1, muted ones more often than vivid ones."""
    grey = rng.beta(1.2, 1.2)
    tint = rng.uniform(-1, 1, 3)
    return np.clip(grey + tint * rng.beta(1, 2.5) * 0.6, 0, 1).astype(np.float32)


def smooth_noise(rng: np.random.Generator, side: int, steepness: float) -> np.ndarray:
    """Return `(side, side)` noise in 0..1 whose detail falls off with frequency to the power `steepness`."""
    total = np.zeros((side, side), np.float32)
    cells = 2
    while cells <= side:
        grid = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        total += np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) * cells**-steepness
        cells *= 2
    low, high = total.min(), total.max()
    return (total - low) / max(float(high - low), 1e-6)


def texture(rng: np.random.Generator, photos: Sequence[np.ndarray], side: int) -> np.ndarray:
    """Return a `(side, side, 3)` float32 surface in 0..1: photo, noise, plain, pattern or metal."""
    kinds: list[tuple[float, Callable[[np.random.Generator, int], np.ndarray]]] = [
        (0.2, _noise_texture), (0.2, _plain_texture), (0.1, _pattern_texture), (0.1, _metal_texture),
    ]  # fmt: skip
    weights = np.array([weight for weight, _ in kinds] + ([0.4] if photos else []))
    chosen = rng.choice(len(weights), p=weights / weights.sum())
    if chosen == len(kinds):
        return _photo_texture(rng, photos, side)
    return np.clip(kinds[chosen][1](rng, side), 0, 1)


def _photo_texture(rng: np.random.Generator, photos: Sequence[np.ndarray], side: int) -> np.ndarray:
    crop = photo_square(rng, photos, side, smallest=0.08)
    return np.clip((crop - crop.mean()) * rng.uniform(0.5, 1.3) + colour(rng) * 0.5 + crop.mean() * 0.5, 0, 1)


def photo_square(rng: np.random.Generator, photos: Sequence[np.ndarray], side: int, smallest: float) -> np.ndarray:
    """Return a random square part of a random photo, `(side, side, 3)` float32 in 0..1."""
    crop = Image.fromarray(np.ascontiguousarray(photo_crop(rng, photos, smallest)))
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32) / 255


def _noise_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    field_ = smooth_noise(rng, side, rng.uniform(0.2, 1.5))[..., None]
    return colour(rng) * field_ + colour(rng) * (1 - field_)


def _plain_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    slope = np.linspace(-1, 1, side, dtype=np.float32)[:, None, None] * rng.uniform(-0.15, 0.15)
    grain = rng.standard_normal((side, side, 1)).astype(np.float32) * rng.uniform(0, 0.03)
    return np.broadcast_to(colour(rng) + slope + grain, (side, side, 3))


def _pattern_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    angle, waves = rng.uniform(0, math.pi), rng.uniform(3, 16) * 2 * math.pi / side
    y, x = np.mgrid[:side, :side].astype(np.float32)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    value = np.sin(along * waves) * (np.sin(across * waves) if rng.random() < 0.5 else 1)
    on = (value > rng.uniform(-0.5, 0.7))[..., None]
    return np.where(on, colour(rng), colour(rng)).astype(np.float32)


def _metal_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return bands of mirrored surroundings: a profile of sharp and soft steps, bent a little."""
    profile = np.interp(
        np.linspace(0, 1, 256), np.sort(rng.random(12)), rng.beta(0.6, 0.6, 12) * rng.uniform(0.5, 1)
    ).astype(np.float32)
    angle = rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)])
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    place = x * math.cos(angle) + y * math.sin(angle) + (smooth_noise(rng, side, 2.0) - 0.5) * rng.uniform(0, 0.4)
    index = np.clip((place + 0.7) / 1.4 * 255, 0, 255).astype(int)
    return profile[index][..., None] * (0.7 + 0.3 * colour(rng))


# --- outlines -------------------------------------------------------------------------------------------------------

Pen = ImageDraw.ImageDraw
Polygon = list[tuple[float, float]]


def _limb(draw: Pen, points: Polygon, width: float) -> None:
    pixels = [(x * _DRAW, y * _DRAW) for x, y in points]
    draw.line(pixels, 255, max(1, round(width * _DRAW)), joint="curve")
    for x, y in (pixels[0], pixels[-1]):
        _disc(draw, x / _DRAW, y / _DRAW, width / 2, width / 2)


def _disc(draw: Pen, x: float, y: float, rx: float, ry: float) -> None:
    draw.ellipse([(x - rx) * _DRAW, (y - ry) * _DRAW, (x + rx) * _DRAW, (y + ry) * _DRAW], 255)


def _polygon(draw: Pen, points: Polygon) -> None:
    draw.polygon([(x * _DRAW, y * _DRAW) for x, y in points], 255)


def _blob_points(rng: np.random.Generator, x: float, y: float, radius: float, roughness: float) -> Polygon:
    angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    reach = np.ones_like(angles)
    for wave in range(2, 7):
        reach += np.cos(wave * angles + rng.uniform(0, 7)) * rng.normal(0, roughness / wave)
    reach = np.clip(reach, 0.25, 1.8) * radius
    return list(zip((x + reach * np.cos(angles)).tolist(), (y + reach * np.sin(angles)).tolist(), strict=True))


Part = Callable[[Pen], None]
Parts = Sequence[Part]


def _blob(rng: np.random.Generator) -> Parts:
    outline = _blob_points(rng, 0.5, 0.5, 0.35, rng.uniform(0.1, 0.8))
    inner = _blob_points(rng, rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65), rng.uniform(0.1, 0.25), 0.6)
    return [lambda draw: _polygon(draw, outline), lambda draw: _polygon(draw, inner)][: rng.integers(1, 3)]


def _slab(rng: np.random.Generator) -> Parts:
    angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 8)))
    points: Polygon = [(0.5 + 0.45 * math.cos(a), 0.5 + 0.45 * math.sin(a)) for a in angles]
    rows = rng.uniform(0.3, 0.7)
    return [
        lambda draw: _polygon(draw, points),
        lambda draw: draw.rectangle([0.3 * _DRAW, rows * _DRAW, 0.7 * _DRAW, (rows + 0.15) * _DRAW], 255),
    ][: rng.integers(1, 3)]


def _assembly(rng: np.random.Generator) -> Parts:
    """Return a chain of two to five overlapping blobs, bars and discs."""
    parts: list[Part] = []
    x, y = 0.5, 0.5
    for _ in range(rng.integers(2, 6)):
        radius, bend = rng.uniform(0.08, 0.24), rng.uniform(0, 2 * math.pi)
        tip = (x + 2 * radius * math.cos(bend), y + 2 * radius * math.sin(bend))
        if rng.random() < 0.5:
            blob = _blob_points(rng, x, y, radius, 0.3)
            parts.append(lambda draw, blob=blob: _polygon(draw, blob))  # type: ignore[misc]
        else:
            bar: Polygon = [(x, y), tip]
            width = radius * rng.uniform(0.3, 1.2)
            parts.append(lambda draw, bar=bar, width=width: _limb(draw, bar, width))  # type: ignore[misc]
        x, y = np.clip(tip, 0.2, 0.8)
    return parts


def _walker(rng: np.random.Generator) -> Parts:
    """Return a figure on two legs: legs, top, arms, head, hair."""
    hip, neck, width = rng.uniform(0.48, 0.6), rng.uniform(0.2, 0.28), rng.uniform(0.1, 0.2)
    girth, head = rng.uniform(0.06, 0.1), rng.uniform(0.055, 0.085)
    feet = 0.5 + rng.uniform(-0.2, 0.2, 2)
    knees = 0.5 + rng.uniform(-0.12, 0.12, 2)
    hands = np.stack([0.5 + rng.uniform(-0.35, 0.35, 2), rng.uniform(0.1, 0.65, 2)], 1)

    def legs(draw: Pen) -> None:
        for knee, foot in zip(knees, feet, strict=True):
            _limb(draw, [(0.5, hip), (knee, (hip + 0.95) / 2), (foot, 0.95)], girth)

    def arms(draw: Pen) -> None:
        for side, (x, y) in zip((-1, 1), hands, strict=True):
            shoulder = 0.5 + side * width / 2
            _limb(draw, [(shoulder, neck + 0.04), ((shoulder + x) / 2 + side * 0.05, (neck + y) / 2), (x, y)], 0.05)

    def top(draw: Pen) -> None:
        _limb(draw, [(0.5, neck + 0.05), (0.5, hip)], width)

    def face(draw: Pen) -> None:
        _disc(draw, 0.5, neck - head * 0.7, head * 0.85, head)

    def hair(draw: Pen) -> None:
        _limb(draw, [(0.5, neck - head), (0.5 + rng.uniform(-0.05, 0.05), neck + rng.uniform(-0.05, 0.12))], head * 1.6)

    order = [legs, top, arms, face] if rng.random() < 0.5 else [arms, legs, top, face]
    return [*order, hair] if rng.random() < 0.7 else order


def _grazer(rng: np.random.Generator) -> Parts:
    """Return a figure on four legs: legs, trunk, tail, head, ears, and often a patch or harness."""
    long, tall = rng.uniform(0.2, 0.3), rng.uniform(0.1, 0.17)
    back, ground = 0.45, rng.uniform(0.75, 0.92)
    nose = (0.5 + long + rng.uniform(0, 0.12), back + rng.uniform(-0.25, 0.05))
    feet = [0.5 + side * long * 0.75 + rng.uniform(-0.12, 0.12) for side in (-1, -0.7, 0.7, 1)]
    patch_x, size = 0.5 + rng.uniform(-0.15, 0.15), rng.uniform(0.05, 0.09)

    def legs(draw: Pen) -> None:
        for side, foot in zip((-1, -0.7, 0.7, 1), feet, strict=True):
            _limb(draw, [(0.5 + side * long * 0.75, back), (foot, ground)], rng.uniform(0.04, 0.07))

    def trunk(draw: Pen) -> None:
        _disc(draw, 0.5, back, long, tall)
        _limb(draw, [(0.5 + long * 0.7, back), nose], tall)

    def tail(draw: Pen) -> None:
        _limb(draw, [(0.5 - long, back), (0.5 - long - 0.12, back + rng.uniform(-0.25, 0.2))], 0.035)

    def head(draw: Pen) -> None:
        _disc(draw, *nose, size * 1.3, size)
        _limb(draw, [(nose[0] - 0.02, nose[1]), (nose[0] - 0.07, nose[1] + rng.uniform(-0.12, 0.12))], 0.04)

    def patch(draw: Pen) -> None:
        _limb(draw, [(patch_x, back - tall), (patch_x, back + tall)], rng.uniform(0.04, 0.15))

    return [legs, tail, trunk, head, patch][: 5 if rng.random() < 0.6 else 4]


def _vessel(rng: np.random.Generator) -> Parts:
    """Return a jug, pot, cup or bottle: turned body, and often handle, spout and lid."""
    heights = np.linspace(0.25, 0.85, 7)
    widths = np.clip(rng.uniform(0.1, 0.28) + np.cumsum(rng.normal(0, 0.04, 7)), 0.05, 0.32)
    right = list(zip((0.5 + widths).tolist(), heights.tolist(), strict=True))
    left = list(zip((0.5 - widths).tolist(), heights.tolist(), strict=True))
    bend, reach, low = rng.uniform(-0.2, 0.1), rng.uniform(0.1, 0.22), rng.uniform(0.5, 0.75)

    def body(draw: Pen) -> None:
        _polygon(draw, right + left[::-1])

    def handle(draw: Pen) -> None:
        x = 0.5 - float(widths.mean()) - reach
        _limb(draw, [(0.5 - widths[1], 0.35), (x, 0.36), (x, low), (0.5 - widths[4], low)], rng.uniform(0.025, 0.06))

    def spout(draw: Pen) -> None:
        _limb(draw, [(0.5, 0.7), (0.5 + widths[3] + 0.08, 0.55), (0.5 + widths[3] + 0.14, 0.25 + bend)], 0.04)

    def lid(draw: Pen) -> None:
        _disc(draw, 0.5, 0.25, float(widths[0]), rng.uniform(0.02, 0.06))

    extras: list[Part] = [part for part in (handle, spout) if rng.random() < 0.6]
    return [*extras, body, *([lid] if rng.random() < 0.6 else [])]


OUTLINES = (_blob, _slab, _assembly, _assembly, _walker, _walker, _grazer, _grazer, _vessel, _vessel)


# --- sprites --------------------------------------------------------------------------------------------------------


def make_sprite(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """Return a new sprite: three in five from a given cut-out where there are any, the rest drawn."""
    if sources.cutouts and rng.random() < 0.6:
        return _dress(rng, sources.cutouts[int(rng.integers(len(sources.cutouts)))], sources.photos)
    return _draw_sprite(rng, sources.photos)


def _draw_sprite(rng: np.random.Generator, photos: Sequence[np.ndarray]) -> np.ndarray:
    parts = OUTLINES[rng.integers(len(OUTLINES))](rng)
    surfaces = [texture(rng, photos, SIDE) for _ in range(rng.integers(1, 5))]
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    alpha = np.zeros((SIDE, SIDE, 1), np.float32)
    for draw_part in parts:
        canvas = Image.new("L", (_DRAW, _DRAW))
        draw_part(ImageDraw.Draw(canvas))
        cover = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)[..., None] / 255
        surface = surfaces[rng.integers(len(surfaces))] * _dome(rng, cover)
        picture = picture * (1 - cover) + surface * cover
        alpha = np.maximum(alpha, cover)
    return fill_square(_pack(picture, alpha))


def _dome(rng: np.random.Generator, cover: np.ndarray) -> np.ndarray:
    """Return a shading factor that makes a flat part look round and lit from one side."""
    soft = Image.fromarray(cover[..., 0]).resize((10, 10), Image.Resampling.BOX)
    soft = np.asarray(soft.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    rise_y, rise_x = np.gradient(soft)
    angle = rng.uniform(0, 2 * math.pi)
    light = (rise_x * math.cos(angle) + rise_y * math.sin(angle)) * rng.uniform(0, 25)
    return np.clip(1 + light + (soft - 1) * rng.uniform(0, 0.4), 0.3, 1.6)[..., None]


def _dress(rng: np.random.Generator, cutout: np.ndarray, photos: Sequence[np.ndarray]) -> np.ndarray:
    """Return a given cut-out in other colours or materials, its own shading kept."""
    picture = cutout[..., :3].astype(np.float32) / 255
    alpha = cutout[..., 3:].astype(np.float32) / 255
    grey = picture.mean(-1, keepdims=True)
    style = rng.random()
    if style < 0.4:
        picture = _cover_regions(rng, picture, grey, photos)
    elif style < 0.6:
        picture = picture * (0.4 + texture(rng, photos, SIDE))
    if style > 0.3:
        mix = np.eye(3, dtype=np.float32)[rng.permutation(3)] if rng.random() < 0.5 else np.eye(3, dtype=np.float32)
        picture = np.clip(grey + (picture @ mix - grey) * rng.uniform(0.1, 1.1), 0, 1) ** rng.uniform(0.6, 1.8)
    return _pack(picture, alpha)


def _cover_regions(
    rng: np.random.Generator, picture: np.ndarray, grey: np.ndarray, photos: Sequence[np.ndarray]
) -> np.ndarray:
    """Split a picture by colour into two to five regions and give each its own texture."""
    places = rng.integers(SIDE // 4, 3 * SIDE // 4, (rng.integers(2, 6), 2))
    centres = picture[places[:, 0], places[:, 1]]
    nearest = ((picture[:, :, None] - centres) ** 2).sum(-1).argmin(-1)
    dressed = picture
    for region in range(len(centres)):
        surface = texture(rng, photos, SIDE) * (0.5 + grey)
        dressed = np.where((nearest == region)[..., None], surface, dressed)
    return dressed


def _pack(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return (np.concatenate([np.clip(picture, 0, 1), alpha], -1) * 255 + 0.5).astype(np.uint8)
