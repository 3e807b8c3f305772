"""Conversion of timed text pieces to policy events, shared by all policies."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from veason.answer import AnswerContext, AnswerParser
from veason.errors import AnswerError
from veason.policy.confidence import WrittenToken, confidence_in
from veason.types import Answered, PolicyEvent, Speed, ThoughtDelta, Unanswered


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one token, possibly empty (an end token, part of a character), and when it was written.

    `seconds` count from the start of the answer, so those of the first piece include the prefill. A text that ends
    inside a character has one more piece with the incomplete rest. `logprob` is the natural log-probability of the
    token, None where it is not known.
    """

    seconds: float
    text: str
    logprob: float | None = None


def read_pieces(
    pieces: Generator[Piece, None, None] | Generator[Piece | None, None, None], context: AnswerContext, sample: int = 0
) -> Generator[PolicyEvent, None, None]:
    """Yield the events of the text as it arrives, then one Answered, or Unanswered if the text has no answer.

    Closing this generator closes `pieces`, which stops the model. So that it can be closed while there is no text yet,
    a ThoughtDelta without text is yielded for each None.

    Args:
        pieces: the text of one sample, and None now and then while whoever writes it is waited for.
        context: the frames shown and the coordinate spaces.
        sample: the number of the sample, 0-based.
    """
    parser = AnswerParser(context, sample=sample)
    times: list[float] = []
    tokens: list[WrittenToken] = []
    with closing(pieces):
        for piece in pieces:
            if piece is None:
                yield ThoughtDelta("", sample)
                continue
            times.append(piece.seconds)
            tokens.append(WrittenToken(piece.text.encode(), piece.logprob))
            yield from parser.feed(piece.text)
    try:
        answer = parser.finish()
    except AnswerError as error:
        yield Unanswered(str(error), error.text, sample)
        return
    speed = Speed(times[0], len(times), times[-1]) if times else None
    yield Answered(answer, speed, sample, confidence_in(tokens, answer, context))
