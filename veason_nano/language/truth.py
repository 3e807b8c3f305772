"""Is what a thought says true of the clip? Every statement in it is read back and measured against the scene.

This is how hallucinations of nano are counted: what an example says is made from claims, and here the words become
claims again. A sentence that nobody would write counts as false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from veason.boxes import box_iou
from veason_nano.language.claims import (
    NEGATED_VERBS,
    WORDINGS,
    WORTHS,
    Claim,
    holds,
    place_word,
    prominence,
    shown_places,
    worth_of,
)
from veason_nano.language.corpus import ABSENT_WHERE, ABSENT_WHY
from veason_nano.language.query import Term, fits
from veason_nano.language.ranks import OUTERMOST, SIDES, compare_objects, find_ranks
from veason_nano.language.records import COUNT, find_tags
from veason_nano.world.view import View

_POINT_APART = 8.0
_WORTH_APART = 0.25
"""A point may lie this many pixels (of 112) from the object's middle, and a number this share from the true one."""

_CLOSE_PIXELS, _CLOSE_SHARE = 3.0, 0.1
"""Who is this near to the one who is ahead, in pixels or by this share, may be called ahead as well."""

_MOST_DIGITS = 9
"""Longer numbers are none, here and in the patterns below."""

_PARTS = {
    "a": r"the (?P<a>[a-z]+(?: [a-z]+)?)",
    "b": r"the (?P<b>[a-z]+(?: [a-z]+)?)",
    "f": r"frame (?P<f>\d{1,9})",
    "w": r"(?P<w>[a-z ]+)",
}
"""What stands in the gaps of a way to say a claim."""

_VERBS = {said: verb for verb, said in NEGATED_VERBS.items()}
"""The verb of what "nothing" does, by the words for it."""

