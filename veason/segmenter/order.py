"""The order in which frames are tracked. Pure rules, no model."""

from __future__ import annotations

from veason.types import FrameRange


class NearestFirstOrder:
    """An order of frames: the centre, `lead` frames after it, then the nearer side to the cursor at each step.

    Backward frames read the object pointers of up to `lead + 1` frames after them, so after the lead they are computed
    as if the whole forward pass had run first. Forward frames after the lead read nothing that the backward pass
    writes. Any interleaving after the lead is therefore exact, wherever the cursor moves.

    Args:
        centre: the frame to start from.
        frames: the half-open range to cover; the centre may lie outside it.
        lead: how many frames after the centre come before any backward frame.
    """

    def __init__(self, centre: int, frames: FrameRange, lead: int) -> None:
        self._centre = centre
        self._start, self._stop = frames
        self._lead = lead
        self._forward = max(centre, self._start)
        self._backward = min(centre - 1, self._stop - 1)

    @property
    def frames(self) -> FrameRange:
        """The half-open range to cover."""
        return (self._start, self._stop)

    def narrow(self, frames: FrameRange) -> None:
        """Cover only the part of the range that lies in `frames`, half-open, from now on."""
        self._start, self._stop = max(self._start, frames[0]), min(self._stop, frames[1])

    @property
    def is_lead_done(self) -> bool:
        """Tell whether the lead is done, so that backward frames are exact."""
        return self._forward > min(self._stop - 1, self._centre + self._lead)

    def next(self, cursor: int) -> int | None:
        """Return the index of the next frame, or None at the end. If both sides are equally near, it goes backward."""
        can_forward, can_backward = self._forward < self._stop, self._backward >= self._start
        if not can_forward and not can_backward:
            return None
        goes_forward = can_forward and (
            not can_backward or not self.is_lead_done or abs(self._forward - cursor) < abs(self._backward - cursor)
        )
        if goes_forward:
            self._forward += 1
            return self._forward - 1
        self._backward -= 1
        return self._backward + 1
