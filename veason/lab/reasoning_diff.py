"""How two reasonings differ, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

MOST_WORDS = 4000
"""Words of either text that are compared; longer ones are shown as wholly other."""

_WORDS = re.compile(r"\w+|[^\w\s]|\s+")

Side = Literal["both", "first", "second"]


@dataclass(frozen=True, slots=True)
class DiffPart:
    """A stretch of text, and which of the two texts has it."""

    side: Side
    text: str


def diff_reasoning(first: str, second: str) -> list[DiffPart]:
    """Return both texts as one: what they share, and what either has alone.

    The parts that are not of the second make the first, and the other way round.

    >>> [(part.side, part.text) for part in diff_reasoning("the red ball", "the blue ball")]
    [('both', 'the '), ('first', 'red'), ('second', 'blue'), ('both', ' ball')]
    """
    mine, theirs = _WORDS.findall(first), _WORDS.findall(second)
    if max(len(mine), len(theirs)) > MOST_WORDS:
        return [DiffPart("first", first), DiffPart("second", second)]
    parts: list[DiffPart] = []
    for kind, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(DiffPart("both", "".join(mine[a:b])))
            continue
        parts += [DiffPart("first", "".join(mine[a:b]))] if b > a else []
        parts += [DiffPart("second", "".join(theirs[c:d]))] if d > c else []
    return parts
