"""Training clips for the segmenter: textured, deforming cut-outs over natural-looking backgrounds, with exact masks.

A clip is drawn back to front: background, then every object with its shadow, motion blur, bending and place in the
frame; then light, blur, noise and JPEG artefacts go over the whole picture, so that no seam gives an object away.
The clip follows from `(seed, number)` and the sources alone.
"""

from __future__ import annotations

import io
import math
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image

from veason_nano.segmenter.sprites import SIDE, Sources, colour, make_sprite, photo_square, smooth_noise, texture

VISIBLE_ALPHA = 0.5
"""A pixel belongs to the object that covers it by at least this much."""

_SPRITE_STREAM, _CLIP_STREAM = 0, 1
_MARGIN = 1.25
LOOK_ALIKE_SHARE = 0.3
"""In this share of the clips with several objects, some of them have one look."""

PAN_SHARE = 0.35
"""In this share of the clips the camera moves fast, and some objects stay in view as if it followed them."""

_COUNTS = (0.15, 0.2, 0.2, 0.15, 0.12, 0.1, 0.08)
"""How likely one to seven objects are."""


@dataclass(frozen=True, slots=True, eq=False)
class CutoutClip:
    """A short video: `frames` is `(T, S, S, 3)` uint8 RGB, `masks` `(K, T, S, S)` bool, what is seen of each object.

    Objects are ordered from back to front, and no two masks overlap.
    """

    frames: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True, slots=True)
class Pose:
    """Where and how an object is drawn: centre and half size in picture widths, turn, mirror and bend.

    `velocity` is the way to the next frame; it smears the object. `bend` holds amplitude and phase of two waves.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    turn: float
    bend: tuple[tuple[float, float], tuple[float, float]]
    velocity: tuple[float, float] = (0.0, 0.0)


class CutoutWorld:
    """Draws clips.

    Args:
        sources: photos and cut-outs to draw from; without them everything is procedural.
        seed: different seeds share no sprite and no clip.
        size: width and height of a frame.
        num_sprites: how many different sprites there are. They are made on demand and kept.
    """

    def __init__(self, sources: Sources, *, seed: int, size: int = 256, num_sprites: int = 4000) -> None:
        self.sources = sources
        self.seed = seed
        self.size = size
        self.num_sprites = num_sprites
        self._sprites: OrderedDict[int, torch.Tensor] = OrderedDict()

    def sprite(self, number: int) -> torch.Tensor:
        """Return sprite `number` as `(4, SIDE, SIDE)` float32 in 0..1, colour premultiplied by alpha."""
        if number not in self._sprites:
            made = make_sprite(np.random.default_rng([self.seed, _SPRITE_STREAM, number]), self.sources)
            self._sprites[number] = torch.from_numpy(made).permute(2, 0, 1).contiguous()
        sprite = self._sprites[number].float() / 255
        return torch.cat([sprite[:3] * sprite[3:], sprite[3:]])

    def clip(self, number: int, *, num_frames: int = 1, num_objects: int | None = None) -> CutoutClip:
        """Return clip `number`; without `num_objects` it holds one to seven, few more often than many."""
        rng = np.random.default_rng([self.seed, _CLIP_STREAM, number, num_frames])
        count = int(rng.choice(len(_COUNTS), p=_COUNTS)) + 1 if num_objects is None else num_objects
        camera = _camera_path(rng, num_frames)
        backdrop = self._backdrop(rng)
        width_scale = math.exp(rng.uniform(-0.6, 0.3))
        looks = self._looks(rng, count)
        actors = [self._actor(rng, look, num_frames, camera, width_scale) for look in looks]
        shots, masks = [], []
        for index in range(num_frames):
            canvas = _view(backdrop, camera[index], self.size)
            visible = torch.zeros(count, self.size, self.size)
            for place, actor in enumerate(actors):
                paint(canvas, visible, place, actor.sprite, actor.poses[index], actor.shadow)
            shots.append(canvas)
            masks.append((visible > VISIBLE_ALPHA).numpy())
        frames = _develop(rng, torch.stack(shots))
        return CutoutClip(frames, np.stack(masks, 1))

    def _backdrop(self, rng: np.random.Generator) -> torch.Tensor:
        photos = self.sources.photos
        if photos and rng.random() < 0.65:
            picture = photo_square(rng, photos, round(_MARGIN * self.size), smallest=0.3)
            picture = np.clip(picture * rng.uniform(0.6, 1.3) * rng.normal(1, 0.06, 3) + rng.uniform(-0.1, 0.1), 0, 1)
        else:
            picture = _scenery(rng, self.sources, round(_MARGIN * self.size))
        return torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float32)).permute(2, 0, 1).contiguous()

    def _looks(self, rng: np.random.Generator, count: int) -> list[torch.Tensor]:
        """Return the objects' sprites; in some clips several are one sprite, under one light or each under its own."""
        numbers = rng.integers(self.num_sprites, size=count)
        is_alike = rng.random() < LOOK_ALIKE_SHARE
        if is_alike:
            numbers[rng.random(count) < 0.6] = numbers[0]
        has_one_light = is_alike and rng.random() < 0.5
        light = int(rng.integers(1 << 31))
        return [
            _tone(np.random.default_rng(light) if has_one_light else rng, self.sprite(int(number)))
            for number in numbers
        ]

    def _actor(
        self, rng: np.random.Generator, sprite: torch.Tensor, num_frames: int, camera: np.ndarray, width_scale: float
    ) -> _Actor:
        if rng.random() < 0.5:
            sprite = sprite.flip(-1)
        shadow = (rng.uniform(-0.05, 0.05), rng.uniform(0, 0.06), rng.uniform(0.2, 0.7)) if rng.random() < 0.4 else None
        return _Actor(sprite, _path(rng, num_frames, camera, width_scale), shadow)


