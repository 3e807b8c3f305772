"""What came of a question, from the events of the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from veason.errors import AnswerError
from veason.types import Answered, PolicyEvent, Unanswered, Withheld

_Other = TypeVar("_Other")


def require_answer(events: Iterable[PolicyEvent | _Other | Withheld]) -> Iterator[PolicyEvent | _Other]:
    """Yield the events of `Pipeline.think` until their end, and see that an answer is among them.

    Raises:
        AnswerError: no sample has a usable answer, with the text of the first; or the question lies outside of the
            policy's training, and it was not to guess.
    """
    is_answered = False
    failure = None
    for event in events:
        if isinstance(event, Withheld):
            raise AnswerError(f"the policy would only guess: {event.text}; guess=True has it answer all the same")
        yield event
        is_answered = is_answered or isinstance(event, Answered)
        if isinstance(event, Unanswered) and failure is None:
            failure = event
    if not is_answered:
        raise AnswerError(failure.reason if failure else "the policy wrote nothing", failure.text if failure else "")
