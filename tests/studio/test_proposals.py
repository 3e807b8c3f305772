"""Several answers to one question: what they agree on, and how another one is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.studio.visitor import Visitor, of_kind
from veason.profile import GENERIC, Profile
from veason.studio.server.proposals import box_agreement, describe_agreement, samplings
from veason.types import (
    Answer,
    Answered,
    Box,
    Frame,
    FrameMention,
    PolicyEvent,
    Sampling,
    Speed,
    ThoughtDelta,
    Turn,
    Unanswered,
)

HERE, THERE = Box(0, 0, 10, 10), Box(5, 0, 15, 10)


def answer(keyframe: int | None, *boxes: Box, thought: str = "") -> Answer:
    return Answer(thought, keyframe, boxes)


class Wavering:
    """A policy whose drawn answers differ: frame 4, then frame 8, then none that can be read, then absent."""

    name = "wavering"
    frame_count = 4
    is_recorded, can_sample = False, True
    profile: Profile = GENERIC

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        return ()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        drawn = [answer(8, THERE, thought="Frame 8."), None, answer(None)]
        wanted = [answer(4, HERE, thought="Frame 4.")] if sampling.temperature == 0 else drawn
        for sample in range(sampling.num_samples):
            one = wanted[sample % len(wanted)]
            if one is None:
                yield Unanswered("it broke off", "Hm", sample)
                continue
            yield ThoughtDelta(one.thought, sample)
            if one.keyframe is not None:
                yield FrameMention(one.keyframe, 6, 7, sample)
            yield Answered(one, Speed(0.1, 9, 0.5), sample)


def test_the_first_answer_streams_and_all_are_told_with_their_agreement() -> None:
    visitor = Visitor(Wavering())
    told = visitor.think("the dog", samples=4)
    assert [item["text"] for item in of_kind(told, "thought")] == ["Frame 4."]
    proposals = of_kind(told, "proposals")[-1]
    assert [(one["frame"], one["absent"], one["current"]) for one in proposals["answers"]] == [
        (4, False, True),
        (8, False, False),
        (None, True, False),
    ]
    assert proposals["agreement"] == "3 of 4 answered · 1 says absent · 1 on frame 4"
    assert visitor.state.keyframe == 4


def test_another_answer_is_taken_with_its_reasoning_and_given_back_by_undo() -> None:
    visitor = Visitor(Wavering())
    visitor.think("the dog", samples=4)
    told = visitor.edit(edit="take", answer=1)
    assert visitor.state.keyframe == 8
    assert [prompt.box for prompt in visitor.state.prompts.values()] == [THERE]
    recalled = of_kind(told, "recalled")[0]
    assert (recalled["text"], [one["frame"] for one in recalled["mentions"]]) == ("Frame 8.", [8])
    told = visitor.edit(edit="undo")
    assert of_kind(told, "recalled")[0]["text"] == "Frame 4."
    assert [one["current"] for one in of_kind(told, "proposals")[0]["answers"]] == [True, False, False]


def test_an_answer_that_is_not_there_cannot_be_taken() -> None:
    visitor = Visitor(Wavering())
    visitor.think("the dog", samples=4)
    assert "there is no answer 9" in of_kind(visitor.edit(edit="take", answer=8), "notice")[0]["text"]
    assert "samples should be one of 1, 4, 8" in of_kind(visitor.think("the dog", samples=7), "notice")[0]["text"]


def test_a_new_question_forgets_the_answers_to_the_last_one() -> None:
    visitor = Visitor(Wavering())
    visitor.think("the dog", samples=4)
    told = visitor.think("the cat")
    assert [one["frame"] for one in of_kind(told, "proposals")[-1]["answers"]] == [4]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([answer(4, HERE), answer(4, HERE)], "2 answers · all on frame 4 · boxes overlap 100%", id="same"),
        pytest.param(
            [answer(4, HERE), answer(4, THERE), answer(6, HERE)],
            "3 answers · 2 on frame 4 · boxes overlap 33%",
            id="another frame",
        ),
    ],
)
def test_agreement_is_told_in_one_line(answers: list[Answer], expected: str) -> None:
    assert describe_agreement(answers, len(answers)) == expected


def test_a_box_too_many_lowers_the_agreement() -> None:
    assert box_agreement(answer(4, HERE), answer(4, HERE, THERE)) == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert box_agreement(answer(4, HERE), answer(6, HERE)) is None


def test_recorded_answers_are_asked_for_in_one_go_and_live_ones_begin_with_the_best() -> None:
    assert [one.num_samples for one in samplings(4, is_recorded=True)] == [4]
    best, drawn = samplings(4, is_recorded=False)
    assert (best.temperature, best.num_samples, drawn.num_samples) == (0.0, 1, 3)
    assert drawn.temperature > 0
