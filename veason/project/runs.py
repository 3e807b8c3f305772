"""Places (object id, frame index) as runs of neighbouring frames: short where a flag holds for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def pack_places(places: Iterable[tuple[int, int]]) -> list[list[int]]:
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


def unpack_places(runs: Iterable[Sequence[int]]) -> frozenset[tuple[int, int]]:
    """Return the places of runs.

    >>> sorted(unpack_places([[1, 4, 6]]))
    [(1, 4), (1, 5)]
    """
    return frozenset((object_id, at) for object_id, start, stop in runs for at in range(start, stop))
