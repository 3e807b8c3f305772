"""Files of labels that something was done to: refused in words or taken, with nothing lost, made up, or opened outside.

`make fuzzers` tries thousands.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.formats.mutated import Files, mutated, seeds
from tests.formats.mutated_law import check_mutated
from veason.formats.catalogue import IMPORTABLE


@pytest.mark.parametrize("format", IMPORTABLE)
def test_whatever_is_done_to_labels_they_are_refused_in_words_or_taken(format: str) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(files=mutated(format), is_kept=st.integers(0, 9).map(lambda number: number == 0))
    def holds(files: Files, *, is_kept: bool) -> None:
        check_mutated(format, files, is_kept=is_kept)

    holds()


@pytest.mark.parametrize("format", IMPORTABLE)
def test_what_is_mutated_is_mostly_taken_as_it_was(format: str) -> None:
    """Else the fuzzer would try refusals alone."""
    outcomes = [check_mutated(format, files, is_kept=True) for files in seeds(format)]
    assert outcomes.count("taken") > len(outcomes) / 2
