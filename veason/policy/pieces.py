"""From pieces of text with their times to policy events: the part that every policy shares."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from veason.answer import AnswerContext, AnswerParser
from veason.errors import AnswerError
from veason.types import Answered, PolicyEvent, Speed, Unanswered


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one more token, which may be empty (an end mark, half a character), and its time.

    `seconds` count from the start of the answer, so the first piece holds the time that reading the frames took.
    A text that breaks off inside a character has one piece more, with what is left.
    """

    seconds: float
    text: str


def read_pieces(
    pieces: Generator[Piece, None, None], context: AnswerContext, sample: int = 0
) -> Generator[PolicyEvent, None, None]:
    """Yield the events of the text as it arrives, then one Answered, or Unanswered where it holds no answer.

    Closing this generator closes `pieces`, so the model behind it stops.
    """
    parser = AnswerParser(context, sample=sample)
    times: list[float] = []
    with closing(pieces):
        for piece in pieces:
            times.append(piece.seconds)
            yield from parser.feed(piece.text)
    try:
        answer = parser.finish()
    except AnswerError as error:
        yield Unanswered(str(error), error.text, sample)
        return
    speed = Speed(times[0], len(times), times[-1]) if times else None
    yield Answered(answer, speed, sample)
