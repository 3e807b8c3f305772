"""Make a scene from a seed: a cast, one or two acts that need time to understand, bystanders, a camera and a light."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from veason_nano.world.render import BACKDROPS
from veason_nano.world.scene import COLOURS, PATTERNS, SIZES, Actor, Appearance, Backdrop, Event, Scene
from veason_nano.world.shapes import SCREEN, SHAPES

_T = TypeVar("_T")

REACH = {
    "ball": 0.92, "block": 0.84, "triangle": 0.72, "star": 0.80, "ring": 1.0, "heart": 0.86, "cross": 0.95, "moon": 0.83
}  # fmt: skip
"""How far a shape reaches sideways, in radii: where two objects touch."""

_OUTSIDE = 0.32
_MOODS = (
    ((0.93, 0.90, 0.84), (0.70, 0.66, 0.60)),
    ((0.80, 0.86, 0.90), (0.50, 0.58, 0.66)),
    ((0.84, 0.89, 0.82), (0.52, 0.61, 0.53)),
    ((0.92, 0.84, 0.80), (0.64, 0.54, 0.52)),
    ((0.86, 0.83, 0.91), (0.55, 0.52, 0.63)),
    ((0.52, 0.55, 0.60), (0.24, 0.27, 0.33)),
    ((0.55, 0.50, 0.44), (0.30, 0.26, 0.23)),
    ((0.45, 0.55, 0.55), (0.20, 0.29, 0.31)),
)
"""Pairs of muted light and dark colours, so that the objects stand out."""


@dataclass(frozen=True, slots=True)
class Band:
    """The part of the picture an act plays in."""

    left: float
    top: float
    right: float
    bottom: float

    def point(self, across: float, down: float) -> np.ndarray:
        """Return the point at these shares of the band's sides."""
        return np.array([self.left + across * (self.right - self.left), self.top + down * (self.bottom - self.top)])


def along(num_frames: int, times: list[float], points: list[np.ndarray], softness: float = 0.06) -> np.ndarray:
    """Return `(_T, 2)` positions through points at times (shares of the clip), with corners and starts rounded off."""
    moments = np.linspace(0, 1, num_frames)
    path = np.stack([np.interp(moments, times, [point[axis] for point in points]) for axis in (0, 1)], 1)
    half = max(round(num_frames * softness / 2), 0)
    if half == 0:
        return path
    padded = np.concatenate([np.repeat(path[:1], half, 0), path, np.repeat(path[-1:], half, 0)])
    kernel = np.ones(2 * half + 1) / (2 * half + 1)
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1)


