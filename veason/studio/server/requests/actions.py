"""What a person decides in the queue or beside the stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.annotation.left_open import OPEN_POINTS, OpenPoint
from veason.project.classes import MOST_ATTRIBUTES, MOST_CLASSES, MOST_NAME_LETTERS, MOST_VALUES
from veason.studio.server.fields import AtMost, FrameIndex, PersonName, RowId, RowIds, Stop
from veason.studio.server.requests.signed import ProjectRequest

ClassText = Annotated[str, AtMost(MOST_NAME_LETTERS)]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameAction(ProjectRequest):
    """Give a question other words; its labels stay."""

    do: Literal["rename"]
    question: RowId
    text: Annotated[str, AtMost(2000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateAction(ProjectRequest):
    """Add a copy of a question with its labels."""

    do: Literal["copy"]
    question: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAction(ProjectRequest):
    """Delete questions, or bring deleted ones back: all of them or none."""

    do: Literal["delete", "restore"]
    questions: RowIds


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideManyAction(ProjectRequest):
    """Decide the same about several questions; those about which it cannot be said are told."""

    do: Literal["decide"]
    questions: RowIds
    decision: Literal["accept", "absent", "reject", "reopen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignManyAction(ProjectRequest):
    """Give several questions to a person; "" gives them to nobody."""

    do: Literal["hand out"]
    questions: RowIds
    name: PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributePartSent:
    """An attribute of a class, and its values; none where any text is one."""

    name: ClassText
    values: Annotated[tuple[ClassText, ...], AtMost(MOST_VALUES)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPartSent:
    """A class: its `name`, `colour` as "#rrggbb", the `key` that gives it ("" for none), and attributes."""

    name: ClassText
    colour: Annotated[str, AtMost(7)]
    key: Annotated[str, AtMost(1)] = ""
    attributes: Annotated[tuple[AttributePartSent, ...], AtMost(MOST_ATTRIBUTES)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAction(ProjectRequest):
    """Keep the project's rules.

    Attributes:
        classes: what objects can be.
        demanded: of which kinds nothing may be left open in labels that are accepted.
        never_overlap: no two objects of a question share a pixel in what is exported.
    """

    do: Literal["rules"]
    classes: Annotated[tuple[ClassPartSent, ...], AtMost(MOST_CLASSES)]
    demanded: Annotated[tuple[OpenPoint, ...], AtMost(len(OPEN_POINTS))]
    never_overlap: bool


Actions: TypeAlias = (
    PrelabelAction
    | DecideAction
    | JudgeAction
    | FramesAction
    | AssignAction
    | RemarkAction
    | ResolveAction
    | RenameAction
    | DuplicateAction
    | DeleteAction
    | DecideManyAction
    | AssignManyAction
    | RulesAction
)
