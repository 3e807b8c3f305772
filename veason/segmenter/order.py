"""Which frames, and in which order: pure rules, no model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from veason.types import FrameRange


def affected_range(frame_index: int, fixed_frames: Collection[int], frames: FrameRange) -> FrameRange:
    """Return the half-open range that a correction on `frame_index` may change.

    Fixed (verified or locked) frames are barriers: the range stops short of the next one on either side. A fixed
    `frame_index` is the person's own and no barrier to itself.

    >>> affected_range(5, {2, 8, 9}, (0, 12))
    (3, 8)
    >>> affected_range(5, set(), (0, 12))
    (0, 12)
    """
    start, stop = frames
    before = [fixed for fixed in fixed_frames if start <= fixed < frame_index]
    after = [fixed for fixed in fixed_frames if frame_index < fixed < stop]
    return (max(before) + 1 if before else start, min(after) if after else stop)


def affected_ranges(
    touched: Mapping[int, Collection[int]], fixed: Mapping[int, Collection[int]], frames: FrameRange
) -> dict[FrameRange, tuple[int, ...]]:
    """Return what corrections may change: half-open ranges, each with the objects that it is to be done for.

    Args:
        touched: frames by object on which something was said, anew or otherwise than before.
        fixed: verified or locked frames by object: the barriers.
        frames: of the whole video; barriers anywhere in it count.

    >>> affected_ranges({1: {5, 6}, 2: {5}, 3: {5}}, {1: {2, 8}, 3: {4}}, (0, 12))
    {(3, 8): (1,), (0, 12): (2,), (5, 12): (3,)}
    """
    objects: dict[FrameRange, list[int]] = {}
    for object_id, indices in sorted(touched.items()):
        barriers = set(fixed.get(object_id, ()))
        ranges = {affected_range(index, barriers, frames) for index in indices}
        for affected in sorted(ranges):
            objects.setdefault(affected, []).append(object_id)
    return {affected: tuple(ids) for affected, ids in objects.items()}


class NearestFirst:
    """Frames around a centre: the centre, a lead of forward frames, then whichever side is nearer to the cursor.

    Backward frames read the object pointers of up to `lead + 1` frames after them, so that after the lead they come
    out as if the whole forward pass had run first; forward frames read nothing that the backward pass writes within
    the lead. Any interleaving after the lead is therefore exact, wherever the cursor goes.
    """

    def __init__(self, centre: int, frames: FrameRange, lead: int) -> None:
        self._centre = centre
        self._start, self._stop = frames
        self._lead = lead
        self._forward = max(centre, self._start)
        self._backward = min(centre - 1, self._stop - 1)

    @property
    def lead_is_done(self) -> bool:
        """Tell whether backward frames are exact now."""
        return self._forward > min(self._stop - 1, self._centre + self._lead)

    def next(self, cursor: int) -> int | None:
        """Return the next frame to do, None at the end. The backward side wins where both are equally near."""
        can_forward, can_backward = self._forward < self._stop, self._backward >= self._start
        if not can_forward and not can_backward:
            return None
        goes_forward = can_forward and (
            not can_backward or not self.lead_is_done or abs(self._forward - cursor) < abs(self._backward - cursor)
        )
        if goes_forward:
            self._forward += 1
            return self._forward - 1
        self._backward -= 1
        return self._backward + 1
