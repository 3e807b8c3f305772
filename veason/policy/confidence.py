"""How probable a model found the numbers that it wrote: those of its keyframe and of its boxes.

A number is as probable as its tokens together, each given everything before it. What is read of a server is held
against the answer: where the tokens do not spell the same numbers, nothing is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from veason.answer import AnswerContext
from veason.answer.wording import ANSWER_OPEN, THINK_CLOSE
from veason.types import Answer, Confidence

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_SIDES = 4


@dataclass(frozen=True, slots=True)
class WrittenToken:
    """A token as it was written: its bytes, and its natural log-probability, None where nobody says."""

    text: bytes
    logprob: float | None


def confidence_in(tokens: Sequence[WrittenToken], answer: Answer, context: AnswerContext) -> Confidence | None:
    """Return how probable the model found the numbers of an answer, None where its tokens do not tell.

    Args:
        tokens: of the whole text, or of its end from the answer on.
        answer: what was read of the text.
        context: the keys, and the space that the numbers are in.
    """
    text = b"".join(token.text for token in tokens)
    marks = (mark.encode() for mark in (ANSWER_OPEN, THINK_CLOSE))
    begun = next((at + len(mark) for mark in marks if (at := text.rfind(mark)) >= 0), 0)
    if text[begun : text.rfind(b"}") + 1].decode("utf-8", "replace").strip() not in answer.text:
        return None
    numbers = _Numbers(tokens)
    keyframe = _keyframe(text, begun, answer, context, numbers)
    boxes = _boxes(text, begun, answer, context, numbers)
    return Confidence(keyframe, boxes) if keyframe is not None or boxes else None


class _Numbers:
    """The probability of each part of a text."""

    def __init__(self, tokens: Sequence[WrittenToken]) -> None:
        self._tokens = tokens
        self._ends = list(accumulate(len(token.text) for token in tokens))

    def logprob(self, start: int, end: int) -> float | None:
        """Return the log-probability of the tokens that bytes `start:end` lie in; None where one of them is unknown."""
        parts = [
            token.logprob
            for token, stop in zip(self._tokens, self._ends, strict=True)
            if stop > start and stop - len(token.text) < end
        ]
        known = [part for part in parts if part is not None]
        return sum(known) if parts and len(known) == len(parts) else None


def _keyframe(text: bytes, begun: int, answer: Answer, context: AnswerContext, numbers: _Numbers) -> float | None:
    at = text.find(context.keyframe_key.encode(), begun)
    number = _NUMBER.search(text, at + len(context.keyframe_key)) if at >= 0 else None
    if number is None or answer.keyframe not in context.shown:
        return None
    if float(number.group()) != context.label_of(answer.keyframe):
        return None
    logprob = numbers.logprob(*number.span())
    return None if logprob is None else math.exp(logprob)


def _boxes(text: bytes, begun: int, answer: Answer, context: AnswerContext, numbers: _Numbers) -> tuple[float, ...]:
    at = text.find(context.boxes_key.encode(), begun)
    if at < 0 or not answer.boxes:
        return ()
    end = next((stop for stop in (text.find(b"}", at), text.find(context.keyframe_key.encode(), at)) if stop >= 0), -1)
    found = list(_NUMBER.finditer(text, at + len(context.boxes_key), end if end >= 0 else len(text)))
    if len(found) != _SIDES * len(answer.boxes):
        return ()
    probabilities = []
    for box, first in zip(answer.boxes, range(0, len(found), _SIDES), strict=True):
        sides = found[first : first + _SIDES]
        written = [float(side.group()) for side in sides]
        if any(abs(side - said) > 1 for side, said in zip(context.to_model(box), written, strict=True)):
            return ()
        logprobs = [numbers.logprob(*side.span()) for side in sides]
        known = [one for one in logprobs if one is not None]
        if len(known) < _SIDES:
            return ()
        probabilities.append(math.exp(sum(known) / _SIDES))
    return tuple(probabilities)
