"""Which frames, and in which order: pure rules, no model."""

from __future__ import annotations

from veason.types import FrameRange


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
    def frames(self) -> FrameRange:
        """The frames that are done or to be done."""
        return (self._start, self._stop)

    def narrow(self, frames: FrameRange) -> None:
        """Do none outside of a half-open range from now on."""
        self._start, self._stop = max(self._start, frames[0]), min(self._stop, frames[1])

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
