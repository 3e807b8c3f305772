"""The annotation of one question about one video: what was asked, drawn, computed and said, at one moment.

Where something holds is written as places (object id, frame index), or as runs of neighbouring frames: short where it
holds a while.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from veason.types import Answer, FrameRange, MaskTrack, ObjectMask, Prompt

Place = tuple[int, int]
"""(object id, frame index)."""

FrameRuns = tuple[FrameRange, ...]
"""Frames as half-open runs: ascending, disjoint, and with a gap between any two."""


Mark = Literal["verified", "absent"]
"""What a person says of a mask: it is right, or the object is not there."""

Reasoning = Literal["fresh", "stale", "edited", "confirmed", "regenerated"]
"""Whether the reasoning fits the labels: as the model wrote it and never corrected since; corrected since; and, after
the last correction: edited by a person, confirmed by a person, or written anew by the model."""

Provenance = Literal["model", "propagated", "corrected", "verified", "absent"]
"""Where a mask comes from: the model's own prompt on that frame, propagation, a person's prompt on that frame; or what
a person said of it: it is right, or the object is not there."""


@dataclass(frozen=True, slots=True)
class State:
    """One question about one video and what has come of it.

    Attributes:
        num_frames: length of the video.
        instruction: what was asked, "" before the first question.
        shown: absolute indices of the frames the policy was shown.
        answer: the policy's answer, None before it or when boxes were drawn by hand only.
        keyframe: the frame on which boxes are edited; the answer's, unless a person chose another.
        prompts: boxes, clicks and masks by (object id, frame index).
        tracks: masks by object id.
        pending: frames by object id whose masks are missing or do not follow from the prompts; an object of which
            nothing waits is left out. What a person settled since is still in it: see `waiting_frames`.
        answered: revision at which the answer came; the key of the stored answer.
        by_hand: places of prompts that a person made.
        marks: what a person said about masks.
        reasoning: whether the reasoning fits the labels, None where there is none.
        thought: the reasoning as a person rewrote it, None where it is the policy's own.
        names: what objects are called, by a person or in the answer.
        classes: the class of an object, one of the project's; without one it is left out.
        attributes: the values of an object's attributes by their names, as its class has them.
        locked: ids of the objects that a person locked.
        occluded: where a person said that an object is partly hidden; only where it has a mask.
        kept: places with clicks of a person whose masks stay, as another prompt begins the track by now.
        touched: places of edits that masks have not followed to the end.
        passes: how far masks followed a prompt when a run ended early, as a half-open range of frames.
        assumed: frames by object id whose masks were left as they were by such a run: they likely follow from the
            prompts, and were not computed. Whatever computes them, or makes them pending, takes them out.
    """

    num_frames: int
    instruction: str = ""
    shown: tuple[int, ...] = ()
    answer: Answer | None = None
    keyframe: int | None = None
    prompts: Mapping[Place, Prompt] = field(default_factory=dict)
    tracks: Mapping[int, MaskTrack] = field(default_factory=dict)
    pending: Mapping[int, FrameRuns] = field(default_factory=dict)
    answered: int | None = None
    by_hand: frozenset[Place] = frozenset()
    marks: Mapping[Place, Mark] = field(default_factory=dict)
    reasoning: Reasoning | None = None
    thought: str | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    classes: Mapping[int, str] = field(default_factory=dict)
    attributes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    locked: frozenset[int] = frozenset()
    occluded: frozenset[Place] = frozenset()
    kept: frozenset[Place] = frozenset()
    touched: frozenset[Place] = frozenset()
    passes: Mapping[Place, FrameRange] = field(default_factory=dict)
    assumed: Mapping[int, FrameRuns] = field(default_factory=dict)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The ids of all objects that have a prompt or a mask, ascending."""
        return tuple(sorted({object_id for object_id, _ in self.prompts} | set(self.tracks)))

    @property
    def stale(self) -> frozenset[int]:
        """The ids of objects that have masks which do not follow from their prompts, or wait for their first one."""
        return frozenset(
            object_id for object_id in self.pending if object_id not in self.tracks or self.outdated_frames(object_id)
        )

    def mask_at(self, place: Place) -> ObjectMask | None:
        """Return the mask of (object id, frame index), None where there is none."""
        return self.frames_of(place[0]).get(place[1])

    def frames_of(self, object_id: int) -> Mapping[int, ObjectMask]:
        """Return the masks of an object by frame, none where it has none."""
        track = self.tracks.get(object_id)
        return track.frames if track is not None else {}

    def prompts_of(self, object_id: int) -> dict[Place, Prompt]:
        """Return the prompts of an object in the order they were made."""
        return {place: prompt for place, prompt in self.prompts.items() if place[0] == object_id}

    def provenance(self, place: Place) -> Provenance:
        """Return what a mask that arrives now at this place has come from."""
        if place in self.by_hand:
            return "corrected"
        return "model" if place in self.prompts else "propagated"

    def confirmed_frames(self, object_id: int) -> frozenset[int]:
        """Return the frames on which a person drew an object, or said that its mask is right: a merge keeps them."""
        drawn = {frame_index for one, frame_index in self.by_hand if one == object_id}
        return frozenset(
            drawn.union(at for (one, at), mark in self.marks.items() if (one, mark) == (object_id, "verified"))
        )

    def is_settled(self, place: Place) -> bool:
        """Tell whether only a person changes the mask of (object id, frame index): verified, absent, or painted."""
        prompt = self.prompts.get(place)
        return place in self.marks or (prompt is not None and prompt.mask is not None)

    def settled_frames(self, object_id: int) -> FrameRuns:
        """Return the frames of an object whose masks only a person changes: verified, absent, or painted."""
        marked = {frame_index for one, frame_index in self.marks if one == object_id}
        painted = {at for (one, at), prompt in self.prompts.items() if one == object_id and prompt.mask is not None}
        return runs_of(marked | painted)

    def waiting_frames(self, object_id: int) -> FrameRuns:
        """Return the frames of an object that are to be computed: what is pending and no person settled."""
        pending = self.pending.get(object_id, ())
        return subtract_runs(pending, self.settled_frames(object_id)) if pending else ()

    def assumed_frames(self, object_id: int) -> FrameRuns:
        """Return the frames of an object whose masks were left as they were and that no person settled."""
        assumed = self.assumed.get(object_id, ())
        return subtract_runs(assumed, self.settled_frames(object_id)) if assumed else ()

    def outdated_frames(self, object_id: int) -> FrameRuns:
        """Return the frames that have a mask of an object which does not follow from its prompts any more."""
        masks = self.frames_of(object_id)
        waiting = self.waiting_frames(object_id) if masks else ()
        return runs_of([at for run in waiting for at in range(*run) if at in masks])

    def reach(self, place: Place) -> FrameRange:
        """Return the frames whose masks an edit at a place changes: up to the next ones that a person confirmed.

        Those are frames with a prompt by hand or a verified mask; the place itself is always inside.
        """
        object_id, frame_index = place
        barriers = self.confirmed_frames(object_id)
        start = max((frame + 1 for frame in barriers if frame < frame_index), default=0)
        stop = min((frame for frame in barriers if frame > frame_index), default=self.num_frames)
        return (start, stop)


