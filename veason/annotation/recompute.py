"""Which masks to compute (again): the one plan that the app, the command line and pre-labelling follow.

    plan = RecomputePlan.of(state, RecomputeRequest(frames=(0, 96)))
    for job in plan.jobs: ...                  # objects to track together, over neighbouring frames
        kept = plan.accept(arrived, state)     # of what arrived, only what was wanted
    plan.left                                  # what has not come yet

Every plan keeps away from what a person settled (verified, absent or painted frames, and clicks that began a track
which begins elsewhere by now) and from locked objects.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from veason.annotation.state import (
    FrameRuns,
    State,
    count_frames,
    has_frame,
    intersect_runs,
    subtract_runs,
    unite_runs,
    without_frame,
)
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Rle

Extent = Literal["all", "pending", "here", "forward", "backward"]
"""How much to compute: every object on all frames; what does not follow from its prompts; one object on one frame; one
object from a frame to where a person settled the matter, in one direction."""

LANDMARKS_APART = 32
"""Frames between those of a verified stretch that the segmenter is told."""


@dataclass(frozen=True, slots=True)
class RecomputeRequest:
    """What somebody wants to be computed.

    Attributes:
        frames: do no more than this half-open range; "here" does its one frame wherever it is.
        extent: how much.
        object_id: the object in hand: done first of what is pending, the only one of "here", "forward", "backward".
        frame_index: the frame in hand, for "here", "forward" and "backward".
    """

    frames: FrameRange
    extent: Extent = "pending"
    object_id: int | None = None
    frame_index: int | None = None


@dataclass(frozen=True, slots=True)
class TrackJob:
    """Objects to track together, and the half-open range on which their masks are wanted."""

    object_ids: frozenset[int]
    frames: FrameRange

    def prompts(self, state: State) -> list[Prompt]:
        """Return the prompts of the objects, in the order they were made."""
        return [prompt for prompt in state.prompts.values() if prompt.object_id in self.object_ids]


class RecomputePlan:
    """The masks that are wanted, as jobs to be done one after the other, and which of them have not come yet.

    Args:
        wanted: frames by object id, in the order to do them; objects that want the same frames are tracked together.

    Attributes:
        jobs: what to do, in order.
        num_frames: how many frames have to be looked at, each counted once.
    """

    def __init__(self, wanted: Mapping[int, FrameRuns]) -> None:
        self._wanted = {object_id: runs for object_id, runs in wanted.items() if runs}
        self._left = dict(self._wanted)
        groups: dict[FrameRuns, set[int]] = {}
        for object_id, runs in self._wanted.items():
            groups.setdefault(runs, set()).add(object_id)
        self.num_frames = count_frames(functools.reduce(unite_runs, self._wanted.values(), ()))
        self.jobs = tuple(TrackJob(frozenset(ids), run) for runs, ids in groups.items() for run in runs)

    @classmethod
    def of(cls, state: State, request: RecomputeRequest) -> RecomputePlan:
        """Return the plan for a request; it has no jobs where nothing is left to do."""
        within = (request.frames,)
        if request.extent == "all":
            return cls(dict.fromkeys(_open_objects(state), within))
        if request.extent == "pending":
            ordered = sorted(_open_objects(state), key=lambda object_id: object_id != request.object_id)
            return cls({one: intersect_runs(state.waiting_frames(one), within) for one in ordered})
        object_id, frame_index = request.object_id, request.frame_index
        if object_id not in _open_objects(state) or frame_index is None or not 0 <= frame_index < state.num_frames:
            return cls({})
        if request.extent == "here":
            return cls({object_id: ((frame_index, frame_index + 1),)})
        start, stop = state.reach((object_id, frame_index))
        one_way = (frame_index, stop) if request.extent == "forward" else (start, frame_index + 1)
        unsettled = subtract_runs((one_way,), state.settled_frames(object_id))
        return cls({object_id: intersect_runs(unsettled, within)})

    @property
    def left(self) -> dict[int, FrameRuns]:
        """The frames by object id that have not been accepted yet; objects of which all came are left out."""
        return {object_id: runs for object_id, runs in self._left.items() if runs}

    def accept(self, arrived: FrameMasks, state: State) -> FrameMasks | None:
        """Return of arrived masks only what was wanted, and count it as done; None where that is nothing.

        Args:
            arrived: what the segmenter yielded.
            state: the annotation as it is by now: what was verified or locked meanwhile stays as it is.
        """
        frame_index = arrived.frame_index
        masks: dict[int, ObjectMask] = {}
        for object_id, mask in arrived.masks.items():
            if object_id in state.locked or not has_frame(self._wanted.get(object_id, ()), frame_index):
                continue
            place = (object_id, frame_index)
            old = state.mask_at(place) if state.is_settled(place) or place in state.kept else None
            masks[object_id] = mask if old is None else old
            self._left[object_id] = without_frame(self._left[object_id], frame_index)
        return FrameMasks(frame_index, masks) if masks else None


def fixed_masks(state: State, object_ids: Iterable[int]) -> dict[int, dict[int, Rle | None]]:
    """Return the masks of objects that propagation must not change: painted, verified or kept; None where absent.

    Of a long verified stretch the ends and some frames between them are enough: every one of them is remembered by the
    segmenter and slows it down, and none is ever overwritten (see `RecomputePlan.accept`).
    """
    wanted = frozenset(object_ids)
    fixed: dict[int, dict[int, Rle | None]] = {}
    for (object_id, frame_index), prompt in state.prompts.items():
        if prompt.mask is not None and object_id in wanted:
            fixed.setdefault(object_id, {})[frame_index] = prompt.mask
    for object_id, frame_index in state.kept:
        mask = state.mask_at((object_id, frame_index))
        if object_id in wanted and mask is not None:
            fixed.setdefault(object_id, {})[frame_index] = mask.rle
    for (object_id, frame_index), mark in state.marks.items():
        if object_id not in wanted:
            continue
        mask = state.mask_at((object_id, frame_index))
        if mark == "absent":
            fixed.setdefault(object_id, {})[frame_index] = None
        elif mask is not None and _is_landmark(state, object_id, frame_index):
            fixed.setdefault(object_id, {})[frame_index] = mask.rle
    return fixed


def _is_landmark(state: State, object_id: int, frame_index: int) -> bool:
    """Tell whether a verified frame is an end of its stretch, or one of those between that the segmenter is told."""
    neighbours = (frame_index - 1, frame_index + 1)
    is_end = any(state.marks.get((object_id, other)) != "verified" for other in neighbours)
    return is_end or frame_index % LANDMARKS_APART == 0


def _open_objects(state: State) -> list[int]:
    """Return the ids of objects that can be computed: with a prompt, and not locked."""
    return sorted({object_id for object_id, _ in state.prompts} - state.locked)
