"""Numbers and boxes in a string or a sentence: "10 20 30 40", "(10, 20) to (30, 40)", "x1=10, ...", named corners."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from veason.answer.coordinates import COORDINATES, POINTS, box_of, normalize_name

_SCIENTIFIC = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?"
_PLAIN_NUMBER = re.compile(rf"\s*({_SCIENTIFIC})\s*(?:s|px)?\s*")
SOME_NUMBER = re.compile(_SCIENTIFIC)
"""Any number."""

MAX_NUMBER_LENGTH = 400
"""More of a number is not read."""

_DIGITS = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_NUMBER = rf"\s{{0,4}}({_DIGITS})\s{{0,4}}"
_POINT = rf"[\[(]{_NUMBER},{_NUMBER}[\])]"
_BOX = re.compile(
    rf"[\[(]{_NUMBER},{_NUMBER}(?:,|[\])]\s{{0,4}}(?:,|to|bis|a|à|до|到|至|-|–)?\s{{0,4}}[\[(]){_NUMBER},{_NUMBER}[\])]"
)
_NAMED = re.compile(
    rf"(?<!\w)({'|'.join(sorted(COORDINATES, key=len, reverse=True))})"
    rf"\s{{0,2}}(?:[:=]\s{{0,2}}|\s)({_DIGITS})(?![\w%])",
    re.IGNORECASE,
)
_NO_SENTENCE = ("min", "max", "start", "end", "from", "to", "tl", "br", "tr", "bl", "center", "centre")
_CORNERS = {name.replace("_", ""): which for name, which in POINTS.items() if name not in _NO_SENTENCE}
_CORNER_NAMES = sorted(
    (name.replace("_", "[-_ ]?") for name in POINTS if name not in _NO_SENTENCE), key=len, reverse=True
)
_CORNER = re.compile(
    rf"(?<![a-z])({'|'.join(_CORNER_NAMES)})(?![a-z])[^0-9(\[]{{0,30}}{_POINT}",
    re.IGNORECASE,
)
_BARE = re.compile(rf"(?:[\s\[\](),;|]|{_SCIENTIFIC}(?:\s?px\b)?(?![\w.%/]))*")
_MAX_STRING = 100_000


@dataclass(frozen=True, slots=True)
class WrittenBox:
    """The numbers of what may be a box.

    Attributes:
        numbers: x1, y1, x2, y2, in the order in which they stand where they are not named.
        is_fraction: whether one of them has a decimal point.
        is_named: whether a name says what each of them is.
    """

    numbers: tuple[float, ...]
    is_fraction: bool = False
    is_named: bool = False


def read_number(text: str) -> float:
    """Return the number that `text` is ("128", "12.5", "128s"), NaN where it is none.

    A number too long to mean anything is read from its first digits, so it comes out huge: `int` refuses those.
    """
    match = _PLAIN_NUMBER.fullmatch(text[:MAX_NUMBER_LENGTH])
    return float(match[1]) if match else math.nan


def boxes_in_string(text: str) -> list[WrittenBox]:
    """Return the boxes that a string is: plain numbers by four, or else those that its words name or enclose.

    Numbers among words that do neither ("10, 20, w 20, h 30") are none, nor are percentages and location tokens.

    >>> [box.numbers for box in boxes_in_string("10 20 30 40")]
    [(10.0, 20.0, 30.0, 40.0)]
    >>> boxes_in_string("<loc0020><loc0010><loc0040><loc0030>"), boxes_in_string("10% 20% 30% 40%")
    ([], [])
    """
    if _BARE.fullmatch(text[:_MAX_STRING]):
        numbers = [read_number(match[0]) for match in SOME_NUMBER.finditer(text)]
        groups = [tuple(numbers[start : start + 4]) for start in range(0, len(numbers), 4)]
        return [WrittenBox(group, "." in text) for group in groups] if len(numbers) % 4 == 0 else []
    named = _named_boxes(text)
    return named or ([] if _NAMED.search(text) else boxes_in_words(text))


def boxes_in_words(text: str) -> list[WrittenBox]:
    """Return each different box of sentences: four numbers or two points in brackets, named numbers, named corners."""
    enclosed = [
        WrittenBox(tuple(map(read_number, match.groups())), "." in "".join(match.groups()))
        for match in _BOX.finditer(text)
    ]
    return list(dict.fromkeys([*enclosed, *_named_boxes(text), *_cornered_boxes(text)]))


def _named_boxes(text: str) -> list[WrittenBox]:
    boxes = []
    named: dict[str, str] = {}
    for match in _NAMED.finditer(text):
        which = COORDINATES[normalize_name(match[1])]
        if which in named:
            named.clear()
        named[which] = match[2]
        if (box := box_of({name: read_number(one) for name, one in named.items()})) is not None:
            boxes.append(WrittenBox(box, "." in "".join(named.values()), is_named=True))
            named.clear()
    return boxes


def _cornered_boxes(text: str) -> list[WrittenBox]:
    boxes = []
    named: dict[str, str] = {}
    for match in _CORNER.finditer(text):
        which = _CORNERS[normalize_name(match[1]).replace("_", "")]
        if which[0] in named and which[1] in named:
            named.clear()
        named |= dict(zip(which, (match[2], match[3]), strict=True))
        if (box := box_of({name: read_number(one) for name, one in named.items()})) is not None:
            boxes.append(WrittenBox(box, "." in "".join(named.values())))
            named.clear()
    return boxes
