"""What a reasoning claims: judged where the words leave one meaning, and left alone everywhere else."""

from __future__ import annotations

import time

import numpy as np
import pytest

from veason.lab.claims import MOST_CLAIMS, contradictions, read_claims
from veason.types import Answer, Box

SHOWN, SIZE = (0, 12, 24, 36), (100, 60)
LEFT_TOP = Box(2, 2, 22, 12)
RED = np.full((60, 100, 3), (210, 30, 30), np.uint8)


def found(thought: str, picture: np.ndarray | None = RED) -> frozenset[str]:
    answer = Answer(thought, 12, (LEFT_TOP,))
    return contradictions(answer, SHOWN, read_claims(answer, SHOWN, SIZE, picture))


@pytest.mark.parametrize(
    ("thought", "kind"),
    [
        ("The target is on the right.", "side_differs"),
        ("The target dog is clearly visible on the right side of the frame.", "side_differs"),
        ("In frame 12 the target is located in the lower left corner.", "side_differs"),
        ("the target is the one at the bottom and it is large", "side_differs"),
        ("The target stands on the right-hand side, near a tree.", "side_differs"),
        ("The target is blue.", "colour_differs"),
        ("The target is a dark green car.", "colour_differs"),
        ("The target looks white.", "colour_differs"),
    ],
)
def test_a_claim_that_the_answer_refutes_is_found(thought: str, kind: str) -> None:
    assert found(thought) == {kind}


@pytest.mark.parametrize(
    "thought",
    [
        "The target is not on the right.",
        "The target isn\u2019t on the right.",
        "The target is never on the right.",
        "The target is on the right, or it is on the left, nobody knows.",
        "If the target is on the right it is hidden.",
        "I wonder whether the target is on the right.",
        "The target left the frame on the right.",
        "The target leaves to the right.",
        "The target has left on the right.",
        "The target enters on the right.",
        "The target moves to the right.",
        "The target is moving to the right.",
        "The target is looking to the right.",
        "The target faces to the right.",
        "The target is next to the dog on the right.",
        "The target is bigger than the dog on the right.",
        "The target is on the right of the car.",
        "The target is on the right side of the car.",
        "The target is in the right lane.",
        "The target is on the top shelf.",
        "The target is standing on the right leg.",
        "At first the target is on the right.",
        "In the first frame the target is on the right.",
        "In the 3rd frame the target is on the right.",
        "In frame 36 the target is on the right.",
        "The target is on the right at the end.",
        "The target is on the right when it enters.",
        "After 3 s the target is on the right.",
        "The dog is on the right. The target follows it.",
        "The target is right there.",
        "The answer is what is left.",
        "The target is not blue.",
        "The target is behind blue chairs.",
        "The target is the blue car\u2019s driver.",
        "The target is the blue car's driver.",
        "The target is a blue-eyed man.",
        "The target is blue or red.",
        "The target is red, not blue.",
        "The target would be blue.",
        "At the start the target is blue.",
        "Frame 3 of 8 is the best frame.",
        "Frame 12 of the video is the best frame.",
    ],
)
def test_what_can_be_meant_otherwise_raises_no_alarm(thought: str) -> None:
    assert not found(thought)


def test_light_decides_what_is_white_or_black() -> None:
    night = np.full((60, 100, 3), (40, 42, 45), np.uint8)
    assert not found("The target is white.", night)
    assert not found("The target is grey.", np.full((60, 100, 3), 250, np.uint8))


def test_frames_are_judged_by_number_not_by_place() -> None:
    thought = "Frame 12 is good, frame 24 is small, frame 7 was hidden, frame 3 of 8 is dark. It is not frame 8."
    answer = Answer(thought, 12, (LEFT_TOP,))
    told = [(thought[claim.start : claim.end], claim.verdict) for claim in read_claims(answer, SHOWN, SIZE)]
    assert told == [
        ("Frame 12", "true"),
        ("frame 24", "unknown"),
        ("frame 7", "false"),
        ("frame 3", "unknown"),
        ("frame 8", "unknown"),
    ]


@pytest.mark.parametrize(
    "part", ["the target is on the right ", "frame 1 ", "the target is red ", "the target a ", ". "]
)
def test_a_reasoning_without_end_is_read_in_time(part: str) -> None:
    started = time.process_time()
    claims = read_claims(Answer(part * 20_000, 12, (LEFT_TOP,)), SHOWN, SIZE, RED)
    assert time.process_time() - started < 20
    assert len(claims) <= MOST_CLAIMS
