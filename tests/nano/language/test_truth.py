"""What a thought says is measured against the clip: an example is true throughout, what is changed in it is found."""

from __future__ import annotations

import re

import numpy as np
import pytest

from veason_nano.language.corpus import draw_examples
from veason_nano.language.truth import Statement, check_thought
from veason_nano.world.facts import Facts
from veason_nano.world.stories import make_scene
from veason_nano.world.view import View, look_at


def false_ones(thought: str, view: View) -> list[Statement]:
    return [statement for statement in check_thought(thought, view) if not statement.is_true]


@pytest.fixture(scope="module")
def examples() -> list[tuple[View, str]]:
    found = []
    for seed in range(700, 730):
        view = look_at(Facts(make_scene(seed)), (112, 112))
        found += [(view, one.thought) for one in draw_examples(view, np.random.default_rng(seed), 12)]
    return found


def test_every_statement_of_a_lesson_is_true(examples: list[tuple[View, str]]) -> None:
    wrong = [(thought, bad) for view, thought in examples if (bad := false_ones(thought, view))]
    assert not wrong, wrong[0]


def test_all_parts_of_a_thought_are_checked(examples: list[tuple[View, str]]) -> None:
    for view, thought in examples[::7]:
        parts = {statement.part for statement in check_thought(thought, view)}
        assert parts == {"records", "ranks", "judged", "happens", "why", "where"}


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("records", " still ", " moves up "),
        ("records", " frame 0 ", " frame 0 99/99 frame 0 "),
        ("judged", " yes:", " no:"),
        ("why", "largest in", "hidden in"),
        ("where", " at the left", " at the lower right"),
        ("where", " at the top", " at the bottom"),
        ("happens", "does not move", "gets bigger"),
    ],
)
def test_what_is_changed_is_found(examples: list[tuple[View, str]], part: str, old: str, new: str) -> None:
    changed = [(view, thought.replace(old, new, 1)) for view, thought in examples if old in thought]
    assert len(changed) > 3
    for view, thought in changed:
        assert part in {statement.part for statement in false_ones(thought, view)}, thought


def test_what_cannot_be_read_is_false(examples: list[tuple[View, str]]) -> None:
    view, thought = examples[0]
    assert [one.is_true for one in check_thought("the the the", view)] == [False]
    doubled = thought.replace("What happens: one", "What happens: one red", 1)
    assert false_ones(doubled, view)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"size \d+", "size"),
        (r"size \d+", "size " + "9" * 5000),
        (r"frame \d+ \d+/\d+", "frame 0 " + "9" * 400 + "/1"),
        (r"frame \d+", "frame " + "9" * 5000),
        (r"\[\d+, ", "[, "),
        (r"\[\d+", "[" + "9" * 5000),
        (r"(?:left|right|above|below) of (\w+) (yes|no)", r"size of \1 \2"),
    ],
)
def test_numbers_and_words_that_are_none_are_false_and_break_nothing(
    examples: list[tuple[View, str]], old: str, new: str
) -> None:
    changed = [(view, re.sub(old, new, thought, count=1)) for view, thought in examples if re.search(old, thought)]
    assert changed
    for view, thought in changed:
        assert false_ones(thought, view), thought
