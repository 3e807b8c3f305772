"""What an answer calls its objects, and where it is better not to say."""

from __future__ import annotations

import pytest

from veason.answer import object_names
from veason.types import Answer, Box

ONE, TWO = Box(1, 2, 30, 40), Box(50, 2, 90, 40)
VERDICT = "What happens: one green ball frame 0 3/4, so find ball, one ball yes"


@pytest.mark.parametrize(
    ("thought", "text", "boxes", "names"),
    [
        pytest.param(f"{VERDICT}: it is two green ball; it enters", "", (ONE,), ("green ball",), id="a verdict"),
        pytest.param(f"{VERDICT}: they are one ball and two ball.", "", (ONE, TWO), ("ball", "ball"), id="two alike"),
        pytest.param(f"{VERDICT}: they are one red ball and two ball.", "", (ONE, TWO), (), id="whose is which"),
        pytest.param(f"{VERDICT}: they are one ball and two ball.", "", (ONE,), (), id="one of two is boxed"),
        pytest.param("It is one of the balls that", "", (ONE,), (), id="prose"),
        pytest.param("The ball is red.", "", (ONE,), (), id="no name at all"),
        pytest.param(
            "", '<think>"label": "x"</think><answer>[{"bbox_2d": [1, 2, 3, 4], "label": "green  ball"}]</answer>',
            (ONE,), ("green ball",), id="beside the box",
        ),
        pytest.param("", '[{"label": "a"}, {"label": "b"}]', (ONE, TWO), ("a", "b"), id="a label a box"),
        pytest.param("", '[{"label": "a"}, {"bbox_2d": [5, 6, 7, 8]}]', (ONE, TWO), (), id="a box without one"),
        pytest.param("", '{"label": "a"}', (), (), id="nothing there"),
    ],
)  # fmt: skip
def test_an_object_is_called_as_the_answer_calls_it(
    thought: str, text: str, boxes: tuple[Box, ...], names: tuple[str, ...]
) -> None:
    keyframe = 4 if boxes else None
    assert object_names(Answer(thought, keyframe, boxes, (), text)) == names
