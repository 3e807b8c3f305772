"""What the released reward code finds in a text: the same as its regular expressions, in time linear in the text."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veason.answer import AnswerContext, measure_upstream_format, read_upstream_answer
from veason.errors import AnswerError
from veason.types import Box

CONTEXT = AnswerContext(shown=(0, 42, 128), num_frames=300, source_wh=(1120, 560))
GOOD = '{"keyframe_timestamp": 42, "bbox_2d_list": [[10, 20, 30, 40]]}'

# Source: Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py @28b0000.
WHOLE = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
BLOCK = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
OBJECT = re.compile(r"<answer>\s*(\{.*?\})\s*</answer>", re.DOTALL)

scraps = st.sampled_from(
    ["<think>", "</think>", "<answer>", "</answer>", "<", " ", "\n", "\u00a0", "{", "}", "a", GOOD]
)
texts = st.tuples(
    st.sampled_from(["", "<think>", "<answer>"]),
    st.lists(scraps, max_size=12).map("".join),
    st.sampled_from(["", "</answer>", " </answer>"]),
).map("".join)


def answer(keyframe: str, boxes: str) -> str:
    return f'<answer>{{"keyframe_timestamp": {keyframe}, "bbox_2d_list": {boxes}}}</answer>'


def holds_good(found: re.Match[str] | None) -> bool:
    try:
        return found is not None and json.loads(found[1]) == json.loads(GOOD)
    except ValueError:
        return False


@given(texts)
@settings(max_examples=500, deadline=None)
def test_tags_and_blocks_are_found_where_the_regular_expressions_find_them(text: str) -> None:
    found = measure_upstream_format(text, CONTEXT)
    assert found.has_tags == (WHOLE.fullmatch(text) is not None)
    assert found.box_share == float(holds_good(OBJECT.search(text)))
    try:
        keyframe = read_upstream_answer(text, CONTEXT, max_boxes=120).keyframe
    except AnswerError:
        keyframe = None
    assert keyframe == (42 if holds_good(BLOCK.search(text)) else None)


@pytest.mark.parametrize("keyframe", ["42", '"42"', "42.9", '" 42 "'])
def test_any_keyframe_that_int_takes_is_read(keyframe: str) -> None:
    found = read_upstream_answer(answer(keyframe, "[[10, 20, 30, 40]]"), CONTEXT, max_boxes=120)
    assert (found.keyframe, found.boxes) == (42, (Box(20, 20, 60, 40),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("<think></think><answer>", "no answer block", id="never-closed"),
        pytest.param("<answer>[1]</answer>", "no JSON object", id="a-list"),
        pytest.param("<answer>" + "[" * 5000 + "</answer>", "no JSON object", id="too-deep"),
        pytest.param(answer("null", "[]"), "is no integer", id="null"),
        pytest.param(answer("1e999", "[]"), "is no integer", id="infinite"),
        pytest.param(answer("43", "[]"), "keyframe 43 is not among the frames shown", id="not-shown"),
    ],
)
def test_without_a_keyframe_there_is_no_answer(text: str, message: str) -> None:
    with pytest.raises(AnswerError, match=message) as caught:
        read_upstream_answer(text, CONTEXT, max_boxes=120)
    assert caught.value.text == text


@pytest.mark.parametrize(
    "boxes",
    ["[]", "5", "null", '"abcd"', "{}", "[1, 2, 3, 4]", "[[1, 2, 3]]", '[["1", "2", "3", "4"]]', "[[[1, 2, 3, 4]]]",
     "[[1, 2, 3, null]]", "[[1, 2, 3, 4], [1, 2, 3]]", "[[true, true, true, true]]", f"[[1, 2, 3, {'9' * 30}]]"],
)  # fmt: skip
def test_one_bad_box_spoils_them_all(boxes: str) -> None:
    found = read_upstream_answer(answer("42", boxes), CONTEXT, max_boxes=120)
    assert (found.keyframe, found.boxes, found.numbers.shape) == (42, (), (0, 4))


def test_boxes_beyond_the_limit_are_not_looked_at() -> None:
    found = read_upstream_answer(answer("42", "[[1, 2, 3, 4], [5]]"), CONTEXT, max_boxes=1)
    assert found.numbers.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("number", ["1e999", "Infinity", "1e308", "-1e999", "NaN"])
def test_a_box_without_end_is_cut_to_a_finite_one(number: str) -> None:
    found = read_upstream_answer(answer("42", f"[[10, 20, 30, {number}]]"), CONTEXT, max_boxes=120)
    assert all(abs(side) <= 2e9 for side in found.boxes[0].xyxy)
    assert str(found.numbers[0, 3]) == str(float(number))


@pytest.mark.parametrize("opening", ["", "<think>", "<think></think>", "<answer>{"])
@pytest.mark.parametrize(
    "unit",
    ["<answer>", "<think>", "</answer>", "</think>", "</think><answer>", "<answer>{", "<answer>{}", "}", "} ", " ",
     "<answer> ", "</think> ", "<answer>x</answer>", "[", '"'],
)  # fmt: skip
def test_a_text_of_1_mb_takes_less_than_a_second(opening: str, unit: str) -> None:
    text = opening + unit * (1_000_000 // len(unit))
    for ending in ("", "</answer>"):
        started = time.process_time()
        measure_upstream_format(text + ending, CONTEXT)
        with pytest.raises(AnswerError):
            read_upstream_answer(text + ending, CONTEXT, max_boxes=120)
        assert time.process_time() - started < 1