def changed_prompts(before: State, after: State) -> set[Place]:
    """Return the places whose prompts are not the same; told by identity, as no edit copies a prompt that it keeps."""
    old, new = before.prompts, after.prompts
    if old is new:
        return set()
    return {place for place, prompt in new.items() if old.get(place) is not prompt} | (old.keys() - new.keys())


# --- places and runs of frames


def pack_places(places: Iterable[Place]) -> list[list[int]]:
    """Return `[object id, first frame, frame after the last]` of each run, in order.

    >>> pack_places({(1, 4), (1, 5), (2, 5)})
    [[1, 4, 6], [2, 5, 6]]
    """
    runs: list[list[int]] = []
    for object_id, frame_index in sorted(places):
        if runs and runs[-1][0] == object_id and runs[-1][2] == frame_index:
            runs[-1][2] += 1
        else:
            runs.append([object_id, frame_index, frame_index + 1])
    return runs


def unpack_places(runs: Iterable[Sequence[int]]) -> frozenset[Place]:
    """Return the places of runs.

    >>> sorted(unpack_places([[1, 4, 6]]))
    [(1, 4), (1, 5)]
    """
    return frozenset((object_id, at) for object_id, start, stop in runs for at in range(start, stop))


def runs_of(frames: Iterable[int]) -> FrameRuns:
    """Return frames, each given once and in any order, as runs.

    >>> runs_of({7, 3, 4})
    ((3, 5), (7, 8))
    """
    runs: list[FrameRange] = []
    start = stop = -1
    for frame_index in sorted(frames):
        if frame_index != stop:
            if stop > start:
                runs.append((start, stop))
            start = frame_index
        stop = frame_index + 1
    return (*runs, (start, stop)) if stop > start else tuple(runs)


