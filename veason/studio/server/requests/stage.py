"""Events of the stage: opening, asking, computing masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.studio.server.fields import AtMost, Between, FrameIndex, ObjectOrNew, RowId, Stop
from veason.studio.server.requests.signed import Signed, Upload, WorkRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExampleRequest(Signed):
    """Open one of the examples by its `example` place on the welcome page."""

    example: Annotated[int, Between(0, 10_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUploadRequest(Signed):
    """Open a video that was uploaded; `path` and `name` as for `Upload`."""

    path: Annotated[str, AtMost(4000)]
    name: Annotated[str, AtMost(2000)]

    @property
    def upload(self) -> Upload:
        """The uploaded file."""
        return Upload(path=self.path, name=self.name)


Samples: TypeAlias = Literal[1, 4, 8]
"""How many answers can be asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkRequest(WorkRequest):
    """Ask the policy.

    Attributes:
        instruction: what to segment, in words.
        again: send the visitor's correction of the last answer along.
        samples: how many answers are wanted.
        guess: answer also where the policy was not trained for the question.
        after: the stamp of an edit that may still be on its way.
    """

    instruction: Annotated[str, AtMost(2000)]
    again: bool = False
    samples: Samples = 1
    guess: bool = False
    after: RowId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagateRequest(WorkRequest):
    """Compute masks on the frames from `start` up to `stop`, which is left out.

    Attributes:
        start: first frame of the range.
        stop: frame after the last of the range.
        only: null is every object on all of them; "stale" what does not follow from its prompts; "here" the object in
            hand on its frame alone; "forward" and "backward" the object in hand from its frame to where a person
            settled the matter; "rest" what is stale and what runs that ended early left as it was.
        object: the object in hand.
        frame: the frame that is shown: its masks come first.
        after: the stamp of an edit that may still be on its way.
        settles: end where masks come out as they were, frame after frame; for "stale".
        follows: an edit brought it about, nobody asked for it: it stops nothing that a person asked for.
    """

    start: FrameIndex
    stop: Stop
    only: Literal["stale", "rest", "here", "forward", "backward"] | None = None
    object: ObjectOrNew | None = None
    frame: FrameIndex | None = None
    after: RowId | None = None
    settles: bool = False
    follows: bool = False


OpenRequest: TypeAlias = OpenExampleRequest | OpenUploadRequest
