"""Detection of box-like text, so that a text with a box is never read as "the target is absent"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator

from veason.answer.characters import without_markup
from veason.answer.coordinates import COORDINATES, normalize_name
from veason.answer.tags import Tag, TagSplitter

_DIGITS = r"[-+]?(?:[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})(?:[eE][-+]?[0-9]{1,3})?"
_NUMBER = re.compile(rf"(?<![\w.]){_DIGITS}")
_TIGHT = re.compile(r"[\s\"'“”‘’,;|/&()\[\]<>–-]*(?:(?:px|pixels?|%|s)\b[\s\"'“”‘’,;|/&()\[\]<>–-]*)?")
_MAX_TIGHT, _MAX_LOOSE = 60, 30
_BRACKETS = "[({<"
_CLOCK = re.compile(r"(?<![\d:.])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])")
_TOKENS = re.compile(
    r"<\|(?:box|bbox|det|ref_box)\w{0,12}\|>|</?(?:b?box|bounding_box)>"
    r"|<(?!h[1-6]>)[a-z][a-z_]{0,20}\d{1,5}>\s{0,2}<(?!h[1-6]>)[a-z][a-z_]{0,20}\d{1,5}>",
    re.IGNORECASE,
)
"""Marks of boxes, and tokens that stand for a place each: <loc0020> (PaliGemma), <patch_index_0044> (Kosmos-2)."""

_NAMED = re.compile(
    rf"(?<!\w)({'|'.join(sorted(COORDINATES, key=len, reverse=True))}|[xy][-_ ](?:min|max))"
    rf"[\"'“”‘’]?\s{{0,4}}(?:[:=|>]|is\b|at\b|of\b)?\s{{0,4}}[\"'“”‘’]?{_DIGITS}",
    re.IGNORECASE,
)
_SPAN = rf"[^0-9\n]{{0,24}}{_DIGITS}[^0-9\n]{{1,12}}{_DIGITS}"
_RANGES = re.compile(rf"(?<!\w)x\b{_SPAN}[^0-9]{{1,40}}(?<!\w)y\b{_SPAN}", re.IGNORECASE)
_CHINESE = r"[一二三四五六七八九十百千零〇两壹贰貳叁參肆伍陆陸柒捌玖拾佰仟]{1,8}"
_ENGLISH = (
    r"(?:(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)"
    r"teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|and)[\s-]{0,2}){1,6}"
)
_IN_WORDS = re.compile(
    "|".join(rf"[\[(]\s{{0,4}}{word}\s{{0,4}}(?:,\s{{0,4}}{word}\s{{0,4}}){{3}}" for word in (_CHINESE, _ENGLISH)),
    re.IGNORECASE,
)
_POINT = re.compile(
    rf"[{{(\[]\s{{0,4}}[\"']?x[\"']?\s{{0,2}}[:=]\s{{0,2}}{_DIGITS}\s{{0,4}},\s{{0,4}}[\"']?y[\"']?\s{{0,2}}[:=]\s{{0,2}}{_DIGITS}"
)
_SLICES = re.compile(r"\w\[\s{0,2}\d{1,5}\s{0,2}:\s{0,2}\d{1,5}\s{0,2},\s{0,2}\d{1,5}\s{0,2}:\s{0,2}\d{1,5}")
"""A part of an array, as code takes it: img[20:40, 10:30]."""

_PATH = re.compile(rf"(?<!\w)M\s{{0,2}}{_DIGITS}[\s,]{{1,3}}{_DIGITS}\s{{0,2}}[LHV]\s{{0,2}}{_DIGITS}")
"""How an outline begins in SVG."""

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_HEX = re.compile(r"(?<!\w)0x([0-9a-f]{1,4})(?!\w)", re.IGNORECASE)
_MIN_NAMED, _MIN_NUMBERS, _MIN_OF_POINT = 3, 4, 10


def find_box(text: str, labels: Collection[int] = ()) -> str | None:
    """Return the first part of a text that looks like a box, or None.

    In brackets four numbers, or two of which each could be a place in a picture; three named coordinates, or x and y in
    brackets; stretches of x and of y; four numbers in words; parts of arrays; outlines of SVG; box tokens of any model;
    outside of a think block also four numbers near each other, in whatever marks. A growing list of `labels`, the
    numbers of the frames shown, times of a clock, and numbers that are all 0 are none.

    >>> find_box("It left before frame 40, at [10, 20, 30, 40].")
    '[10, 20, 30, 40'
    >>> find_box("Seen in frames (0, 42, 85, 128).", labels=(0, 42, 85, 128)) is None
    True
    """
    for part, is_thought in _parts(text):
        for pattern in (_TOKENS, _RANGES, _IN_WORDS, _POINT, _SLICES, _PATH):
            if (found := pattern.search(part)) is not None:
                return found[0][:80]
        names: dict[str, str] = {}
        for match in _NAMED.finditer(part):
            names.setdefault(COORDINATES.get(normalize_name(match[1]), match[1]), match[0])
        if len(names) >= _MIN_NAMED:
            return ", ".join(names.values())[:80]
        if (like := _find_numbers(part, labels, is_thought=is_thought)) is not None:
            return like
    return None


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the text between the tags without its markup, and whether it stands in a think block."""
    is_thought = False
    for part in TagSplitter().feed(text + "\n"):
        if isinstance(part, Tag):
            is_thought = not part.is_closing and part.name == "think"
        else:
            plain = without_markup(_ESCAPE.sub(lambda match: _character(int(match[1], 16)), part))
            yield _HEX.sub(lambda match: str(int(match[1], 16)), plain), is_thought