class Director:
    """Puts actors on the stage one by one. Every choice comes from the one generator, so a seed fixes the clip."""

    def __init__(self, rng: np.random.Generator, num_frames: int, aspect: float) -> None:
        self.rng, self.num_frames, self.aspect = rng, num_frames, aspect
        self.actors: list[Actor] = []
        self.events: list[Event] = []

    def band(self, top: float = 0.0, bottom: float = 1.0) -> Band:
        """Return the playing field between two heights, a little inside the picture."""
        return Band(0.16, 0.17 + top * 0.66, self.aspect - 0.16, 0.17 + bottom * 0.66)

    def new_appearance(self, sizes: tuple[str, ...] = ("small", "medium", "large"), **fixed: str) -> Appearance:
        """Return an appearance nobody has yet; colour or shape is often shared, so that one word is not enough."""
        taken = {(actor.appearance.colour, actor.appearance.shape) for actor in self.actors}
        while True:
            others = [actor.appearance for actor in self.actors if not actor.is_scenery]
            colour, shape = self.pick(tuple(COLOURS)), self.pick(SHAPES)
            if others and self.rng.random() < 0.45:
                like = self.pick(others)
                colour, shape = (like.colour, shape) if self.rng.random() < 0.5 else (colour, like.shape)
            pattern = self.pick(("plain", "plain", *PATTERNS))
            values = {"shape": shape, "colour": colour, "pattern": pattern, "size": self.pick(sizes), **fixed}
            if (values["colour"], values["shape"]) not in taken:
                return Appearance(**values)

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def time(self, low: float, high: float) -> float:
        """Return a share of the clip between two shares."""
        return float(self.rng.uniform(low, high))

    def frame_at(self, share: float) -> int:
        """Return the frame at a share of the clip."""
        return int(np.clip(round(share * (self.num_frames - 1)), 0, self.num_frames - 1))

    def add(
        self,
        appearance: Appearance,
        centre: np.ndarray,
        *,
        radius: np.ndarray | float | None = None,
        depth: float | None = None,
    ) -> int:
        """Put an actor on the stage and return its index; it rolls or sways as it moves."""
        base = SIZES.get(appearance.size, 0.12) * self.rng.uniform(0.93, 1.07) if radius is None else radius
        size = np.broadcast_to(np.asarray(base, float), (self.num_frames,)).copy()
        way = np.concatenate([[0], np.cumsum(np.diff(centre[:, 0]))])
        turn = way / size if appearance.shape == "ball" else way * self.rng.uniform(-0.8, 0.8)
        angle = self.rng.uniform(-0.35, 0.35) + turn
        if appearance.shape == SCREEN:
            angle = np.zeros(self.num_frames)
        place = self.rng.uniform(1, 2) if depth is None else depth
        self.actors.append(Actor(appearance, centre, size, angle, float(place)))
        return len(self.actors) - 1

    def outside(self, side: str, near: np.ndarray) -> np.ndarray:
        """Return the point beyond a side of the picture that lies straight across from `near`."""
        x, y = near
        return {
            "left": np.array([-_OUTSIDE, y]),
            "right": np.array([self.aspect + _OUTSIDE, y]),
            "top": np.array([x, -_OUTSIDE]),
            "bottom": np.array([x, 1 + _OUTSIDE]),
        }[side]

    def slots(self, band: Band, count: int) -> list[np.ndarray]:
        """Return `count` places side by side in a band, shuffled."""
        width = 1 / count
        places = [
            band.point((i + 0.5) * width + self.rng.uniform(-0.12, 0.12) * width, self.rng.uniform(0.2, 0.8))
            for i in range(count)
        ]
        self.rng.shuffle(places)
        return places

    def side(self, band: Band) -> str:
        """Return a side from which an act in this band can be entered without crossing the others."""
        sides = ["left", "right"] + ["top"] * (band.top < 0.3) + ["bottom"] * (band.bottom > 0.7)
        return self.pick(sides)


def parade(stage: Director, band: Band) -> None:
    """Two to four objects come in one after another; some leave again."""
    count = int(stage.rng.integers(2, 5))
    for order, place in enumerate(stage.slots(band, count)):
        start = 0.02 + order * 0.8 / count + stage.time(0, 0.04)
        beyond = stage.outside(stage.side(band), place)
        times, points = [0.0, start, start + 0.16, 1.0], [beyond, beyond, place, place]
        if order == 0 and stage.rng.random() < 0.4:
            times, points = [*times[:3], 0.7, 0.86, 1.0], [*points[:3], place, beyond, beyond]
        stage.add(stage.new_appearance(("small", "medium")), along(stage.num_frames, times, points))


def departures(stage: Director, band: Band) -> None:
    """Two or three objects are there from the start and leave one after another."""
    count = int(stage.rng.integers(2, 4))
    for order, place in enumerate(stage.slots(band, count)):
        start = 0.15 + order * 0.75 / count + stage.time(0, 0.05)
        beyond = stage.outside(stage.side(band), place)
        path = along(stage.num_frames, [0, start, start + 0.16, 1.01], [place, place, beyond, beyond])
        stage.add(stage.new_appearance(("small", "medium", "large")), path)


