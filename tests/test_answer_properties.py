"""What holds for any text: an Answer or an AnswerError, the same for every way of cutting it, and round trips."""

import itertools
import math
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veason.answer import AnswerContext, AnswerParser, format_parts, parse_answer, render_answer
from veason.errors import AnswerError
from veason.types import Answer, AnswerEvent, Box, BoxClosed, FrameMention, KeyframeChosen, ThoughtDelta

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
from fuzz_answer import mutate, write_text

CONTEXT = AnswerContext(shown=(0, 42, 85, 128, 170), num_frames=300, source_wh=(1120, 840))
NUM_FUZZED = 10_000
many = settings(max_examples=150, deadline=None)

fragments = st.sampled_from([
    "<think>", "</think>", "<answer>", "</answer>", "< THINK >", "<ans", "</thi", "<", "{", "}", "[", "]", "(", ")",
    ",", ":", '"', "'", "`", "```json", "//", "/*", "*/", "#", "\n", " ", "\\", '"keyframe_timestamp":',
    '"bbox_2d_list":', '"bbox_2d":', "keyframe:", "frame ", "timestamp", "(128s)", "<42>", "⟨85⟩", "128", "300", "-1",
    "12.5", "1e999", "NaN", "None", "true", "0", "10,", "[10,20,30,40]", "[0,0,0,0]", "“", "’", "é", "帧",
    "x1:", "y1:", "x2:", "y2:",
])  # fmt: skip
texts = st.one_of(st.text(), st.lists(st.one_of(fragments, st.text(max_size=3)), max_size=40).map("".join))


def written(seed: int, num_edits: int) -> str:
    chance = random.Random(seed)
    return mutate(write_text(chance), chance, num_edits)


near_answers = st.builds(written, st.integers(0, 2**32), st.integers(0, 4))


@st.composite
def boxes_in_source(draw: st.DrawFn) -> Box:
    x1, y1 = draw(st.floats(0, 1118)), draw(st.floats(0, 838))
    return Box(x1, y1, draw(st.floats(x1 + 1, 1120)), draw(st.floats(y1 + 1, 840)))


def outcome(text: str, pieces: list[str], *, strict: bool = False) -> tuple[Answer | str, list[AnswerEvent]]:
    parser = AnswerParser(CONTEXT, strict=strict)
    events = [event for piece in pieces for event in parser.feed(piece)]
    try:
        answer = parser.finish()
    except AnswerError as error:
        return f"{error}\n{error.text}", events
    assert answer.text == text
    return answer, events


def told(events: list[AnswerEvent]) -> tuple[str, list[AnswerEvent]]:
    """Return the joined thought and all other events: where a delta is cut says nothing."""
    thought = "".join(event.text for event in events if isinstance(event, ThoughtDelta))
    return thought, [event for event in events if not isinstance(event, ThoughtDelta)]


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:stop] for start, stop in itertools.pairwise(edges)]


@many
@given(st.one_of(texts, near_answers), st.booleans())
def test_any_text_gives_an_answer_or_an_answer_error(text: str, strict: bool) -> None:
    answer, _ = outcome(text, [text], strict=strict)
    if isinstance(answer, str):
        assert answer.endswith(f"\n{text}")
    else:
        assert answer.keyframe is None or 0 <= answer.keyframe < 300
        assert answer.keyframe is not None or answer.is_absent
        for box in answer.boxes:
            assert 0 <= box.x1 < box.x2 <= 1120
            assert 0 <= box.y1 < box.y2 <= 840
    parts = format_parts(text)
    assert 0 <= parts.num_good_boxes <= parts.num_boxes


@many
@given(st.one_of(texts, near_answers), st.lists(st.integers(0, 10_000), max_size=12))
def test_cutting_the_text_changes_nothing(text: str, places: list[int]) -> None:
    answer, events = outcome(text, [text])
    cut_answer, cut_events = outcome(text, cut(text, places))
    single_answer, single_events = outcome(text, list(text))
    assert answer == cut_answer == single_answer
    assert told(events) == told(cut_events) == told(single_events)


