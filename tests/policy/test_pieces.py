from collections.abc import Generator

from veason.answer import context_for
from veason.policy.pieces import Piece, read_pieces
from veason.profile import GENERIC
from veason.types import Answered, Speed, ThoughtDelta, Unanswered

CONTEXT = context_for(GENERIC, [0, 10], num_frames=20, source_wh=(560, 560))
TEXT = '<think>So it is.</think><answer>{"keyframe_timestamp": 10, "bbox_2d_list": [[1, 2, 30, 40]]}</answer>'


def by_character(text: str) -> Generator[Piece, None, None]:
    for place, character in enumerate(text):
        yield Piece(0.5 + place, character)


def test_text_becomes_events_and_one_answer_with_its_speed() -> None:
    *events, last = read_pieces(by_character(TEXT), CONTEXT, sample=2)
    assert isinstance(last, Answered)
    assert last.answer.text == TEXT
    assert last.speed == Speed(0.5, len(TEXT), len(TEXT) - 0.5)
    assert {event.sample for event in [*events, last]} == {2}
    assert "".join(event.text for event in events if isinstance(event, ThoughtDelta)) == "So it is."


def test_text_without_an_answer_ends_in_unanswered() -> None:
    *_, last = read_pieces(by_character("<think>Hm"), CONTEXT)
    assert isinstance(last, Unanswered)
    assert last.text == "<think>Hm"
    assert last.reason


def test_no_text_at_all_ends_in_unanswered() -> None:
    assert isinstance(list(read_pieces(by_character(""), CONTEXT))[-1], Unanswered)


def test_closing_the_events_closes_the_pieces() -> None:
    closed: list[str] = []

    def pieces() -> Generator[Piece, None, None]:
        try:
            yield from by_character(TEXT)
        finally:
            closed.append("pieces")

    events = read_pieces(pieces(), CONTEXT)
    next(events)
    events.close()
    assert closed == ["pieces"]
