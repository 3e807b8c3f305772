"""Items about the labels of the open question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from veason.annotation import Reasoning
from veason.project.records import Status
from veason.studio.server.messages.units import Span, Xyxy


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPart:
    """The box of an object on a frame."""

    object: int
    frame: int
    xyxy: Xyxy


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickPart:
    """A click at `xy` on an object, or beside it where not `positive`."""

    object: int
    frame: int
    xy: tuple[float, float]
    positive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPart:
    """What a person said of an object on neighbouring frames."""

    object: int
    start: int
    stop: int
    mark: Literal["absent", "verified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedItem:
    """A question was opened, or is shown anew.

    Attributes:
        work: its id as an open question.
        project: the key of its project.
        title: the name of the clip.
        frames: how many the clip has.
        width: of the picture in pixels.
        height: of the picture in pixels.
        fps: frames a second, the mean where the rate is variable.
        first: time of the first frame in seconds.
        last: time of the last frame in seconds.
        variable: the frame rate is.
        decoder: what reads the clip.
        range: the frames to propagate.
        home: the range that was proposed last.
        palette: colours of the objects, in the order of their ids.
    """

    KIND: ClassVar = "opened"
    work: str
    project: str
    title: str
    frames: int
    width: int
    height: int
    fps: float
    first: float
    last: float
    variable: bool
    decoder: str
    range: Span
    home: Span
    palette: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionItem:
    """The labels as they are; masks travel apart.

    Attributes:
        seen: the revision of the question that this shows.
        review: where the question stands.
        assignee: whose it is.
        instruction: the words of the question.
        takes_words: whether the words are still being typed: the question was added without any, and never asked.
        shown: the frames that the policy was shown.
        keyframe: the frame it was answered on.
        objects: their ids.
        boxes: drawn or proposed.
        clicks: in the order they were made.
        stale: objects whose masks do not follow from their prompts.
        by_hand: object and frame of the prompts that a person made.
        marks: what a person said of masks.
        names: of objects, where one was given.
        classes: of objects, where one was given.
        attributes: of objects, their values by name.
        locked: objects that no run changes.
        occluded: object, first frame and the frame after the last.
        reasoning: whether the reasoning fits the labels.
        rewritten: the reasoning in a person's words.
        paintings: object and frame of the painted masks.
        pending: by object, the frames whose masks do not follow from its prompts.
        assumed: by object, the frames that runs which ended early left as they were.
        undo_steps: what the next steps of undo are called, the nearest first.
        redo_steps: what the next steps of redo are called, the nearest first.
    """

    KIND: ClassVar = "session"
    seen: int
    review: Status
    assignee: str | None
    instruction: str
    takes_words: bool
    shown: Sequence[int]
    keyframe: int | None
    objects: Sequence[int]
    boxes: Sequence[BoxPart]
    clicks: Sequence[ClickPart]
    stale: Sequence[int]
    by_hand: Sequence[tuple[int, int]]
    marks: Sequence[MarkPart]
    names: Mapping[int, str]
    classes: Mapping[int, str]
    attributes: Mapping[int, Mapping[str, str]]
    locked: Sequence[int]
    occluded: Sequence[tuple[int, int, int]]
    reasoning: Reasoning | None
    rewritten: str | None
    paintings: Sequence[tuple[int, int]]
    pending: Mapping[int, Sequence[Span]]
    assumed: Mapping[int, Sequence[Span]]
    undo_steps: Sequence[str]
    redo_steps: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeItem:
    """The range to propagate was proposed anew.

    Attributes:
        range: the frames to propagate.
        home: the range that was proposed last.
        insists: a page that has chosen another range takes this one all the same.
    """

    KIND: ClassVar = "range"
    range: Span
    home: Span
    insists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenItem:
    """An edit was taken: the tab's edit of that `number`."""

    KIND: ClassVar = "taken"
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem:
    """An edit was refused: what the page shows of it has to go."""

    KIND: ClassVar = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsavedItem:
    """The last change could not be put on the disk."""

    KIND: ClassVar = "unsaved"
