"""Detection of box-like text, so that a text with a box is never read as "the target is absent"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection

from veason.answer.characters import to_ascii
from veason.answer.coordinates import COORDINATES, normalize_name
from veason.answer.tags import Tag, TagSplitter

_DIGITS = r"[-+]?(?:[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})(?:[eE][-+]?[0-9]{1,3})?"
_NUMBER = rf"[\"'“”‘’]?\s{{0,8}}{_DIGITS}\s{{0,2}}(?:px|%|s\b)?\s{{0,8}}[\"'“”‘’]?"
_BETWEEN = r"\s{0,8}[,;|]?\s{0,8}"
_FOUR = rf"{_NUMBER}(?:{_BETWEEN}{_NUMBER}){{3,7}}"
_IN_BRACKETS = re.compile(rf"[\[({{<]\s{{0,8}}{_FOUR}")
_PAIR = rf"[\[(]\s{{0,8}}{_NUMBER}\s{{0,8}},\s{{0,8}}{_NUMBER}\s{{0,8}}[\])]"
_PAIRS = re.compile(rf"{_PAIR}\s{{0,8}}[,;]?\s{{0,8}}{_PAIR}")
_BARE = re.compile(
    rf"(?<![\w.]){_NUMBER}(?:\s{{0,8}}[,;|]\s{{0,8}}{_NUMBER}){{3,7}}|(?<![\w.]){_DIGITS}(?:\s{{1,4}}{_DIGITS}){{3}}"
)
_TOKENS = re.compile(r"<\|(?:box|bbox|det|ref_box)\w{0,12}\|>|</?(?:b?box|bounding_box)>", re.IGNORECASE)
_NAMED = re.compile(
    rf"(?<![\w])({'|'.join(sorted(COORDINATES, key=len, reverse=True))}|[xy][-_ ](?:min|max))"
    rf"[\"'“”‘’]?\s{{0,4}}[:=|]\s{{0,4}}[\"'“”‘’]?{_DIGITS}",
    re.IGNORECASE,
)
_SOME_DIGITS = re.compile(_DIGITS)
_MIN_NAMED = 3


def find_box(text: str, labels: Collection[int] = ()) -> str | None:
    """Return the first part of a text that looks like a box, or None.

    Box-like are four to eight numbers in brackets, two adjacent points, three named coordinates, the box tokens of any
    model, and outside a think block also four numbers in a row. Ascending lists of `labels` (the numbers of the frames
    shown) and lists of zeros are not.

    >>> find_box("It left before frame 40, at [10, 20, 30, 40].")
    '[10, 20, 30, 40'
    >>> find_box("Seen in frames (0, 42, 85, 128).", labels=(0, 42, 85, 128)) is None
    True
    """
    zone = "outside"
    for part in [*TagSplitter().feed(to_ascii(text).replace("\\", "") + "\n")]:
        if isinstance(part, Tag):
            zone = "outside" if part.is_closing else part.name
            continue
        patterns = (_IN_BRACKETS, _PAIRS) if zone == "think" else (_IN_BRACKETS, _PAIRS, _BARE)
        if (token := _TOKENS.search(part)) is not None:
            return token[0]
        for pattern in patterns:
            for match in pattern.finditer(part):
                if not _is_harmless(match[0], labels):
                    return match[0].strip()[:80]
        names = {COORDINATES.get(normalize_name(match[1]), match[1]): match[0] for match in _NAMED.finditer(part)}
        if len(names) >= _MIN_NAMED:
            return ", ".join(names.values())[:80]
    return None


def _is_harmless(written: str, labels: Collection[int]) -> bool:
    numbers = [float(match[0]) for match in _SOME_DIGITS.finditer(written)]
    is_growing = all(before < after for before, after in itertools.pairwise(numbers))
    return not any(numbers) or (is_growing and all(number in labels for number in numbers))
