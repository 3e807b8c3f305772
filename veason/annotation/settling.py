"""When a run that follows a correction may end: what it computes comes out as it was, frame after frame.

The frames beyond are not computed then, and are told apart from those that were (`State.assumed`).
"""

from __future__ import annotations

from veason.annotation.state import FrameRuns, intersect_runs
from veason.masks import mask_area, mask_iou
from veason.types import FrameRange, Rle

SETTLED_AFTER = 4
"""So many frames in a row that come out as they were end a run in their direction.

Source: ours, chosen with `SAME_IOU` on half of the clips of benchmarks/bench_settling.py."""

SAME_IOU = 0.97
"""Masks of at least this IoU are the same: borders flicker by a pixel or two. Source: as above."""


def is_same(mask: Rle, old: Rle | None) -> bool:
    """Tell whether a mask came out as it was; where there was none it is new."""
    if old is None:
        return False
    if mask.counts == old.counts:
        return True
    return mask_area(old) > 0 and mask_iou(mask, old) >= SAME_IOU


class Settling:
    """Both directions of one run, which come frame by frame outward from its centre.

    Args:
        centre: the frame of the correction.
        frames: the half-open range of the run, which holds the centre.
        needed: frames of it that must be computed whatever comes before them, as they have no mask.
        count: so many frames in a row that come out as they were end a direction.
    """

    def __init__(self, centre: int, frames: FrameRange, needed: FrameRuns, count: int = SETTLED_AFTER) -> None:
        self.centre = centre
        self.frames = frames
        self._needed = needed
        self._most = count
        self._in_a_row = {True: 0, False: 0}

    def take(self, frame_index: int, *, is_same: bool) -> None:
        """Note that the mask of a frame has come, and narrow `frames` where its direction has settled."""
        if frame_index == self.centre:
            return
        is_ahead = frame_index > self.centre
        self._in_a_row[is_ahead] = self._in_a_row[is_ahead] + 1 if is_same else 0
        if self._in_a_row[is_ahead] < self._most:
            return
        start, stop = self.frames
        beyond = (frame_index + 1, stop) if is_ahead else (start, frame_index)
        if beyond[0] < beyond[1] and not intersect_runs((beyond,), self._needed):
            self.frames = (start, frame_index + 1) if is_ahead else (frame_index, stop)
