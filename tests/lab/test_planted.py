"""Planted hallucinations: each flag finds its kind, all of it and little else."""

from __future__ import annotations

import pytest

from tests.lab.conftest import Made
from tests.lab.planted import LIES, LIES_EACH
from veason.lab.flags import CaseFacts, raised
from veason.lab.query import compile_query


def found(made: Made, run: str, query: str) -> set[str]:
    return set(made.lab.run(run).table.filter(compile_query(query)).get_column("key").to_list())


@pytest.mark.parametrize("flag", LIES)
def test_a_flag_finds_every_lie_of_its_kind_and_nothing_else(made: Made, flag: str) -> None:
    planted = {key for key, kind in made.told.items() if kind == flag}
    assert len(planted) == LIES_EACH
    assert found(made, "liar", flag) == planted


@pytest.mark.parametrize("flag", [*LIES, "unreadable", "wrong_frame", "absence_differs", "keyframe_not_shown"])
def test_an_honest_policy_raises_no_flag(made: Made, flag: str) -> None:
    assert not found(made, "honest", flag)


def test_right_masks_from_a_false_reason_are_found(made: Made) -> None:
    lies = {"frame_differs", "count_differs", "side_differs", "colour_differs"}
    assert found(made, "liar", "right_for_wrong_reason") == {key for key, kind in made.told.items() if kind in lies}


def test_of_an_answer_that_cannot_be_read_nothing_is_said_to_be_right() -> None:
    told = raised(CaseFacts(is_read=False, is_absent=True, says_absent=None, is_empty=True, jf=100.0))
    assert told.pop("unreadable") is True
    assert set(told.values()) == {None}
