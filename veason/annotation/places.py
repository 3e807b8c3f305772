"""Places (object id, frame index) and frames, as runs of neighbouring frames: short where something holds a while."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from veason.types import FrameRange

Place = tuple[int, int]
"""(object id, frame index)."""

FrameRuns = tuple[FrameRange, ...]
"""Frames as half-open runs: ascending, disjoint, and with a gap between any two."""


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
