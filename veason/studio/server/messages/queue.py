"""Replies to the look-ups of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from veason.annotation.left_open import OpenPoint
from veason.project.records import ProposedVerdict, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PrelabelPart:
    """How pre-labelling goes.

    Attributes:
        running: it is at work.
        failure: why it ended, "" where it did its work.
        failed: questions that could not be done.
        withheld: questions that the policy was not asked, because it would only guess.
        stage: what happens to the question at work, null before the first.
        done: questions finished.
        total: questions of this run.
        seconds_left: by the pace so far.
        frames: tracked so far in the question at work, and how many there will be.
    """

    running: bool
    failure: str
    failed: int
    withheld: int
    stage: Literal["thinking", "tracking", "proposed", "failed", "skipped", "withheld"] | None
    done: int
    total: int | None
    seconds_left: float | None
    frames: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortPart:
    """Work of people: time at it in `seconds`, and how many `edits`."""

    seconds: float
    edits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPart:
    """What a reviewer says of labels; `by` is "" where no name was given."""

    verdict: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One question of the queue.

    Attributes:
        id: of the question.
        video: its id.
        clip: the video's name.
        frames: how many it has.
        is_gone: its file is not there any more.
        instruction: the words of the question.
        status: where it stands.
        assignee: whose it is.
        proposed: what accepting it would say, null where there is nothing to accept.
        objects: how many it has.
        doubt: in [0, 1], null before masks were looked at.
        failure: why the policy gave no usable answer.
        is_guess: its answer is a guess, the policy not being trained for the question.
        is_second: it is a second annotator's version.
        seen: its revision.
        seconds: time at work on it.
        edits: how many were made.
        remarks: open comments.
        iou: with its other version, null where there is none or it is not worked out yet.
        verdicts: of reviewers, on the labels as they are.
        is_disputed: a reviewer disagrees with its accepted labels.
        is_deleted: a person deleted it: it can be restored, and nothing else.
    """

    id: int
    video: int
    clip: str
    frames: int
    is_gone: bool
    instruction: str
    status: Status
    assignee: str | None
    proposed: ProposedVerdict | None
    objects: int
    doubt: float | None
    failure: str
    is_guess: bool
    is_second: bool
    seen: int
    seconds: float
    edits: int
    remarks: int
    iou: float | None
    verdicts: Sequence[VerdictPart]
    is_disputed: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributePart:
    """An attribute of a class, and its values; none where any text is one."""

    name: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPart:
    """A class: its `name`, `colour` as "#rrggbb", the `key` that gives it ("" for none), and attributes."""

    name: str
    colour: str
    key: str
    attributes: Sequence[AttributePart]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReply:
    """Everything that the queue shows.

    Attributes:
        revision: of the project, -1 where something is still to be worked out.
        prelabel: null where none was begun.
        rows: the questions.
        people: who has questions.
        videos: how many there are.
        masks: how many there are.
        effort: of everybody.
        annotators: the effort of each.
        kinds: how often each kind of edit was made.
        classes: what objects can be.
        demanded: of which kinds nothing may be left open in labels that are accepted.
        never_overlap: no two objects of a question share a pixel in what is exported.
    """

    revision: int
    prelabel: PrelabelPart | None
    rows: Sequence[QueueRow]
    people: Sequence[str]
    videos: int
    masks: int
    effort: EffortPart
    annotators: Mapping[str, EffortPart]
    kinds: Mapping[str, int]
    classes: Sequence[ClassPart]
    demanded: Sequence[OpenPoint]
    never_overlap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNewsReply:
    """Nothing changed since that `revision` but, perhaps, how pre-labelling goes."""

    revision: int
    prelabel: PrelabelPart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkPart:
    """A comment: on a `frame` or on all of the question, `by` whom, and its `time` in seconds since 1970."""

    id: int
    frame: int | None
    by: str
    text: str
    time: float
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarksReply:
    """The comments on a question, and what reviewers say of it."""

    verdicts: Sequence[VerdictPart]
    remarks: Sequence[RemarkPart]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEffortPart:
    """What people have put into an object: time in `seconds`, what was drawn, and how much of it corrected it."""

    seconds: float
    clicks: int
    boxes: int
    corrections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortsReply:
    """The efforts by object."""

    objects: Mapping[int, ObjectEffortPart]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrelabelReply:
    """How pre-labelling goes."""

    prelabel: PrelabelPart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedReply:
    """Where a question stands after a decision, and its revision."""

    status: Status
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReply:
    """Where a question stands."""

    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedReply:
    """The id of the question that is a copy."""

    question: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyReply:
    """The ids of the questions of which it was done, and why not of the others, one line a reason."""

    done: Sequence[int]
    refused: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesReply:
    """The project's classes, what it demands before labels are accepted, and whether its objects may overlap."""

    classes: Sequence[ClassPart]
    demanded: Sequence[OpenPoint]
    never_overlap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedReply:
    """Where a question stands, and the id of the `second` version that was made of it, if one was."""

    status: Status
    second: int | None
