"""The query box: what a line means, and that nothing else is one."""

from __future__ import annotations

import polars as pl
import pytest

from veason.errors import OptionError
from veason.lab.query import MAX_CHARACTERS, columns_named, compile_query

TABLE = pl.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "jf": [10.0, 29.9, 80.0, None],
        "boxes": [1, 2, 0, None],
        "absent": [False, True, False, None],
        "instruction": ["the LEFT dog", "left of it", "a cat", "straße"],
        "type": ["referring", "absent", None, "reasoning"],
        "shown": [[0, 8], [4], [], None],
    }
)


def keys(query: str) -> str:
    return "".join(TABLE.filter(compile_query(query)).get_column("key").to_list())


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ('jf < 30 and absent == false and "left" in instruction', "a"),
        ("jf < 30", "ab"),
        ("not (jf < 30)", "c"),  # what is not known is not found by its negation either
        ("jf == null", "d"),
        ("jf != null", "abc"),
        ("absent", "b"),
        ("not absent", "ac"),
        ("absent or jf > 50", "bc"),
        ("10 <= jf < 30", "ab"),
        ("jf / 10 + boxes * 2 > 4", "bc"),
        ("jf > -1", "abc"),
        ('type in ("referring", "absent")', "ab"),
        ('type not in ("referring", "absent")', "d"),
        ("boxes in [0, 2]", "bc"),
        ("8 in shown", "a"),
        ("8 not in shown", "bc"),
        ('"STRASSE" in instruction', ""),
        ('instruction == "a cat"', "c"),
        ("absent != true", "ac"),
        ("not " * 400 + "absent", "b"),
    ],
)
def test_a_query_finds_what_it_says(query: str, wanted: str) -> None:
    assert keys(query) == wanted


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("jf < ", "cannot be read"),
        ("", "cannot be read"),
        ("jf = 3", "write =="),
        ("jf < 3 && boxes > 1", "write and"),
        ("jf < 3 || boxes > 1", "write or"),
        ("jff < 3", "did you mean jf"),
        ("left in instruction", "Texts stand in quotes"),
        ("jf", "is a number"),
        ('jf < "3"', "not comparable"),
        ("absent < true", "== and != alone"),
        ("instruction + 1 > 2", "not a number"),
        ("jf ** 2 > 4", "+ - * and /"),
        ("jf in ()", "at least one value"),
        ("3 in jf", "looks for"),
        ("null < jf", "by == and !="),
        ("__import__('os').system('true')", "cannot hold"),
        ("instruction.__class__", "cannot hold"),
        ("[x for x in shown] == 1", "cannot hold"),
        ("(lambda: 1)() == 1", "cannot hold"),
        ("f'{jf}' == '1'", "cannot hold"),
        ("jf < 1 " + "and jf < 1 " * 400, f"at most {MAX_CHARACTERS}"),
        ("(" * 900 + "jf" + ")" * 900 + " < 1", "cannot be read"),
        ("jf < 1\nimport os", "cannot be read"),
        ("jf < 0x" + "f" * 1900, "finite"),
        ("\x00", "cannot be read"),
    ],
)
def test_what_is_no_query_is_told(query: str, told: str) -> None:
    with pytest.raises(OptionError) as caught:
        keys(query)
    assert told in str(caught.value)


def test_the_columns_a_query_needs_are_known() -> None:
    assert columns_named('thought != null and "x" in text and true') == {"thought", "text"}