@dataclass(frozen=True, slots=True, eq=False)
class _Actor:
    sprite: torch.Tensor
    poses: list[Pose]
    shadow: tuple[float, float, float] | None


def _tone(rng: np.random.Generator, sprite: torch.Tensor) -> torch.Tensor:
    """Return the sprite under another light: gain and offset, the same for all pixels."""
    gain = torch.tensor(rng.uniform(0.6, 1.3) * rng.normal(1, 0.06, 3), dtype=torch.float32)[:, None, None]
    lift = float(rng.uniform(-0.1, 0.15))
    return torch.cat([(sprite[:3] * gain + lift * sprite[3:]).clamp(0, 1).minimum(sprite[3:]), sprite[3:]])


def _scenery(rng: np.random.Generator, sources: Sources, size: int) -> np.ndarray:
    """Return a procedural background: two or three surfaces side by side, often with clutter in front."""
    picture = texture(rng, sources.photos, size)
    for _ in range(rng.integers(0, 3)):
        edge = smooth_noise(rng, size, rng.uniform(1.2, 2.5))
        y, x = np.mgrid[:size, :size] / size
        angle = rng.uniform(0, 2 * math.pi)
        side = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle) + (edge - 0.5) * rng.uniform(0, 0.8)
        picture = np.where((side > rng.uniform(-0.3, 0.3))[..., None], texture(rng, sources.photos, size), picture)
    for _ in range(rng.integers(0, 6) if rng.random() < 0.5 else 0):
        left, top = rng.integers(0, size - 8, 2)
        wide, tall = rng.integers(size // 40, size // 2, 2)
        picture = np.array(picture)
        picture[top : top + tall, left : left + wide] = colour(rng)
    return picture


def _camera_path(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Return `(T, 3)`: shift right, shift down (picture widths) and zoom of the camera, a drift with some shake."""
    pace = 0.04 if rng.random() < PAN_SHARE else 0.012
    drift = rng.normal(0, 1, 3) * np.array([pace, pace, 0.012]) * (rng.random() < 0.6 or pace > 0.012)
    shake = rng.normal(0, 1, (num_frames, 3)) * np.array([0.004, 0.004, 0.002]) * (rng.random() < 0.5)
    return np.clip(np.arange(num_frames)[:, None] * drift + shake, *_CAMERA_LIMITS)


_CAMERA_LIMITS = (np.array([-0.6, -0.6, -0.2]), np.array([0.6, 0.6, 0.2]))


def _path(rng: np.random.Generator, num_frames: int, camera: np.ndarray, width_scale: float) -> list[Pose]:
    """Return one pose a frame: a start, a speed, a swing, growth and turning; some objects leave or come late."""
    time = np.arange(num_frames)
    half = math.exp(rng.uniform(math.log(0.07), math.log(0.48)))
    pace = rng.choice([0.0, 0.01, 0.03, 0.07], p=[0.2, 0.35, 0.3, 0.15])
    centre = rng.uniform(0.08, 0.92, 2)
    anchor = rng.integers(num_frames)
    swing = np.sin(time * rng.uniform(0.2, 1.2) + rng.uniform(0, 7))[:, None] * rng.normal(0, pace, 2)
    fixed = rng.random() < 0.5  # the object stands in the scene; else the camera goes with it
    seen = camera[:, :2] - camera[anchor, :2] if fixed else np.zeros((num_frames, 2))
    places = centre + (time - anchor)[:, None] * rng.normal(0, pace, 2) + swing + seen
    if num_frames > 2 and rng.random() < 0.25:
        places = places + _exit(rng, num_frames)[:, None] * _away(rng, centre, half)
    growth = np.exp((time - anchor) * rng.normal(0, 0.03) + camera[:, 2])
    turns = rng.uniform(-0.5, 0.5) + (time - anchor) * rng.normal(0, 0.05) + np.sin(time * 0.7) * rng.normal(0, 0.05)
    aspect = math.exp(rng.normal(0, 0.15))
    waves, phases = rng.normal(0, 0.05, 2) * (1 + (num_frames > 1)), rng.uniform(0, 7, 2)
    beats = rng.uniform(0.1, 0.9, 2)
    steps = np.gradient(places, axis=0) if num_frames > 1 else rng.normal(0, 0.03, (1, 2)) * (rng.random() < 0.2)
    return [
        Pose(
            x=float(places[t, 0]),
            y=float(places[t, 1]),
            half_width=float(half * growth[t] * width_scale * aspect),
            half_height=float(half * growth[t] / aspect),
            turn=float(turns[t]),
            bend=(
                (float(waves[0]), float(phases[0] + beats[0] * t)),
                (float(waves[1]), float(phases[1] + beats[1] * t)),
            ),
            velocity=(float(steps[t, 0]), float(steps[t, 1])),
        )
        for t in range(num_frames)
    ]


def _exit(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Return how far outside an object is in each frame, 0 to 1: gone for a while, gone at the end, or late."""
    gone_from = int(rng.integers(0, num_frames))
    gone_until = int(rng.integers(gone_from + 1, num_frames + 1))
    time = np.arange(num_frames)
    inside = np.maximum(gone_from - time, time - gone_until + 1)
    return np.clip(1 - inside / rng.integers(1, 4), 0, 1)


def _away(rng: np.random.Generator, centre: np.ndarray, half: float) -> np.ndarray:
    """Return the step from `centre` to a place beyond a random edge of the picture."""
    axis, far_side = rng.integers(2), rng.random() < 0.5
    step = np.zeros(2)
    step[axis] = (1 + 2 * half - centre[axis]) if far_side else -(centre[axis] + 2 * half)
    return step


def _view(backdrop: torch.Tensor, camera: np.ndarray, size: int) -> torch.Tensor:
    """Return what the camera sees of the backdrop, `(3, size, size)`."""
    zoom = 1 / (_MARGIN * math.exp(float(camera[2])))
    across = ((torch.arange(size) + 0.5) / size - 0.5 - float(camera[0])) * 2 * zoom
    down = ((torch.arange(size) + 0.5) / size - 0.5 - float(camera[1])) * 2 * zoom
    grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)
    return F.grid_sample(backdrop[None], grid[None], padding_mode="reflection", align_corners=False)[0]


def paint(
    canvas: torch.Tensor,
    visible: torch.Tensor,
    place: int,
    sprite: torch.Tensor,
    pose: Pose,
    shadow: tuple[float, float, float] | None,
) -> None:
    """Draw one object onto `canvas`, note its cover in `visible[place]` and take it off those behind it."""
    size = canvas.shape[-1]
    if shadow is not None:
        moved = replace(pose, x=pose.x + shadow[0], y=pose.y + shadow[1])
        window, patch = _stamp(sprite, moved, size)
        if window is not None:
            canvas[:, window[0], window[1]] *= 1 - shadow[2] * _soften(patch[3])
    window, patch = _stamp(sprite, pose, size)
    if window is None:
        return
    rows, columns = window
    canvas[:, rows, columns] = canvas[:, rows, columns] * (1 - patch[3]) + patch[:3]
    visible[:place, rows, columns] *= 1 - patch[3]
    visible[place, rows, columns] = patch[3]


def _soften(alpha: torch.Tensor) -> torch.Tensor:
    """Return a mask blurred by about an eighth of its extent: shrunk and stretched again."""
    small = (max(1, min(8, alpha.shape[0])), max(1, min(8, alpha.shape[1])))
    shrunk = F.interpolate(alpha[None, None], small, mode="area")
    return F.interpolate(shrunk, alpha.shape, mode="bilinear")[0, 0]


def _stamp(sprite: torch.Tensor, pose: Pose, size: int) -> tuple[tuple[slice, slice] | None, torch.Tensor]:
    """Return the part of the picture an object touches (None where it is outside) and its RGBA there."""
    reach = 1.1 * math.hypot(pose.half_width, pose.half_height)
    smear = (math.ceil(abs(pose.velocity[0]) * size / 6) + 1, math.ceil(abs(pose.velocity[1]) * size / 6) + 1)
    left, right = _span(pose.x - reach, pose.x + reach, size, smear[0])
    top, bottom = _span(pose.y - reach, pose.y + reach, size, smear[1])
    if left >= right or top >= bottom:
        return None, sprite
    y = ((torch.arange(top - smear[1], bottom + smear[1]) + 0.5) / size - pose.y)[:, None]
    x = ((torch.arange(left - smear[0], right + smear[0]) + 0.5) / size - pose.x)[None, :]
    cos, sin = math.cos(pose.turn), math.sin(pose.turn)
    u = (x * cos + y * sin) / pose.half_width
    v = (y * cos - x * sin) / pose.half_height
    (wave_u, phase_u), (wave_v, phase_v) = pose.bend
    u, v = u + wave_u * torch.sin(2.2 * v + phase_u), v + wave_v * torch.sin(2.2 * u + phase_v)
    mip = _shrink(sprite, 2 * size * max(pose.half_width, pose.half_height))
    patch = F.grid_sample(mip[None], torch.stack([u, v], -1)[None], align_corners=False)[0]
    patch = _smear(patch, pose.velocity, size)[:, smear[1] : -smear[1], smear[0] : -smear[0]]
    return (slice(top, bottom), slice(left, right)), patch


def _span(start: float, stop: float, size: int, smear: int) -> tuple[int, int]:
    return max(0, math.floor(start * size) - smear), min(size, math.ceil(stop * size) + smear)


def _shrink(sprite: torch.Tensor, pixels: float) -> torch.Tensor:
    """Return the sprite averaged down to at most twice the size it is drawn at, against aliasing."""
    factor = int(SIDE / max(pixels, 8.0))
    return F.avg_pool2d(sprite[None], factor)[0] if factor > 1 else sprite


def _smear(patch: torch.Tensor, velocity: tuple[float, float], size: int) -> torch.Tensor:
    """Return a patch blurred along a third of the way to the next frame."""
    way = (velocity[0] * size / 3, velocity[1] * size / 3)
    steps = min(7, round(math.hypot(*way)))
    if steps < 2:
        return patch
    shifts = [(round(way[1] * (k / steps - 0.5)), round(way[0] * (k / steps - 0.5))) for k in range(steps + 1)]
    return torch.stack([patch.roll(shift, (1, 2)) for shift in shifts]).mean(0)


def _develop(rng: np.random.Generator, shots: torch.Tensor) -> np.ndarray:
    """Return the frames as a camera would deliver them: light, blur, noise, compression; `(T, S, S, 3)` uint8."""
    num_frames = len(shots)
    gain = torch.from_numpy(1 + rng.normal(0, 0.03, num_frames).cumsum()).float() * float(rng.uniform(0.75, 1.2))
    shots = (shots * gain[:, None, None, None].clamp(0.4, 1.6)).clamp(0, 1) ** float(rng.uniform(0.75, 1.35))
    if rng.random() < 0.15:
        shots = shots.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    sigma = rng.uniform(0.3, 1.3) if rng.random() < 0.6 else 0.0
    if sigma:
        shots = _blur(shots, sigma)
    if rng.random() < 0.6:
        noise = rng.standard_normal(tuple(shots.shape), dtype=np.float32) * rng.uniform(0.003, 0.04)
        shots = shots + torch.from_numpy(noise)
    frames = (shots.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    if rng.random() < 0.5:
        quality = int(rng.integers(25, 90))
        frames = np.stack([_compress(frame, quality) for frame in frames])
    return frames


def _blur(shots: torch.Tensor, sigma: float) -> torch.Tensor:
    taps = torch.exp(-0.5 * (torch.arange(-3, 4) / sigma) ** 2)
    taps = (taps / taps.sum()).expand(shots.shape[1], 1, 1, 7).contiguous()
    across = F.conv2d(F.pad(shots, (3, 3, 0, 0), mode="replicate"), taps, groups=shots.shape[1])
    return F.conv2d(F.pad(across, (0, 0, 3, 3), mode="replicate"), taps.transpose(2, 3), groups=shots.shape[1])


def _compress(frame: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