def _character(code: int) -> str:
    """Return the character of a code; a half of a pair, which no text can hold alone, stays out."""
    return "" if 0xD800 <= code < 0xE000 else chr(code)


def _find_numbers(part: str, labels: Collection[int], *, is_thought: bool) -> str | None:
    part = _CLOCK.sub(lambda match: " " * len(match[0]), part)
    found = list(_NUMBER.finditer(part))
    left: list[re.Match[str]] = []
    for run in _runs(found, part, is_loose=False):
        numbers = [float(match[0]) for match in run]
        if len(run) > 1 and _is_harmless(numbers, labels):
            continue
        left += run
        may_be_point = len(run) > 1 and all(abs(number) >= _MIN_OF_POINT or number % 1 for number in numbers)
        if (len(run) >= _MIN_NUMBERS or may_be_point) and (opening := _opening(run[0], part)):
            return (opening + part[run[0].start() : run[-1].end()])[:80]
        for at in range(1, len(run) - _MIN_NUMBERS + 1):  # "frame 128.[10, 20, 30, 40]"
            opening = "" if _is_harmless(numbers[at:], labels) else _opening(run[at], part)
            if opening:
                return (opening + part[run[at].start() : run[-1].end()])[:80]
    for run in () if is_thought else _runs(left, part, is_loose=True):
        numbers = _without_frames([float(match[0]) for match in run], labels)
        if len(numbers) >= _MIN_NUMBERS and any(numbers):
            return part[run[0].start() : run[-1].end()][:80]
    return None


def _opening(number: re.Match[str], part: str) -> str:
    """Return the bracket that opens before a number, "" where there is none."""
    before = part[max(number.start() - 8, 0) : number.start()].rstrip(" \t\n\"'“”‘’")[-1:]
    return before if before and before in _BRACKETS else ""


def _runs(found: list[re.Match[str]], part: str, *, is_loose: bool) -> Iterator[list[re.Match[str]]]:
    """Yield the stretches of numbers that stand near each other; loose ones may have words between them."""
    run: list[re.Match[str]] = []
    for match in found:
        gap = part[run[-1].end() : match.start()] if run else ""
        is_near = len(gap) <= _MAX_LOOSE if is_loose else len(gap) <= _MAX_TIGHT and _TIGHT.fullmatch(gap)
        if run and not is_near:
            yield run
            run = []
        run.append(match)
    if run:
        yield run


def _without_frames(numbers: list[float], labels: Collection[int]) -> list[float]:
    """Return the numbers without those that are growing lists of frames shown."""
    kept: list[float] = []
    list_of_frames: list[float] = []
    for number in [*numbers, float("nan")]:
        if number in labels and (not list_of_frames or number > list_of_frames[-1]):
            list_of_frames.append(number)
            continue
        kept += list_of_frames if len(list_of_frames) == 1 else []
        list_of_frames = [number] if number in labels else []
        kept += [] if number in labels or number != number else [number]
    return kept


def _is_harmless(numbers: list[float], labels: Collection[int]) -> bool:
    is_growing = all(before < after for before, after in itertools.pairwise(numbers))
    return not any(numbers) or (is_growing and all(number in labels for number in numbers))
