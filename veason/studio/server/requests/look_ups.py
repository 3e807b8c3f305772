"""Look-ups: cheap, outside the line for the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from veason.studio.server.fields import AtMost, Between, FrameIndex, RowId
from veason.studio.server.requests.signed import ProjectRequest, Signed, WorkRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLookUp(WorkRequest):
    """Ask for one exact frame as a JPEG; `longest` bounds its longer side in pixels."""

    frame: FrameIndex
    longest: Annotated[int, Between(16, 8192)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLookUp(WorkRequest):
    """Ask for everything that shows a question, after a refresh or a lost update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLookUp(Signed):
    """Stop what runs for the question `work`; without one, the opening of a video by this tab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseLookUp(WorkRequest):
    """Ask whether labels were changed elsewhere since the tab last looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLookUp(Signed):
    """Ask which words of an instruction the policy has never been trained on."""

    instruction: Annotated[str, AtMost(2000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLookUp(ProjectRequest):
    """Ask for the queue; where nothing changed since `revision`, only for how pre-labelling goes."""

    revision: Annotated[int, Between(-1, 2**53)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbLookUp(ProjectRequest):
    """Ask for a small picture of a video."""

    video: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortsLookUp(ProjectRequest):
    """Ask what people have put into each object of a question."""

    question: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarksLookUp(ProjectRequest):
    """Ask for the comments on a question, and what reviewers say of it."""

    question: RowId
