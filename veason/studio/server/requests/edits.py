"""Events that change labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from veason.project.classes import MOST_ATTRIBUTES, MOST_NAME_LETTERS
from veason.studio.server.fields import (
    AtMost,
    Between,
    FrameIndex,
    ObjectId,
    ObjectOrNew,
    PersonName,
    Pixel,
    RowId,
    Stop,
)
from veason.studio.server.requests.signed import WorkRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest(WorkRequest):
    """A change of the labels.

    Attributes:
        number: counts the edits of the tab; the answer that names it has taken it.
        stamp: rises with every edit that masks follow; a request for masks names the one it waits for.
    """

    number: RowId = 0
    stamp: RowId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxEdit(EditRequest):
    """Draw or move the box of an object on a frame; `xyxy` in either order of corners."""

    edit: Literal["box"]
    object: ObjectOrNew
    frame: FrameIndex
    xyxy: tuple[Pixel, Pixel, Pixel, Pixel]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickEdit(EditRequest):
    """Add a click on an object, or beside it where it is not `positive`."""

    edit: Literal["click"]
    object: ObjectOrNew
    frame: FrameIndex
    xy: tuple[Pixel, Pixel]
    positive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskEdit(EditRequest):
    """Paint the mask of an object: `counts` is compressed COCO run-length code of the whole frame."""

    edit: Literal["mask"]
    object: ObjectOrNew
    frame: FrameIndex
    counts: Annotated[str, AtMost(20_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEdit(EditRequest):
    """Use a tool on the mask of an object on a frame.

    Attributes:
        pixels: by how much it grows, shrinks or is smoothed; the least size of a part for "despeck".
        other: the object that "subtract" and "intersect" take.
    """

    edit: Literal["fill", "despeck", "largest", "grow", "shrink", "smooth", "subtract", "intersect"]
    object: ObjectId
    frame: FrameIndex
    pixels: Annotated[int, Between(1, 100_000)] = 1
    other: ObjectId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyEdit(EditRequest):
    """Copy the mask of an object on a frame to the frames from `start` up to `stop`, which is left out."""

    edit: Literal["copy"]
    object: ObjectId
    frame: FrameIndex
    start: FrameIndex
    stop: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpolateEdit(EditRequest):
    """Draw an object between the two frames around this one on which it was drawn."""

    edit: Literal["interpolate"]
    object: ObjectId
    frame: FrameIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class DropEdit(EditRequest):
    """Delete what was drawn of an object on a frame."""

    edit: Literal["drop"]
    object: ObjectId
    frame: FrameIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeEdit(EditRequest):
    """Make a frame the keyframe."""

    edit: Literal["keyframe"]
    frame: FrameIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateEdit(EditRequest):
    """Copy an object with its prompts and masks to a new one."""

    edit: Literal["duplicate"]
    object: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeEdit(EditRequest):
    """Merge an object into another."""

    edit: Literal["merge"]
    object: ObjectId
    into: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkEdit(EditRequest):
    """Say of an object on some frames that it is absent, occluded or right (verified); `on` false takes it back."""

    edit: Literal["absent", "occluded", "verified"]
    object: ObjectId
    start: FrameIndex
    stop: Stop
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEdit(EditRequest):
    """Name an object; "" takes its name away."""

    edit: Literal["name"]
    object: ObjectId
    name: PersonName


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeValue:
    """The value of an object's attribute; "" is none."""

    name: Annotated[str, AtMost(MOST_NAME_LETTERS)]
    value: Annotated[str, AtMost(MOST_NAME_LETTERS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEdit(EditRequest):
    """Say of which class of the project an object is, with its attributes; "" is of none."""

    edit: Literal["class"]
    object: ObjectId
    name: Annotated[str, AtMost(MOST_NAME_LETTERS)]
    attributes: Annotated[tuple[AttributeValue, ...], AtMost(MOST_ATTRIBUTES)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyEdit(EditRequest):
    """Mark every empty frame of every object absent."""

    edit: Literal["empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEdit(EditRequest):
    """Lock an object, so that no run changes it, or unlock it."""

    edit: Literal["lock"]
    object: ObjectId
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonEdit(EditRequest):
    """Rewrite the reasoning, or confirm it as it is where `text` is null."""

    edit: Literal["reason"]
    text: Annotated[str, AtMost(20_000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsEdit(EditRequest):
    """Keep the words of a question that was never asked as they are typed; "" takes them away."""

    edit: Literal["words"]
    text: Annotated[str, AtMost(2000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEdit(EditRequest):
    """Take another one of several answers: `answer` is its place among them."""

    edit: Literal["take"]
    answer: Annotated[int, Between(0, 1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEdit(EditRequest):
    """Undo or redo `count` steps."""

    edit: Literal["undo", "redo"]
    count: Annotated[int, Between(1, 100_000)] = 1


Edits: TypeAlias = (
    BoxEdit
    | ClickEdit
    | MaskEdit
    | ToolEdit
    | CopyEdit
    | InterpolateEdit
    | DropEdit
    | KeyframeEdit
    | DuplicateEdit
    | MergeEdit
    | MarkEdit
    | NameEdit
    | ClassEdit
    | EmptyEdit
    | LockEdit
    | ReasonEdit
    | WordsEdit
    | TakeEdit
    | StepEdit
)