@many
@given(near_answers)
def test_events_agree_with_the_answer(text: str) -> None:
    answer, events = outcome(text, list(text))
    if not isinstance(answer, Answer):
        return
    thought, others = told(events)
    assert answer.thought == thought
    for event in others:
        if isinstance(event, FrameMention):
            assert int(thought[event.start : event.end]) == event.frame_index
    noted = {note.kind for note in answer.notes}
    chosen = [event.frame_index for event in others if isinstance(event, KeyframeChosen)]
    boxes: list[Box] = []
    for event in others:
        if isinstance(event, BoxClosed):
            boxes = [*boxes[: event.number], event.box]
            assert len(boxes) == event.number + 1
    is_told_at_once = not noted & {"repeated_answer", "read_from_prose"} and (chosen or boxes)
    if is_told_at_once and not any("twice" in note.message for note in answer.notes):
        assert chosen[-1:] == ([] if answer.keyframe is None else [answer.keyframe])
        assert tuple(boxes) == answer.boxes


@many
@given(
    st.text(),
    st.sampled_from(CONTEXT.shown),
    st.lists(boxes_in_source(), max_size=5),
    st.sampled_from(["absolute", "relative"]),
)
def test_what_is_written_is_read_back_strictly(thought: str, keyframe: int, boxes: list[Box], labels: str) -> None:
    context = AnswerContext(CONTEXT.shown, 300, (1120, 840), labels=labels)
    boxes = list({context.to_model(box): box for box in boxes}.values())  # equal ones are joined
    text = render_answer(thought, keyframe, boxes, context)
    answer = parse_answer(text, context, strict=True)
    assert answer == parse_answer(text, context)
    assert answer.keyframe == keyframe
    assert not answer.notes
    assert len(answer.boxes) == len(boxes)
    for read, wanted in zip(answer.boxes, boxes, strict=True):
        assert all(math.isclose(a, b, abs_tol=2) for a, b in zip(read.xyxy, wanted.xyxy, strict=True))
    assert render_answer(answer.thought, keyframe, answer.boxes, context) == text
    parts = format_parts(text)
    assert parts.has_tags
    assert parts.has_keyframe
    assert parts.num_good_boxes == parts.num_boxes == len(boxes)


@many
@given(near_answers)
def test_a_strict_answer_is_read_the_same_without_strictness(text: str) -> None:
    strict, _ = outcome(text, [text], strict=True)
    if isinstance(strict, Answer):
        assert format_parts(text).has_tags
        loose, _ = outcome(text, [text])
        assert isinstance(loose, Answer)
        assert (loose.thought, loose.keyframe, loose.boxes) == (strict.thought, strict.keyframe, strict.boxes)


def test_ten_thousand_damaged_answers_give_an_answer_or_an_answer_error() -> None:
    chance = random.Random(20261122)
    num_read = 0
    for _ in range(NUM_FUZZED):
        text = mutate(write_text(chance), chance, chance.randrange(6))
        answer, _ = outcome(text, [text])
        num_read += isinstance(answer, Answer)
    assert num_read > NUM_FUZZED // 3


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "[",
        '{"',
        "<",
        "< ",
        "<think",
        "1",
        "<answer>",
        "</think><answer>",
        "</think> ",
        "[1,",
        "' ",
        "`",
        "(",
        "1.",
        "\\",
    ],
)
@pytest.mark.parametrize("opening", ["", "<answer>", '<answer>{"keyframe_timestamp": 128, "bbox_2d_list": ['])
def test_a_long_text_takes_no_longer_than_its_length(opening: str, unit: str) -> None:
    text = opening + unit * (100_000 // len(unit))
    outcome(text, [text])
    outcome(text, [text], strict=True)
    format_parts(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", ["[215, 381], ", "145.5 ", "10px, ", "x1=10 ", "(10, 20) to ", "top left (10, ", "w 20 "]
)
@pytest.mark.parametrize("ending", ["", 'dog"}', '%"}', '"}'])
def test_a_string_of_numbers_is_read_in_one_way(unit: str, ending: str) -> None:
    text = '{"frame": 128, "bbox": "' + unit * 2000 + ending
    outcome(text, [text])