def hide(stage: Director, band: Band) -> None:
    """An object passes behind a screen; sometimes it does not come out again."""
    middle = band.point(stage.time(0.4, 0.6), 0.5)
    height = float(np.clip((band.bottom - band.top) * 0.75, 0.2, 0.30))
    stage.add(Appearance(SCREEN, "white"), np.tile(middle, (stage.num_frames, 1)), radius=height, depth=5)
    left, right = band.point(0.02, 0.5), band.point(0.98, 0.5)
    if stage.rng.random() < 0.5:
        left, right = right, left
    if stage.rng.random() < 0.3:
        left = stage.outside("left" if left[0] < right[0] else "right", left)
    if stage.rng.random() < 0.75:
        times, points = [0, 0.1, 0.36, 0.6, 0.9, 1], [left, left, middle, middle, right, right]
    else:
        times, points = [0, 0.15, 0.6, 1], [left, left, middle, middle]
    appearance = stage.new_appearance(("small",))
    stage.add(appearance, along(stage.num_frames, times, points), radius=min(SIZES["small"], height * 0.36))


def collide(stage: Director, band: Band) -> None:
    """One object runs into another and sets it moving, or halts just before it."""
    runner, target = stage.new_appearance(("small", "medium")), stage.new_appearance(("small", "medium"))
    is_leftward = stage.rng.random() < 0.5
    radii = [SIZES[appearance.size] for appearance in (runner, target)]
    start, rest = band.point(0.03, 0.5), band.point(stage.time(0.5, 0.6), 0.5)
    if is_leftward:
        start, rest = band.point(0.97, 0.5), band.point(stage.time(0.4, 0.5), 0.5)
    way = 1 if rest[0] > start[0] else -1
    hits = stage.rng.random() < 0.65
    touch = sum(REACH[appearance.shape] * radius for appearance, radius in zip((runner, target), radii, strict=True))
    gap = touch + (0 if hits else stage.time(0.06, 0.1))
    contact = rest - np.array([way * gap, 0])
    if way * (contact[0] - start[0]) < 0.15:
        start = stage.outside("left" if way > 0 else "right", start)
    moment = stage.time(0.42, 0.55)
    first = along(stage.num_frames, [0, 0.12, moment, 1], [start, start, contact, contact], 0)
    second = np.tile(rest, (stage.num_frames, 1))
    if hits:
        end = rest + np.array([way * 0.45 * (band.right - band.left), stage.time(-0.08, 0.08)])
        share = np.clip((np.linspace(0, 1, stage.num_frames) - moment) / (0.95 - moment), 0, 1)
        second = rest + (1 - (1 - share) ** 2)[:, None] * (end - rest)
    one, two = stage.add(runner, first, radius=radii[0]), stage.add(target, second, radius=radii[1])
    frame = stage.frame_at(moment)
    stage.events.append(Event("collides" if hits else "nearly_hits", one, two, frame, frame + 1))


def chase(stage: Director, band: Band) -> None:
    """One object follows another along a winding way."""
    fleeing, hunter = stage.new_appearance(("small", "medium")), stage.new_appearance(("small", "medium"))
    ends = [band.point(0.05, stage.time(0.1, 0.9)), band.point(0.95, stage.time(0.1, 0.9))]
    if stage.rng.random() < 0.5:
        ends.reverse()
    middle = [
        band.point(share, stage.time(0, 1)) for share in ((0.35, 0.65) if ends[0][0] < ends[1][0] else (0.65, 0.35))
    ]
    way = [ends[0], *middle, ends[1]]
    gap = (SIZES[fleeing.size] + SIZES[hunter.size]) * stage.time(1.15, 1.4)
    lag = gap / sum(float(np.hypot(*(b - a))) for a, b in itertools.pairwise(way)) * 0.8
    lead = along(stage.num_frames, [0, 0.28, 0.56, 0.84, 1], [*way, way[-1]], 0.1)
    heading = way[0] - way[1]
    behind = way[0] + heading / np.hypot(*heading) * gap
    stop = way[-1] + (way[-2] - way[-1]) / np.hypot(*(way[-2] - way[-1])) * gap
    times = [0, lag, 0.28 + lag, 0.56 + lag, 0.84, 1]
    follow = along(stage.num_frames, times, [behind, way[0], way[1], way[2], stop, stop], 0.1)
    one, two = stage.add(hunter, follow), stage.add(fleeing, lead)
    stage.events.append(Event("chases", one, two, 0, stage.frame_at(0.85)))


