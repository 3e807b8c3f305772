"""Several answers to one question: how to ask for them, and how far they agree."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from veason.boxes import box_iou, boxes_array
from veason.types import Answer, Answered, Confidence, FrameMention, PolicyEvent, Sampling, Speed

EXTRA_TEMPERATURE = 0.8
"""Temperature of the answers after the first, which is the policy's best. Source: ours; at 0 all would be the same."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One of several answers to a question, with the frames its reasoning names, its speed and how sure it is."""

    answer: Answer
    mentions: tuple[FrameMention, ...] = ()
    speed: Speed | None = None
    confidence: Confidence | None = None


def samplings(count: int, is_recorded: bool) -> tuple[Sampling, ...]:
    """Return how to ask for `count` answers: the best one as usual, the others drawn; recordings all at once."""
    if count == 1 or is_recorded:
        return (Sampling(num_samples=count),)
    return (Sampling(), Sampling(temperature=EXTRA_TEMPERATURE, num_samples=count - 1, seed=1))


class Gathering:
    """Collects answers with what their reasoning names, while the events of several samples come in."""

    def __init__(self) -> None:
        self.proposals: list[Proposal] = []
        self._mentions: list[FrameMention] = []
        self._first = 0
        self._last = 0

    def next_call(self) -> None:
        """Count on: the samples of the next call come after those there are."""
        self._first = self._last + 1

    def number(self, event: PolicyEvent) -> int:
        """Return which answer an event belongs to, counted from 0 over all calls."""
        self._last = self._first + event.sample
        return self._last

    def take(self, event: PolicyEvent) -> bool:
        """Note an event; tell whether it completed an answer."""
        if isinstance(event, FrameMention):
            self._mentions.append(event)
        elif isinstance(event, Answered):
            mentions = tuple(dataclasses.replace(mention, sample=0) for mention in self._mentions)
            self.proposals.append(Proposal(event.answer, mentions, event.speed, event.confidence))
            self._mentions = []
            return True
        return False


def box_agreement(a: Answer, b: Answer) -> float | None:
    """Return the mean IoU of each box with the best one of the other answer; None where the frames differ."""
    if a.keyframe != b.keyframe or a.is_absent or b.is_absent:
        return None
    ious = box_iou(boxes_array(list(a.boxes)), boxes_array(list(b.boxes)))
    return float((ious.max(axis=0).sum() + ious.max(axis=1).sum()) / sum(ious.shape))


def describe_agreement(answers: Sequence[Answer], asked: int) -> str:
    """Return how far answers agree, in one line: on the target being there, the frame, and the boxes.

    >>> describe_agreement([Answer("", 4, ()), Answer("", 4, ())], 3)
    '2 of 3 answered · all say absent'
    """
    told = [f"{len(answers)} of {asked} answered"] if len(answers) < asked else [f"{asked} answers"]
    if not answers:
        return told[0]
    absent = sum(answer.is_absent for answer in answers)
    if absent == len(answers):
        return " · ".join([*told, "all say absent"])
    if absent:
        told.append(f"{absent} say{'s' if absent == 1 else ''} absent")
    frames = Counter(answer.keyframe for answer in answers if not answer.is_absent)
    frame, count = frames.most_common(1)[0]
    told.append(f"all on frame {frame}" if len(frames) == 1 else f"{count} on frame {frame}")
    overlaps = [one for a, b in combinations(answers, 2) if (one := box_agreement(a, b)) is not None]
    if overlaps:
        told.append(f"boxes overlap {np.mean(overlaps):.0%}")
    return " · ".join(told)
