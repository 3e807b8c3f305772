"""Items about masks, and the jobs that compute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from veason.studio.server.messages.units import MaskCode


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedItem:
    """The request waits for the models.

    Attributes:
        ahead: how many requests are served before it, those being served included.
        seconds: how long that is likely to take, null where it is not known.
    """

    KIND: ClassVar = "queued"
    ahead: int
    seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagatingItem:
    """Masks are about to be computed.

    Attributes:
        start: first frame of the range.
        stop: frame after the last of the range.
        count: how many frames of it.
        only: as in the request.
    """

    KIND: ClassVar = "propagating"
    start: int
    stop: int
    count: int
    only: Literal["stale", "rest", "here", "forward", "backward"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledItem:
    """A run that followed a correction ended early, as masks came out as they were.

    Attributes:
        object: whose masks they are.
        frame: where it was corrected.
        start: first frame that was computed.
        stop: frame after the last.
        left: how many frames were left as they were.
    """

    KIND: ClassVar = "settled"
    object: int
    frame: int
    start: int
    stop: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MasksItem:
    """Masks by frame and object; where it is a `reset` the page forgets the ones it had."""

    KIND: ClassVar = "masks"
    reset: bool
    frames: Mapping[int, Mapping[int, MaskCode]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtItem:
    """The doubt in [0, 1] by object and frame."""

    KIND: ClassVar = "doubt"
    objects: Mapping[int, Mapping[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceItem:
    """What one frame of one object costs, in seconds."""

    KIND: ClassVar = "pace"
    seconds_per_frame: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyItem:
    """A job that this page did not begin is at work on the question."""

    KIND: ClassVar = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleItem:
    """Nothing is at work on the question."""

    KIND: ClassVar = "idle"
