"""What models of other families write: every form is read as what it means, and nothing is ever read as absent."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest

from tests.answer_forms import FORMS, written
from veason.answer import AnswerContext, parse_answer
from veason.answer.boxlike import find_box
from veason.answer.draft import MAX_OBJECTS
from veason.errors import AnswerError
from veason.types import Answer

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
from fuzz_answer import holds_a_box, mutate, write_text

CONTEXT = AnswerContext(shown=(0, 42, 85, 128, 170), num_frames=300, source_wh=(560, 560), fps=10.0)
NUM_MUTATED = 6_000
GOOD = '{"keyframe_timestamp": 128, "bbox_2d_list": [[10, 20, 30, 40]]}'


def test_there_are_two_hundred_texts_in_more_than_twelve_forms() -> None:
    assert len(list(written())) >= 200
    assert len(FORMS) > 12


@pytest.mark.parametrize(("text", "frame", "corners"), [pytest.param(*values, id=name) for name, *values in written()])
def test_a_form_is_read_as_what_it_means(text: str, frame: int, corners: tuple[int, ...]) -> None:
    answer = parse_answer(text, CONTEXT)
    assert answer.keyframe == frame
    assert [box.xyxy for box in answer.boxes] == [pytest.approx(corners)]


def answered(body: str, context: AnswerContext = CONTEXT) -> Answer:
    return parse_answer(f"<think>Near.</think>\n<answer>{body}</answer>", context)


def noted(answer: Answer, kind: str) -> str:
    return next(note.message for note in answer.notes if note.kind == kind)


@pytest.mark.parametrize(
    ("written", "frame"),
    [
        pytest.param('"00:04"', 40, id="minutes and seconds"),
        pytest.param("00:04", 40, id="bare"),
        pytest.param('"0:00:04.5"', 45, id="hours and parts"),
        pytest.param('"2.5s"', 25, id="seconds"),
        pytest.param("2.5 seconds", 25, id="seconds in words"),
        pytest.param('"00:30"', 299, id="the end is the last frame"),
        pytest.param('"42s"', 42, id="whole seconds are how frames are labelled"),
    ],
)
def test_a_keyframe_may_be_a_time(written: str, frame: int) -> None:
    assert answered(f'{{"keyframe_timestamp": {written}, "bbox_2d_list": [[10, 20, 30, 40]]}}').keyframe == frame


def test_a_time_is_no_frame_where_the_rate_is_not_known() -> None:
    unknown = AnswerContext(CONTEXT.shown, 300, (560, 560))
    with pytest.raises(AnswerError, match="frames a second"):
        answered('{"keyframe_timestamp": "00:04", "bbox_2d_list": [[10, 20, 30, 40]]}', unknown)
    with pytest.raises(AnswerError, match="0 to 299"):
        answered('{"keyframe_timestamp": "01:04", "bbox_2d_list": [[10, 20, 30, 40]]}')


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param("[[0.1, 20, 30, 40]]", id="a share beside pixels"),
        pytest.param("[[10, 20, 10.5, 40]]", id="under a pixel"),
        pytest.param("[[10%, 20%, 30%, 40%]]", id="percent"),
        pytest.param('[{"x_min": 10, "y_min": 20, "x_max": 30}]', id="three corners"),
        pytest.param("[[10, 20, 30]]", id="three numbers"),
        pytest.param("[[600, 600, 700, 700]]", id="outside"),
        pytest.param("[{'dog': [10, 20]}], 'also': [10, 20, 30, 40]", id="four numbers beside an empty list"),
        pytest.param("[], 'also': {'x1': 10, 'y1': 20, 'x2': 30, 'y2': 40}", id="corners beside an empty list"),
        pytest.param("[] [10, 20, 30, 40]", id="a box after an empty list"),
    ],
)
def test_what_is_no_box_is_an_error_and_never_absent(boxes: str) -> None:
    with pytest.raises(AnswerError):
        answered(f'{{"keyframe_timestamp": 128, "bbox_2d_list": {boxes}}}')


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<think>Nothing fits.</think><answer>{'keyframe': null, 'boxes': []}</answer>", id="empty list"),
        pytest.param(
            "<think>Frames (0, 42, 85, 128, 170) show none.</think><answer>{'keyframe': null, 'boxes': []}</answer>",
            id="the frames shown are no box",
        ),
        pytest.param(
            "<think>It is not there.</think><answer>{'keyframe': 0, 'boxes': [[0, 0, 0, 0]]}</answer>", id="zeros"
        ),
    ],
)
def test_absent_is_said_by_an_empty_list(text: str) -> None:
    assert parse_answer(text, CONTEXT).is_absent


def test_a_box_in_the_reasoning_keeps_an_empty_list_from_meaning_absent() -> None:
    text = "<think>The dog at [10, 20, 30, 40] runs.</think><answer>{'keyframe': 128, 'boxes': []}</answer>"
    with pytest.raises(AnswerError, match=re.escape("[10, 20, 30, 40")):
        parse_answer(text, CONTEXT)


def test_equal_boxes_are_joined_and_too_many_are_left_out_with_a_word() -> None:
    again = answered(GOOD.replace("[[10, 20, 30, 40]]", "[[10, 20, 30, 40], [10, 20, 30, 40]]"))
    assert len(again.boxes) == 1
    assert "1 boxes" in noted(again, "box_repeated")
    many = ", ".join(f"[{place}, 20, {place + 30}, 40]" for place in range(MAX_OBJECTS + 9))
    answer = answered(GOOD.replace("[10, 20, 30, 40]", many))
    assert len(answer.boxes) == MAX_OBJECTS
    assert "9 more" in noted(answer, "boxes_left_out")


def test_shares_of_the_picture_are_scaled_with_a_word() -> None:
    answer = answered(GOOD.replace("10, 20, 30, 40", "0.25, 0.5, 0.75, 1.0"))
    assert answer.boxes[0].xyxy == (140, 280, 420, 560)
    assert "shares" in noted(answer, "box_scaled")
    assert answered(GOOD.replace("10, 20, 30, 40", "0, 0, 1, 1")).boxes[0].xyxy == (0, 0, 1, 1)
    with pytest.raises(AnswerError, match="shares"):
        parse_answer(
            f"<think></think><answer>{GOOD.replace('10,', '0.1,').replace('20, 30, 40', '0.2, 0.3, 0.4')}</answer>",
            CONTEXT,
            strict=True,
        )


def test_mutated_answers_are_never_absent_where_a_box_is_written() -> None:
    chance = random.Random(20261127)
    texts = [text for _, text, *_ in written()]
    num_absent = 0
    for number in range(NUM_MUTATED):
        source = chance.choice(texts) if number % 2 else write_text(chance)
        text = mutate(source, chance, chance.randrange(6))
        try:
            is_absent = parse_answer(text, CONTEXT).is_absent
        except AnswerError:
            continue
        num_absent += is_absent
        assert not (is_absent and holds_a_box(text, CONTEXT.shown)), text
        assert not (is_absent and find_box(text, CONTEXT.shown)), text
    assert num_absent > 20


def test_half_a_character_in_an_answer_does_not_break_what_is_said_of_it() -> None:
    found = find_box('"at \\ud83d [\\u0031\\u0030, 20, 30, 40]"')
    assert found is not None
    assert found.encode() == b"[10, 20, 30, 40"