def frames_of(runs: FrameRuns) -> Iterator[int]:
    """Yield the frames of runs in ascending order."""
    for start, stop in runs:
        yield from range(start, stop)


def count_frames(runs: FrameRuns) -> int:
    """Return how many frames the runs hold."""
    return sum(stop - start for start, stop in runs)


def has_frame(runs: FrameRuns, frame_index: int) -> bool:
    """Tell whether a frame is in one of the runs.

    >>> [has_frame(((3, 5), (7, 8)), frame_index) for frame_index in (2, 3, 4, 5, 7)]
    [False, True, True, False, True]
    """
    place = bisect_right(runs, (frame_index, sys.maxsize)) - 1
    return place >= 0 and frame_index < runs[place][1]


def without_frame(runs: FrameRuns, frame_index: int) -> FrameRuns:
    """Return the runs without one frame, the same object where it is in none of them.

    >>> without_frame(((3, 6),), 4)
    ((3, 4), (5, 6))
    """
    place = bisect_right(runs, (frame_index, sys.maxsize)) - 1
    if place < 0 or frame_index >= runs[place][1]:
        return runs
    start, stop = runs[place]
    parts = tuple(part for part in ((start, frame_index), (frame_index + 1, stop)) if part[0] < part[1])
    return (*runs[:place], *parts, *runs[place + 1 :])


def unite_runs(first: FrameRuns, second: FrameRuns) -> FrameRuns:
    """Return the frames that are in either.

    >>> unite_runs(((3, 5),), ((5, 6), (9, 10)))
    ((3, 6), (9, 10))
    """
    return _combine(first, second, lambda is_first, is_second: is_first or is_second)


def intersect_runs(first: FrameRuns, second: FrameRuns) -> FrameRuns:
    """Return the frames that are in both.

    >>> intersect_runs(((3, 8),), ((0, 4), (6, 10)))
    ((3, 4), (6, 8))
    """
    return _combine(first, second, lambda is_first, is_second: is_first and is_second)


def subtract_runs(first: FrameRuns, second: FrameRuns) -> FrameRuns:
    """Return the frames of the first that are not in the second.

    >>> subtract_runs(((0, 10),), ((3, 5),))
    ((0, 3), (5, 10))
    """
    return _combine(first, second, lambda is_first, is_second: is_first and not is_second)


def _combine(first: FrameRuns, second: FrameRuns, is_wanted: Callable[[bool, bool], bool]) -> FrameRuns:
    runs: list[FrameRange] = []
    edges = sorted({edge for run in (*first, *second) for edge in run})
    for start, stop in pairwise(edges):
        if not is_wanted(has_frame(first, start), has_frame(second, start)):
            continue
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return tuple(runs)
