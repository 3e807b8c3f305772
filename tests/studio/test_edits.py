"""Edits of the page become edits of the labels where they fit them and the video; else the message says why not."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veason.annotation import (
    DropPrompt,
    Locked,
    Marked,
    MoveKeyframe,
    Named,
    PutPrompt,
    Reasoned,
    State,
    apply,
)
from veason.errors import VeasonError
from veason.studio.server.edits import edits_of
from veason.studio.server.question.open_question import within
from veason.studio.server.requests import parse_event
from veason.types import Box, Click, Prompt

SIZE_WH = (64, 48)
STATE = apply(State(10), PutPrompt(Prompt(1, 4, box=Box(1, 1, 9, 9))))


def read(sent: Any) -> object:
    return edits_of(parse_event("edit", {"work": "key.1", **sent}), STATE, SIZE_WH)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"edit": "keyframe", "frame": 3}, MoveKeyframe(3), id="keyframe"),
        pytest.param({"edit": "drop", "object": 1, "frame": 4}, DropPrompt(1, 4), id="drop"),
        pytest.param(
            {"edit": "box", "object": 0, "frame": 2, "xyxy": [30, 5, 10, 90]},
            PutPrompt(Prompt(2, 2, box=Box(10, 5, 30, 48))),
            id="a new object, corners swapped, clipped",
        ),
        pytest.param(
            {"edit": "click", "object": 1, "frame": 4, "xy": [5, 6], "positive": False},
            PutPrompt(Prompt(1, 4, box=Box(1, 1, 9, 9), clicks=(Click(5, 6, is_positive=False),))),
            id="a click joins the box",
        ),
        pytest.param({"edit": "absent", "object": 1, "start": 5, "stop": 8}, Marked(1, 5, 8, "absent"), id="absent"),
        pytest.param(
            {"edit": "absent", "object": 1, "start": 5, "stop": 8, "on": False}, Marked(1, 5, 8, None), id="there"
        ),
        pytest.param({"edit": "name", "object": 1, "name": "  the  <b>dog "}, Named(1, "the <b>dog"), id="name"),
        pytest.param({"edit": "lock", "object": 1}, Locked(1, True), id="lock"),
        pytest.param({"edit": "reason", "text": "It barks."}, Reasoned("It barks."), id="reasoning rewritten"),
        pytest.param({"edit": "reason", "text": None}, Reasoned(None), id="reasoning confirmed"),
    ],
)
def test_a_good_edit_is_read(sent: dict[str, Any], expected: object) -> None:
    assert read(sent) == expected


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"edit": "launch"}, id="unknown edit"),
        pytest.param({"edit": "keyframe", "frame": "3"}, id="text for a number"),
        pytest.param({"edit": "keyframe", "frame": True}, id="bool for a number"),
        pytest.param({"edit": "box", "object": 1, "frame": 4, "xyxy": [1, 2, 3]}, id="three sides"),
        pytest.param({"edit": "box", "object": 1, "frame": 4, "xyxy": [1, 2, 3, None]}, id="no number"),
        pytest.param({"edit": "box", "object": 1, "frame": 4, "xyxy": [70, 2, 90, 9]}, id="outside"),
        pytest.param({"edit": "box", "object": 1, "frame": 4, "xyxy": [float("nan"), 2, 90, 9]}, id="not a number"),
        pytest.param({"edit": "click", "object": 1, "frame": 4, "xy": [64, 6]}, id="click outside"),
        pytest.param({"edit": "click", "object": 1, "frame": 4, "xy": [10**400, 6]}, id="a number beyond all bounds"),
        pytest.param({"edit": "verified", "object": 1, "start": 4, "stop": 5}, id="no mask to verify"),
        pytest.param({"edit": "absent", "object": 1, "start": 4, "stop": 11}, id="past the end"),
    ],
)
def test_a_bad_edit_is_refused_in_words(sent: Any) -> None:
    with pytest.raises(VeasonError):
        read(sent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"edit": st.sampled_from(["keyframe", "drop", "box", "click", "absent", "name", "lock", "reason"])},
        optional={
            key: json_values
            for key in ("frame", "object", "xyxy", "xy", "positive", "start", "stop", "on", "name", "text")
        },
    )
)
def test_whatever_is_sent_gives_an_edit_or_words(sent: dict[str, Any]) -> None:
    with suppress(VeasonError):
        read(sent)


@pytest.mark.parametrize("span", [(5, 5), (6, 5), (-1, 5), (0, 11)])
def test_a_range_outside_the_video_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(VeasonError, match="10"):
        within(*span, 10)
