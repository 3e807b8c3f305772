"""What a person decides in the queue or beside the stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.studio.server.fields import AtMost, FrameIndex, PersonName, RowId, Stop
from veason.studio.server.requests.signed import ProjectRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PrelabelAction(ProjectRequest):
    """Start pre-labelling, or stop it ("pause")."""

    do: Literal["prelabel", "pause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideAction(ProjectRequest):
    """Accept or reject the labels of a question, say that its target is absent, or open it again."""

    do: Literal["accept", "absent", "reject", "reopen"]
    question: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAction(ProjectRequest):
    """Agree or disagree with labels that were accepted."""

    do: Literal["agree", "disagree"]
    question: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesAction(ProjectRequest):
    """Keep the range that a person chose to propagate."""

    do: Literal["frames"]
    question: RowId
    start: FrameIndex
    stop: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignAction(ProjectRequest):
    """Give a question to a person, or a second version of it where `is_second`; "" gives it to nobody."""

    do: Literal["assign"]
    question: RowId
    name: PersonName
    is_second: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkAction(ProjectRequest):
    """Comment on a frame of a question, or on all of it where `frame` is null."""

    do: Literal["remark"]
    question: RowId
    text: Annotated[str, AtMost(2000)]
    frame: FrameIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveAction(ProjectRequest):
    """Close a comment, or open it again where not `on`."""

    do: Literal["resolve"]
    question: RowId
    remark: RowId
    on: bool = True


Actions: TypeAlias = (
    PrelabelAction | DecideAction | JudgeAction | FramesAction | AssignAction | RemarkAction | ResolveAction
)