def carry(stage: Director, band: Band) -> None:
    """A large object moves with a small one on top of it."""
    below = stage.new_appearance(("large",), shape=stage.pick(("ball", "block", "heart")))
    start, end = band.point(0.08, stage.time(0.3, 0.7)), band.point(0.92, stage.time(0.3, 0.7))
    if stage.rng.random() < 0.5:
        start, end = end, start
    path = along(stage.num_frames, [0, 0.2, 0.8, 1], [start, start, end, end])
    one = stage.add(below, path, depth=1.0)
    two = stage.add(stage.new_appearance(("small",)), path + np.array([0, -0.01]), depth=3.0)
    stage.events.append(Event("carries", one, two, stage.frame_at(0.22), stage.frame_at(0.78)))


def split(stage: Director, band: Band) -> None:
    """Three objects of one shape travel together, then one goes its own way."""
    shape, moment = stage.pick(SHAPES), stage.time(0.4, 0.55)
    start, middle = band.point(0.12, 0.5), band.point(0.5, 0.5)
    away, on = band.point(stage.time(0.75, 0.95), 0.0), band.point(0.8, 0.85)
    if stage.rng.random() < 0.5:
        away, on = band.point(stage.time(0.75, 0.95), 1.0), band.point(0.8, 0.15)
    offsets = [np.array([0.0, -0.11]), np.array([-0.09, 0.09]), np.array([0.11, 0.08])]
    stage.rng.shuffle(offsets)
    members = []
    for order, offset in enumerate(offsets):
        goal = away if order == 0 else on + offset
        path = along(
            stage.num_frames, [0, 0.1, moment, 0.9, 1], [start + offset, start + offset, middle + offset, goal, goal]
        )
        members.append(stage.add(stage.new_appearance(("small",), shape=shape), path))
    stage.events.append(Event("splits", members[0], members[1], stage.frame_at(moment), stage.frame_at(0.9)))


def cover(stage: Director, band: Band) -> None:
    """A large object slides over a small one and stays there."""
    place = band.point(stage.time(0.25, 0.75), 0.5)
    small = stage.add(stage.new_appearance(("small",)), np.tile(place, (stage.num_frames, 1)), radius=0.075, depth=1.0)
    beyond = stage.outside(stage.side(band), place)
    path = along(stage.num_frames, [0, 0.2, 0.6, 1], [beyond, beyond, place, place])
    large = stage.add(stage.new_appearance(("large",), shape=stage.pick(("ball", "block"))), path, depth=4.0)
    stage.events.append(Event("covers", large, small, stage.frame_at(0.6), stage.num_frames))


def grow(stage: Director, band: Band) -> None:
    """An object comes nearer and grows, or goes away and shrinks."""
    place = band.point(stage.time(0.2, 0.8), 0.5)
    end = place + stage.rng.uniform(-0.06, 0.06, 2)
    path = along(stage.num_frames, [0, 1], [place, end])
    far, near = 0.065, min(0.19, 0.12 + (band.bottom - band.top) * 0.12)
    sizes = (far, near) if stage.rng.random() < 0.7 else (near, far)
    radius = np.interp(np.linspace(0, 1, stage.num_frames), [0, 0.15, 0.85, 1], [sizes[0], *sizes, sizes[1]])
    stage.add(stage.new_appearance(("changing",)), path, radius=radius, depth=3.5)


def come_back(stage: Director, band: Band) -> None:
    """An object is there, leaves the picture, and comes back."""
    place, other = stage.slots(band, 2)
    sides = [stage.side(band), stage.side(band)]
    out, back = stage.outside(sides[0], place), stage.outside(sides[1], other)
    times = [0, 0.14, 0.32, 0.5, 0.72, 1]
    stage.add(stage.new_appearance(), along(stage.num_frames, times, [place, place, out, back, other, other], 0.04))


