"""What is true of a scene, measured from its paths and its coarse tracks: who enters, hides, moves, grows, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from veason_nano.world.scene import Event, EventKind, Scene, Tracks, measure_tracks

SEEN = 0.3
"""An object counts as seen where at least this share of its own area shows."""


@dataclass(frozen=True, slots=True)
class Passage:
    """An object crosses the picture's edge at `frame` on one side: "left", "right", "top" or "bottom"."""

    frame: int
    side: str


@dataclass(frozen=True, slots=True)
class Hiding:
    """An object inside the picture cannot be seen during `[start, stop)`; `by` hides it; `comes_out` tells the end."""

    start: int
    stop: int
    by: int
    comes_out: bool


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Answers questions about one scene. Every answer is measured, except the events between two actors."""

    scene: Scene
    tracks: Tracks = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracks", measure_tracks(self.scene))

    @property
    def objects(self) -> tuple[int, ...]:
        """Indices of the objects that can be asked about: those that are clearly seen at some time."""
        return tuple(index for index in self.scene.objects if self.tracks.visible[index].max() > 0.6)

    def name(self, actor: int) -> str:
        """Return the shortest unique name, such as "red ball"."""
        appearance = self.scene.actors[actor].appearance
        return "screen" if self.scene.actors[actor].is_scenery else f"{appearance.colour} {appearance.shape}"

    def is_seen(self, actor: int, frame_index: int) -> bool:
        """Tell whether enough of the object shows on a frame."""
        return bool(self.tracks.visible[actor, frame_index] > SEEN)

    def entry(self, actor: int) -> Passage | None:
        """Return when and where an object that was outside at first comes in for the first time."""
        inside = self.tracks.inside[actor]
        if inside[0] > 0.1 or inside.max() < 0.7:
            return None
        frame = int(np.argmax(inside > 0.5))
        return Passage(frame, self._side(actor, int(np.argmax(inside > 0.05))))

    def exit(self, actor: int) -> Passage | None:
        """Return when and where an object leaves for good."""
        inside = self.tracks.inside[actor]
        if inside[-1] > 0.1 or inside.max() < 0.7:
            return None
        last = len(inside) - 1
        return Passage(
            last - int(np.argmax(inside[::-1] > 0.5)), self._side(actor, last - int(np.argmax(inside[::-1] > 0.05)))
        )

    def absence(self, actor: int) -> tuple[int, int] | None:
        """Return the frames `[start, stop)` during which an object is outside, having left and come back later."""
        inside = self.tracks.inside[actor]
        gone = np.flatnonzero(inside < 0.05)
        for frame in gone:
            if inside[:frame].max(initial=0) > 0.6 and inside[frame:].max() > 0.6:
                return int(frame), int(frame + np.argmax(inside[frame:] > 0.05))
        return None

    def hiding(self, actor: int) -> Hiding | None:
        """Return the first time that an object is out of sight behind something, after it was seen."""
        visible, inside = self.tracks.visible[actor], self.tracks.inside[actor]
        hidden = (visible < 0.12) & (inside > 0.6)
        for frame in np.flatnonzero(hidden):
            if visible[:frame].max(initial=0) > 0.6:
                seen_again = np.flatnonzero(visible[frame:] > 0.6)
                comes_out = len(seen_again) > 0
                stop = int(frame + np.argmax(~hidden[frame:])) if (~hidden[frame:]).any() else len(visible)
                if stop - frame < 2:
                    return None
                return Hiding(int(frame), stop, int(self.tracks.cover[actor, frame]), comes_out)
        return None

    def speed(self, actor: int) -> np.ndarray:
        """Return `(T,)` speeds in picture heights a clip, smoothed over a twelfth of the clip."""
        centre = self.scene.actors[actor].centre
        step = np.hypot(*np.gradient(centre, axis=0).T) * len(centre)
        width = max(len(step) // 12, 1)
        return np.convolve(np.pad(step, width, "edge"), np.ones(2 * width + 1) / (2 * width + 1), "valid")

    def travel(self, actor: int) -> float:
        """Return the length of an object's way in picture heights."""
        return float(np.hypot(*np.diff(self.scene.actors[actor].centre, axis=0).T).sum())

    def is_still(self, actor: int) -> bool:
        """Tell whether an object keeps its place."""
        return self.travel(actor) < 0.03

    def is_moving(self, actor: int) -> bool:
        """Tell whether an object clearly changes its place."""
        return self.travel(actor) > 0.2

    def direction(self, actor: int) -> str | None:
        """Return "left", "right", "up" or "down" where the way as a whole clearly has that direction."""
        centre = self.scene.actors[actor].centre
        dx, dy = centre[-1] - centre[0]
        if max(abs(dx), abs(dy)) < 0.25 or self.travel(actor) > 1.4 * float(np.hypot(dx, dy)):
            return None
        if abs(dx) > 1.6 * abs(dy):
            return "right" if dx > 0 else "left"
        if abs(dy) > 1.6 * abs(dx):
            return "down" if dy > 0 else "up"
        return None

    def growth(self, actor: int) -> float:
        """Return the last radius over the first."""
        radius = self.scene.actors[actor].radius
        return float(radius[-1] / radius[0])

    def stops(self, actor: int) -> bool:
        """Tell whether an object that moves comes to rest inside the picture well before the end."""
        speed, inside = self.speed(actor), self.tracks.inside[actor]
        tail = speed[-max(len(speed) // 5, 1) :]
        return bool(speed.max() > 0.5 and tail.max() < 0.08 and inside[-1] > 0.8)

    def speeds_up(self, actor: int) -> bool:
        """Tell whether an object that creeps suddenly becomes much faster."""
        speed = self.speed(actor)
        early = speed[: max(len(speed) // 2, 1)]
        return bool(early.min() > 0.15 and speed.max() > 4 * early.mean() and speed.max() > 1.5)

    def events(self, kind: EventKind) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.scene.events if event.kind == kind]

    def _side(self, actor: int, frame: int) -> str:
        x, y = self.scene.screen_centre(actor)[frame]
        beyond = {"left": -x, "right": x - self.scene.aspect, "top": -y, "bottom": y - 1}
        return max(beyond, key=lambda side: beyond[side])
