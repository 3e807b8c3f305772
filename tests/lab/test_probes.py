"""Probes: what is changed in a question, and what is held against whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.lab.conftest import Made
from tests.lab.planted import BLUE, RED
from veason.errors import OptionError
from veason.lab.probes import (
    PROBES,
    Probed,
    is_as_expected,
    judge,
    make_question,
    replace_words,
    run_probes,
    summarise,
    wilson,
)
from veason.profile import GENERIC
from veason.types import Answer, Answered, Box, Frame, PolicyEvent, Unanswered


class Looker:
    """A policy that really looks: it boxes what is red or blue, as it is asked, on the middle frame that it sees."""

    name, frame_count = "looker", 4

    def stream(self, frames: Sequence[Frame], instruction: str, **_: Any) -> Iterator[PolicyEvent]:
        if "unreadable" in instruction:
            yield Unanswered("no answer", "")
            return
        if "not" in instruction.split():
            yield Answered(Answer("", None, ()))
            return
        wanted = {"red": RED, "blue": BLUE}
        channel = next((0 if number == RED else 2 for word, number in wanted.items() if word in instruction), None)
        frame = frames[len(frames) // 2]
        picture = frame.image.astype(int)
        others = [one for one in range(3) if one != channel]
        mask = np.zeros(picture.shape[:2], bool)
        if channel is not None:
            mask = picture[..., channel] > picture[..., others].max(-1) + 60
        if not mask.any():
            yield Answered(Answer("", None, ()))
            return
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        yield Answered(Answer("", frame.index, (box,)))


class Parrot(Looker):
    """A policy that never looks: always the place where red is on frame 2."""

    def stream(self, frames: Sequence[Frame], instruction: str, **_: Any) -> Iterator[PolicyEvent]:
        yield Answered(Answer("", 2, (Box(4, 8, 12, 16),)))


class Reasoner:
    """A policy that boxes what its reasoning names, as far as it was written, or what it boxed anyway."""

    name, frame_count, profile, is_recorded, can_sample = "reasoner", 4, GENERIC, False, False

    def __init__(self, follows: bool) -> None:
        self.follows = follows

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        return ()

    def stream(self, frames: Sequence[Frame], instruction: str, **_: Any) -> Iterator[PolicyEvent]:
        colour = "red" if "red" in instruction else "blue"
        thought = f"I look at every frame in turn and then decide that the target must be {colour}"
        yield self.answer(thought, f"<think>{thought}</think><answer>", colour)

    def go_on(self, frames: Sequence[Frame], instruction: str, begun: str, **_: Any) -> Iterator[PolicyEvent]:
        thought = begun.removeprefix("<think>").removesuffix("</think><answer>")
        assert begun == f"<think>{thought}</think><answer>"
        told = thought if self.follows else instruction
        yield self.answer(thought, begun, "red" if "red" in told else "blue")

    def answer(self, thought: str, text: str, colour: str) -> PolicyEvent:
        x = {"red": 4.0, "blue": 26.0}[colour]
        return Answered(Answer(thought, 2, (Box(x, 8, x + 8, 16),), text=text + "...</answer>"))


OF_REASONING = {"truncate_reasoning", "replace_reasoning"}


def outcomes(made: Made, policy: Any) -> dict[str, bool | None]:
    (rows,) = run_probes(policy, [made.dataset[0]])
    return {row.probe: row.holds for row in rows}


def test_who_looks_passes_and_who_does_not_is_found_out(made: Made) -> None:
    assert all(outcomes(made, Looker()).values())
    assert set(outcomes(made, Looker())) == set(PROBES) - OF_REASONING  # it cannot be made to go on from a text
    parrot = outcomes(made, Parrot())
    for name in ("mirror", "relabel", "blank_target", "absent_target", "swap_attribute", "negate"):
        assert parrot[name] is False, name


@pytest.mark.parametrize("follows", [True, False])
def test_an_answer_that_does_not_follow_from_its_reasoning_is_found_out(made: Made, follows: bool) -> None:
    policy: Any = Reasoner(follows)
    of_blue, of_red = run_probes(policy, [made.dataset[1], made.dataset[0]], sorted(OF_REASONING))
    assert [row.probe for row in of_blue] == ["truncate_reasoning"]  # there is no other question's reasoning yet
    assert {row.probe: row.holds for row in of_red} == dict.fromkeys(OF_REASONING, follows)


def test_a_mirrored_question_is_mirrored_whole(made: Made) -> None:
    question = make_question(made.dataset[0], 4)
    rng = np.random.default_rng(0)
    mirrored = PROBES["mirror"].change(question, rng)
    assert mirrored is not None
    assert mirrored.boxes[2] == (Box(28, 8, 36, 16),)
    assert np.array_equal(mirrored.frames[2].image[:, ::-1], question.frames[2].image)
    assert judge(Answer("", 2, (Box(28, 8, 36, 16),)), mirrored) == "target"
    assert judge(Answer("", 2, (Box(4, 8, 12, 16),)), mirrored) == "other"
    assert judge(Answer("", None, ()), mirrored) == "absent"
    assert judge(None, mirrored) == "unreadable"


def test_painting_over_leaves_nothing_of_the_target_and_all_of_the_rest(made: Made) -> None:
    question = make_question(made.dataset[0], 4)
    rng = np.random.default_rng(0)
    without, alone = (PROBES[name].change(question, rng) for name in ("blank_target", "blank_rest"))
    assert without is not None
    assert alone is not None
    before, target = question.frames[1].image, question.target[1]
    assert (without.frames[1].image[target][:, 0] < 200).all()
    assert np.array_equal(alone.frames[1].image[target], before[target])
    far = np.zeros_like(target)
    far[:, 20:] = True
    assert np.array_equal(without.frames[1].image[far], before[far])
    assert (alone.frames[1].image[far][:, 2] < 200).all()
    absent = make_question(made.dataset[3], 4)
    assert PROBES["blank_target"].change(absent, rng) is None


def test_words_are_swapped_whole_and_at_once() -> None:
    sides = {"left": "right", "right": "left"}
    assert replace_words("Left of the right one, leftover", sides) == "right of the left one, leftover"
    assert replace_words("left left", sides, most=1) == "right left"


def test_what_is_held_against_an_answer() -> None:
    assert is_as_expected("same", "target", "target") is True
    assert is_as_expected("same", "absent", "target") is False
    assert is_as_expected("same", "other", "target") is None
    assert is_as_expected("absent", "target", "absent") is True
    assert is_as_expected("absent", "absent", "absent") is None
    assert is_as_expected("changed", "target", "unreadable") is False
    assert is_as_expected("changed", "target", "other") is True
    assert is_as_expected("same", "unreadable", "target") is None


def test_the_table_counts_only_what_can_be_judged() -> None:
    rows = [
        Probed("a", "mirror", "target", "target", True),
        Probed("b", "mirror", "target", "other", False),
        Probed("c", "mirror", "unreadable", "other", None),
    ]
    mirror, everything = summarise(rows)
    assert (mirror.probe, mirror.cases, mirror.held) == ("mirror", 2, 1)
    assert everything.probe == "all"
    assert wilson(8, 10) == pytest.approx((49.02, 94.33), abs=0.01)
    assert wilson(0, 0) == (None, None)


def test_an_unknown_probe_is_told(made: Made) -> None:
    with pytest.raises(OptionError, match="no probe 'dream'"):
        list(run_probes(Looker(), [made.dataset[0]], ["dream"]))  # type: ignore[arg-type]
