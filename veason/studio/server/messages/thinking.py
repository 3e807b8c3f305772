"""Items about the policy's reasoning and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from veason.studio.server.messages.units import Xyxy


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """One of several answers.

    Attributes:
        number: its place among them.
        frame: its keyframe, null where the target is absent.
        absent: it says that the target is not in the video.
        boxes: on the keyframe.
        current: it is the one that counts.
        sureness: how probable the model found its numbers, in words, "" where it is not known.
    """

    number: int
    frame: int | None
    absent: bool
    boxes: Sequence[Xyxy]
    current: bool
    sureness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPart:
    """A contradiction between an answer, its reasoning and its masks, in words; `kind` as in `veason.consistency`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingItem:
    """The policy begins to think."""

    KIND: ClassVar = "thinking"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """The `frames` that the policy is shown."""

    KIND: ClassVar = "shown"
    frames: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtItem:
    """More `text` of the reasoning."""

    KIND: ClassVar = "thought"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MentionItem:
    """A frame that the reasoning names, and the characters from `start` up to `end` that name it."""

    KIND: ClassVar = "mention"
    frame: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeItem:
    """The policy chose a keyframe; `is_shown` tells whether it was shown that frame."""

    KIND: ClassVar = "keyframe"
    frame: int
    is_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxItem:
    """The policy finished the box of an object on its keyframe."""

    KIND: ClassVar = "box"
    object: int
    xyxy: Xyxy


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredItem:
    """The policy gave an answer.

    Attributes:
        absent: it says that the target is not in the video.
        guess: the policy was not trained for the question, and was made to answer.
        recorded: it was made earlier, and nothing was computed for it now.
        notes: what was odd about its form.
        first_word: seconds until it wrote.
        tokens_per_second: after that.
        sureness: how probable the model found its numbers, in words, "" where it is not known.
    """

    KIND: ClassVar = "answered"
    absent: bool
    guess: bool
    recorded: bool
    notes: Sequence[str]
    first_word: float | None
    tokens_per_second: float | None
    sureness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldItem:
    """The policy was not asked, since it would only guess, and the `reasons`; what was there before stays."""

    KIND: ClassVar = "withheld"
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredItem:
    """The policy gave no usable answer: what it wrote, and the reason."""

    KIND: ClassVar = "unanswered"
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingItem:
    """So many of `count` answers are `done`."""

    KIND: ClassVar = "sampling"
    done: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledItem:
    """The reasoning as it was shown while it streamed.

    Attributes:
        text: of the reasoning.
        mentions: the frames that it names.
        failure: what the policy wrote where it gave no usable answer.
        reason: why that is none, "" where it gave one or was not asked.
        answered: null where there is no answer.
    """

    KIND: ClassVar = "recalled"
    text: str
    mentions: Sequence[MentionItem]
    failure: str
    reason: str
    answered: AnsweredItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalsItem:
    """All answers to the question, and how far they agree, in one line."""

    KIND: ClassVar = "proposals"
    agreement: str
    answers: Sequence[AnswerPart]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsItem:
    """What is odd about the answer; `has_masks` tells whether all of its objects had masks to look at."""

    KIND: ClassVar = "findings"
    has_masks: bool
    findings: Sequence[FindingPart]