def dash(stage: Director, band: Band) -> None:
    """An object creeps and then shoots off, or runs and then stops in the middle."""
    start, end = band.point(0.05, stage.time(0.2, 0.8)), band.point(0.95, stage.time(0.2, 0.8))
    if stage.rng.random() < 0.5:
        start, end = end, start
    if stage.rng.random() < 0.5:
        times, points = [0, 0.6, 0.8, 1], [start, start + 0.2 * (end - start), end, end]
    else:
        stop = start + stage.time(0.45, 0.65) * (end - start)
        times, points = [0, 0.1, 0.5, 1], [start, start, stop, stop]
    stage.add(stage.new_appearance(("small", "medium")), along(stage.num_frames, times, points, 0.04))


ACTS: dict[str, Callable[[Director, Band], None]] = {
    act.__name__: act for act in (parade, departures, hide, collide, chase, carry, split, cover, grow, come_back, dash)
}


def bystander(stage: Director) -> None:
    """Add an object that stays where nobody passes; nothing happens where there is no room."""
    size = stage.pick(("small", "medium", "large"))
    busy = [actor.centre[:: max(stage.num_frames // 12, 1)] for actor in stage.actors]
    band = stage.band()
    for _ in range(12):
        place = band.point(stage.time(0, 1), stage.time(0, 1))
        room = [
            np.hypot(*(path - place).T).min() - actor.radius.max()
            for path, actor in zip(busy, stage.actors, strict=True)
        ]
        if min(room, default=1) > SIZES[size] * 0.95:
            stage.add(stage.new_appearance((size,)), np.tile(place, (stage.num_frames, 1)))
            return


def make_scene(
    seed: int, *, num_frames: int | None = None, aspect: float | None = None, acts: tuple[str, ...] = ()
) -> Scene:
    """Return the scene of a seed: 2 to 7 objects, 16 to 300 frames (short clips are likelier).

    `acts` names what must happen (see ACTS); without it one or two acts are drawn.
    """
    rng = np.random.default_rng([seed, 40_960])
    frames = num_frames or int(np.clip(16 * np.exp(rng.uniform(0, np.log(300 / 16) * rng.uniform(0.4, 1))), 16, 300))
    stage = Director(
        rng, frames, aspect or float(rng.choice([4 / 3, 4 / 3, 16 / 9, 1.0, 3 / 4], p=[0.4, 0.1, 0.4, 0.05, 0.05]))
    )
    names = acts or tuple(
        rng.choice(list(ACTS), size=2 if stage.aspect > 0.9 and rng.random() < 0.35 else 1, replace=False)
    )
    for order, name in enumerate(names):
        ACTS[name](stage, stage.band(order / len(names) + 0.04 * order, (order + 1) / len(names)))
    wanted = int(rng.integers(1, 4))
    for _ in range(wanted):
        if len(stage.actors) < 7:
            bystander(stage)
    return Scene(
        seed=seed, num_frames=frames, aspect=stage.aspect, fps=24.0, actors=tuple(stage.actors),
        camera=_camera(rng, frames), events=tuple(stage.events), backdrop=_backdrop(rng),
        light_angle=float(rng.uniform(-2.8, -0.4)), brightness=float(rng.uniform(0.82, 1.1)),
        noise=float(rng.choice([0.0, 0.006, 0.015])),
    )  # fmt: skip


def _camera(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A slow drift of the viewpoint, at most a few hundredths of the picture's height."""
    turn, phase = rng.uniform(0.5, 1.2) * 2 * np.pi, rng.uniform(0, 2 * np.pi, 2)
    moments = np.linspace(0, 1, frames)[:, None]
    return rng.uniform(0, 0.03) * np.sin(turn * moments + phase)


def _backdrop(rng: np.random.Generator) -> Backdrop:
    pair = np.array(_MOODS[int(rng.integers(len(_MOODS)))])
    (r1, g1, b1), (r2, g2, b2) = np.clip(pair + rng.uniform(-0.05, 0.05, 3), 0, 1).tolist()
    return Backdrop(
        BACKDROPS[int(rng.integers(len(BACKDROPS)))], (r1, g1, b1), (r2, g2, b2), int(rng.integers(1 << 30))
    )
