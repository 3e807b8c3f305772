"""What may be typed on the command line, and what is said when it is wrong."""

import pytest

from veason.cli.options import parse_prompts, parse_range
from veason.errors import PromptError
from veason.types import Box, Click, Prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, None, id="left out"),
        pytest.param("0:24", (0, 24), id="both sides"),
        pytest.param(":24", (0, 24), id="from the start"),
        pytest.param("24:", (24, 90), id="to the end"),
        pytest.param(":", (0, 90), id="whole"),
    ],
)
def test_a_range_is_half_open_and_either_side_may_be_left_out(
    text: str | None, expected: tuple[int, int] | None
) -> None:
    assert parse_range(text, 90) == expected


@pytest.mark.parametrize("text", ["24:24", "30:24", "0:91", "-3:5", "a:b", "5", ""])
def test_a_wrong_range_is_refused_with_the_length_of_the_video_or_the_form(text: str) -> None:
    with pytest.raises(PromptError, match=r"A:B|90 frames"):
        parse_range(text, 90)


def test_a_box_and_clicks_for_one_object_on_one_frame_become_one_prompt() -> None:
    prompts = parse_prompts(["1,2,30,40.5@7:2"], ["5,6,+@7:2", "8,9,-@7:2", "1,1,+@3"])
    clicks = (Click(5, 6), Click(8, 9, is_positive=False))
    assert prompts == (Prompt(1, 3, clicks=(Click(1, 1),)), Prompt(2, 7, box=Box(1, 2, 30, 40.5), clicks=clicks))


@pytest.mark.parametrize(
    ("boxes", "clicks", "message"),
    [
        pytest.param([], [], "nothing to track", id="nothing"),
        pytest.param(["1,2,3@7"], [], "x1,y1,x2,y2@FRAME", id="three numbers"),
        pytest.param(["1,2,3,4"], [], "@FRAME", id="no frame"),
        pytest.param(["9,2,3,4@7"], [], "x1 <= x2", id="swapped corners"),
        pytest.param(["1,2,3,4@7", "1,2,5,6@7"], [], "two boxes for object 1", id="two boxes"),
        pytest.param([], ["1,2,*@7"], "x,y,", id="neither plus nor minus"),
        pytest.param(["1,2,3,4@7:0"], [], "start at 1", id="object 0"),
    ],
)
def test_a_wrong_prompt_is_refused_with_the_form_that_was_wanted(
    boxes: list[str], clicks: list[str], message: str
) -> None:
    with pytest.raises(PromptError, match=message):
        parse_prompts(boxes, clicks)