_NUMBER = "|".join(COUNT)
_RECORD = re.compile(
    rf"(?P<number>{_NUMBER}) (?P<name>[a-z]+ [a-z]+)"
    r"(?P<path>(?: frame \d{1,9} (?:-|\d{1,9}/\d{1,9}))+)(?P<rest>.*)"
)
_TAG = re.compile(
    r"(?:size|way|pace) \d{1,9}|(?:enters|leaves) [a-z]+ frame \d{1,9}|(?:returns|hidden) frame \d{1,9}|moves [a-z]+"
    r"|suddenly fast|nearly pushes|breaks away|[a-z]+"
)
_THOUGHT = re.compile(
    r"What happens: (?P<records>.*?), then (?P<ranks>.*?) so find (?P<wanted>[^,:]*)(?:, (?P<judged>.*?))?: "
    r"(?:it is|they are|nothing)[^;]*; (?P<happens>.*?)\. Why this frame: (?P<why>.*?)\. Where: (?P<where>.*?)\.?$",
    re.S,
)
_WHERE = re.compile(r"the ([a-z]+ [a-z]+) in frame (\d{1,9}) \[([\d, ]+)\] at the ([a-z ]+?)(?= and the |, the |$)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a thought says, in its words, of which `part` of the thought it is, and whether it is true."""

    part: str
    text: str
    is_true: bool


def check_thought(thought: str, view: View) -> list[Statement]:
    """Return everything that a thought states about a view whose images are as large as the policy's pictures.

    A thought that cannot be taken apart is one false statement.
    """
    found = _THOUGHT.fullmatch(thought.strip())
    if found is None:
        return [Statement("thought", thought, False)]
    return list(_Checker(view).check(found))


class _Checker:
    def __init__(self, view: View) -> None:
        self._view = view
        self._actors = {view.facts.name(actor): actor for actor in range(len(view.facts.scene.actors))}
        self._told: dict[str, int] = {}
        """Actor by the number that the thought gives it, -1 for one that is not there."""

    def check(self, found: re.Match[str]) -> Iterator[Statement]:
        seen: set[str] = set()
        for record in re.split(rf", (?=(?:{_NUMBER}) )", found["records"]):
            yield from self._record(record, seen)
        for words, number in re.findall(rf"([a-z ]+?) ({_NUMBER})(?= |$)", found["ranks"]):
            is_true = self._is_ahead(words.strip(), self._told.get(number, -1))
            yield Statement("ranks", f"{words.strip()} {number}", is_true)
        for item in (found["judged"] or "").split(", "):
            yield from self._judged(item)
        last = -1
        for sentence in re.split(r"(?<!together), (?:only )?", found["happens"]):
            last, is_true = self._sentence(sentence, last)
            yield Statement("happens", sentence, is_true)
        yield from self._why(found["why"])
        yield from self._where(found["where"])

    def _is_ahead(self, rank: str, actor: int) -> bool:
        worths = compare_objects(self._view).get(rank, {})
        if actor not in worths:
            return find_ranks(self._view).get(rank, -2) == actor
        best = max(worths.values())
        near = _CLOSE_PIXELS if rank in OUTERMOST.values() else _CLOSE_SHARE * abs(best)
        return worths[actor] >= best - near

    def _record(self, text: str, seen: set[str]) -> Iterator[Statement]:
        found = _RECORD.fullmatch(text.strip())
        if found is None:
            yield Statement("records", text, False)
            return
        name = found["name"]
        actor = self._actors.get(name, -1) if name not in seen else -1
        seen.add(name)
        self._told[found["number"]] = actor
        yield Statement("records", name, actor >= 0)
        if actor < 0:
            return
        for frame, point in re.findall(r"frame (\d{1,9}) (-|\d{1,9}/\d{1,9})", found["path"]):
            yield Statement("records", f"{name} frame {frame} {point}", self._is_at(actor, int(frame), point))
        tags = {words for words, _ in find_tags(self._view, actor)}
        for tag in _TAG.findall(found["rest"]):
            kind, _, value = tag.partition(" ")
            if kind in WORTHS:
                true, said = worth_of(self._view.facts, actor, kind), _whole(value)
                is_true = said is not None and abs(said - true) <= max(_WORTH_APART * true, 4)
            else:
                is_true = tag in tags
            yield Statement("records", f"{name} {tag}", is_true)

    def _is_at(self, actor: int, frame: int, point: str) -> bool:
        if frame not in self._view.shown:
            return False
        place = self._view.shown.index(frame)
        box = self._view.box(actor, place)
        if point == "-" or box is None:
            return (point == "-") == (box is None) or place not in shown_places(self._view, actor)
        x, y = map(int, point.split("/"))
        return float(np.hypot(x - (box.x1 + box.x2) / 2, y - (box.y1 + box.y2) / 2)) <= _POINT_APART

    def _judged(self, item: str) -> Iterator[Statement]:
        number, _, rest = item.partition(" ")
        for words, said in re.findall(r"([a-z ]+?) (yes|no)(?= |$)", rest):
            term, is_true = self._term(words.strip()), False
            actor = self._told.get(number, -1)
            if term is not None and actor >= 0:
                is_true = fits(self._view, actor, term) == (said == "yes")
            yield Statement("judged", f"{number} {words.strip()} {said}", is_true)

    def _term(self, words: str) -> Term | None:
        """Return a term of the question as the thought repeats it, None where it leans on nothing that is there."""
        is_not, words = words.startswith("not "), words.removeprefix("not ")
        found = re.fullmatch(rf"(.+) of ({_NUMBER})", words)
        if found is None:
            return Term(words, is_not)
        anchor = self._told.get(found[2], -1)
        return Term(found[1], is_not, anchor) if anchor >= 0 and found[1] in SIDES else None

    def _sentence(self, text: str, last: int, frame: int = -1) -> tuple[int, bool]:
        """Return whom a sentence is about, and whether any reading of it is true.

        "it" is who came `last`, and a sentence that names no frame is about `frame`.
        """
        about = last
        for kind, way in _ways():
            found = way.fullmatch(text)
            if found is None:
                continue
            claim = self._claim(kind, found.groupdict(), last, frame)
            if claim is None:
                continue
            about = claim.actor
            if holds(claim, self._view) or (kind == "largest" and self._is_nearly_largest(claim)):
                return about, True
        return about, False

    def _is_nearly_largest(self, claim: Claim) -> bool:
        share = prominence(self._view, (claim.actor,))[self._view.shown.index(claim.frame)]
        return bool(share >= 1 - _CLOSE_SHARE)

    def _claim(self, kind: str, parts: Mapping[str, str | None], last: int, at: int) -> Claim | None:
        a, b, frame, word = (parts.get(key) for key in "abfw")
        actor = self._actors.get(a, -2) if a else last
        other = self._actors.get(b, -2) if b else -1
        number = int(frame) if frame else at
        if -2 in (actor, other) or (number >= 0 and number not in self._view.shown):
            return None
        if actor < 0 and kind not in ("no_such", "nobody", "count"):
            return None
        if kind == "nobody":
            return Claim(kind, word=_VERBS[word]) if word in _VERBS else None
        return Claim(kind, actor, other, number, word or "")

    def _why(self, text: str) -> Iterator[Statement]:
        many = re.fullmatch(r"frame (\d{1,9}) shows ((?:the [a-z]+ [a-z]+(?:, | and )?){2,})", text)
        if many is not None:
            for name in re.findall(r"the ([a-z]+ [a-z]+)", many[2]):
                last, is_true = self._sentence(f"frame {many[1]} shows the {name}", -1)
                yield Statement("why", f"frame {many[1]} shows the {name}", is_true)
            return
        last = frame = -1
        for sentence in text.split(" and "):
            if sentence in ABSENT_WHY:
                yield Statement("why", sentence, True)
                continue
            named = re.search(r"frame (\d{1,9})", sentence)
            frame = int(named[1]) if named else frame
            last, is_true = self._sentence(sentence, last, frame)
            yield Statement("why", sentence, is_true)

    def _where(self, text: str) -> Iterator[Statement]:
        places = _WHERE.findall(text)
        if not places:
            yield Statement("where", text, text in ABSENT_WHERE)
        for name, frame, numbers, word in places:
            actor, values = self._actors.get(name, -1), [_whole(value) for value in numbers.split(",")]
            is_true, number = False, _whole(frame)
            if actor >= 0 and number in self._view.shown and len(values) == 4 and None not in values:
                true = self._view.boxes[actor, self._view.shown.index(number)]
                said = np.array([values], dtype=float)
                is_true = bool(np.isfinite(true[0])) and float(box_iou(said, true[None])[0, 0]) > 0.5
                is_true = is_true and word == place_word(self._view, actor, number)
            yield Statement("where", f"the {name} in frame {frame} [{numbers}] at the {word}", is_true)


def _whole(text: str) -> int | None:
    """Return a number as it stands in a thought, None where it is none that a clip could have."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


@lru_cache(maxsize=1)
def _ways() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return every way to say a claim as a pattern, by its kind."""
    found = []
    for kind, ways in WORDINGS.items():
        for way in ways:
            pattern = re.escape(way)
            for key, part in _PARTS.items():
                pattern = pattern.replace(re.escape(f"{{{key}}}"), part, 1)
            found.append((kind, re.compile(pattern)))
    return tuple(found)
