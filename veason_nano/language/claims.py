"""Statements about a view: each has a measurement that decides whether it holds, and ways to say it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from veason_nano.world.facts import SEEN, Facts
from veason_nano.world.view import View


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement: `kind` says what about `actor` (and `other`), at the shown frame `frame`, with a `word`."""

    kind: str
    actor: int = -1
    other: int = -1
    frame: int = -1
    word: str = ""


def holds(claim: Claim, view: View) -> bool:
    """Measure whether a statement is true of what the view shows. Raises KeyError for an unknown kind."""
    return _TRUTHS[claim.kind](view, claim)


def say(claim: Claim, view: View, rng: np.random.Generator) -> str:
    """Return the statement in words, one of several ways."""
    ways = WORDINGS[claim.kind]
    facts = view.facts
    return ways[int(rng.integers(len(ways)))].format(
        a=f"the {facts.name(claim.actor)}" if claim.actor >= 0 else "",
        b=f"the {facts.name(claim.other)}" if claim.other >= 0 else "",
        f=f"frame {claim.frame}",
        w=NEGATED_VERBS.get(claim.word, claim.word) if claim.kind == "nobody" else claim.word,
    )


def place_word(view: View, actor: int, frame: int) -> str:
    """Return which ninth of the picture holds the middle of the object's box, such as "upper left"."""
    box = view.boxes[actor, view.shown.index(frame)]
    width, height = view.size_wh
    column = min(int((box[0] + box[2]) / 2 / width * 3), 2)
    row = min(int((box[1] + box[3]) / 2 / height * 3), 2)
    return (("upper left", "top", "upper right"), ("left", "centre", "right"), ("lower left", "bottom", "lower right"))[
        row
    ][column]


def shown_places(view: View, actor: int) -> list[int]:
    """Return the places among the shown frames where the object is clearly seen."""
    return [
        place
        for place, frame in enumerate(view.shown)
        if view.is_there(actor, place) and view.facts.is_seen(actor, frame)
    ]


def prominence(view: View, actors: tuple[int, ...]) -> np.ndarray:
    """Return `(S,)`: the visible area of the actors on each shown frame over the largest one (0 where none shows)."""
    total = view.area[list(actors)].sum(0)
    return total / max(float(total.max()), 1e-9)


def _first_seen(view: View, claim: Claim) -> bool:
    places = shown_places(view, claim.actor)
    return bool(places) and view.shown[places[0]] == claim.frame


def _last_seen(view: View, claim: Claim) -> bool:
    places = shown_places(view, claim.actor)
    return bool(places) and view.shown[places[-1]] == claim.frame


def _enters(view: View, claim: Claim) -> bool:
    entry = view.facts.entry(claim.actor)
    return entry is not None and entry.side == claim.word and _first_seen(view, claim)


def _leaves(view: View, claim: Claim) -> bool:
    exit_ = view.facts.exit(claim.actor)
    return exit_ is not None and exit_.side == claim.word and _last_seen(view, claim)


def _hides(view: View, claim: Claim) -> bool:
    hiding = view.facts.hiding(claim.actor)
    return hiding is not None and hiding.by == claim.other and hiding.start <= claim.frame < hiding.stop


def _comes_out(view: View, claim: Claim) -> bool:
    hiding = view.facts.hiding(claim.actor)
    is_after = hiding is not None and hiding.comes_out and claim.frame >= hiding.stop
    return is_after and view.shown.index(claim.frame) in shown_places(view, claim.actor)


def _returns(view: View, claim: Claim) -> bool:
    away = view.facts.absence(claim.actor)
    if away is None or claim.frame < away[1]:
        return False
    later = [place for place in shown_places(view, claim.actor) if view.shown[place] >= away[1]]
    return bool(later) and view.shown[later[0]] == claim.frame


def _event(kind: str) -> Callable[[View, Claim], bool]:
    def check(view: View, claim: Claim) -> bool:
        return any(
            e.kind == kind and (e.subject, e.other) == (claim.actor, claim.other) for e in view.facts.scene.events
        )

    return check


def _largest(view: View, claim: Claim) -> bool:
    return float(prominence(view, (claim.actor,))[view.shown.index(claim.frame)]) >= 0.97


def _nearly_largest(view: View, claim: Claim) -> bool:
    return float(prominence(view, (claim.actor,))[view.shown.index(claim.frame)]) >= 0.75


def _uncovered(view: View, claim: Claim) -> bool:
    tracks = view.facts.tracks
    return bool(tracks.visible[claim.actor, claim.frame] > 0.9 * tracks.inside[claim.actor, claim.frame])


def _whole(view: View, claim: Claim) -> bool:
    return bool(view.facts.tracks.inside[claim.actor, claim.frame] > 0.9)


def _at(view: View, claim: Claim) -> bool:
    place = view.shown.index(claim.frame)
    return view.is_there(claim.actor, place) and place_word(view, claim.actor, claim.frame) == claim.word


def _speed_rank(view: View, claim: Claim) -> bool:
    speeds = {actor: view.facts.speed(actor).max() for actor in view.facts.objects}
    return max(speeds, key=lambda actor: speeds[actor]) == claim.actor


def _looks(view: View, claim: Claim) -> bool:
    appearance = view.facts.scene.actors[claim.actor].appearance
    return claim.word in (appearance.shape, appearance.colour, appearance.pattern, appearance.size)


WORTHS: dict[str, Callable[[Facts, int], float]] = {
    "size": lambda facts, actor: 200 * float(facts.scene.actors[actor].radius.max()),
    "way": lambda facts, actor: 60 * facts.travel(actor),
    "pace": lambda facts, actor: 20 * float(facts.speed(actor).max()),
}
"""What objects are compared by: the largest width (hundredths of the picture's height), the length of the way (60ths)
and the highest speed (20ths a clip)."""

_MOST_WORTH = 127


def worth_of(facts: Facts, actor: int, word: str) -> int:
    """Return one of `WORTHS` as it is told: a whole number, at most 127."""
    return min(round(WORTHS[word](facts, actor)), _MOST_WORTH)


def _worth(view: View, claim: Claim) -> bool:
    word, told = claim.word.split()
    return worth_of(view.facts, claim.actor, word) == int(told)


def _no_such(view: View, claim: Claim) -> bool:
    return not matching(view, Words.read(claim.word))


def _nobody(view: View, claim: Claim) -> bool:
    return not DOERS[claim.word](view)


@dataclass(frozen=True, slots=True)
class Words:
    """Attribute words of a noun phrase; "" leaves one open."""

    shape: str = ""
    colour: str = ""
    pattern: str = ""
    size: str = ""

    @property
    def text(self) -> str:
        """The phrase without an article, such as "small red ball"."""
        return " ".join(word for word in (self.size, self.pattern, self.colour, self.shape or "object") if word)

    @staticmethod
    def read(text: str) -> Words:
        """Read what `text` wrote."""
        from veason_nano.world.scene import COLOURS, PATTERNS, SIZES
        from veason_nano.world.shapes import SHAPES

        kinds = {"shape": SHAPES, "colour": tuple(COLOURS), "pattern": PATTERNS, "size": tuple(SIZES)}
        return Words(**{kind: word for word in text.split() for kind, words in kinds.items() if word in words})


def matching(view: View, words: Words) -> tuple[int, ...]:
    """Return the objects that all the words fit; an object that is hardly ever seen counts too."""
    found = []
    for actor in view.facts.scene.objects:
        appearance = view.facts.scene.actors[actor].appearance
        pairs = (
            (words.shape, appearance.shape),
            (words.colour, appearance.colour),
            (words.pattern, appearance.pattern),
            (words.size, appearance.size),
        )
        if all(not word or word == value for word, value in pairs):
            found.append(actor)
    return tuple(found)


def _subjects(kind: str) -> Callable[[View], list[int]]:
    return lambda view: [event.subject for event in view.facts.scene.events if event.kind == kind]


DOERS: dict[str, Callable[[View], list[int]]] = {
    "enters": lambda view: [a for a in view.facts.objects if view.facts.entry(a)],
    "leaves": lambda view: [a for a in view.facts.objects if view.facts.exit(a)],
    "returns": lambda view: [a for a in view.facts.objects if view.facts.absence(a)],
    "hides": lambda view: [a for a in view.facts.objects if view.facts.hiding(a)],
    "grows": lambda view: [a for a in view.facts.objects if view.facts.growth(a) > 1.3],
    "shrinks": lambda view: [a for a in view.facts.objects if view.facts.growth(a) < 0.77],
    "chases": _subjects("chases"),
    "carries": _subjects("carries"),
    "collides": _subjects("collides"),
    "nearly_hits": _subjects("nearly_hits"),
    "covers": _subjects("covers"),
    "splits": _subjects("splits"),
}
"""Who does a thing, by verb."""

_TRUTHS: dict[str, Callable[[View, Claim], bool]] = {
    "there_first": lambda view, c: bool(view.facts.tracks.visible[c.actor, 0] > SEEN),
    "enters": _enters,
    "leaves": _leaves,
    "first_seen": _first_seen,
    "last_seen": _last_seen,
    "hides": _hides,
    "comes_out": _comes_out,
    "returns": _returns,
    "still": lambda view, c: view.facts.is_still(c.actor),
    "moves": lambda view, c: view.facts.direction(c.actor) == c.word,
    "wanders": lambda view, c: view.facts.is_moving(c.actor),
    "grows": lambda view, c: view.facts.growth(c.actor) > 1.5,
    "shrinks": lambda view, c: view.facts.growth(c.actor) < 0.67,
    "stops": lambda view, c: view.facts.stops(c.actor),
    "speeds_up": lambda view, c: view.facts.speeds_up(c.actor),
    "fastest": _speed_rank,
    "collides": _event("collides"),
    "nearly_hits": _event("nearly_hits"),
    "chases": _event("chases"),
    "carries": _event("carries"),
    "covers": _event("covers"),
    "splits": lambda view, c: any(e.kind == "splits" and e.subject == c.actor for e in view.facts.scene.events),
    "largest": _largest,
    "nearly_largest": _nearly_largest,
    "visible": lambda view, c: view.is_there(c.actor, view.shown.index(c.frame)),
    "visible_somewhere": lambda view, c: bool(shown_places(view, c.actor)),
    "uncovered": _uncovered,
    "whole": _whole,
    "at": _at,
    "looks": _looks,
    "worth": _worth,
    "no_such": _no_such,
    "nobody": _nobody,
    "count": lambda view, c: len(view.facts.objects) == int(c.word),
}

WORDINGS: dict[str, tuple[str, ...]] = {
    "there_first": ("{a} is there from the start", "{a} is in view from the beginning"),
    "enters": ("{a} comes in from the {w} and is first seen in {f}", "{a} enters from the {w} by {f}"),
    "leaves": ("{a} leaves on the {w} after {f}", "{a} goes out on the {w} and is last seen in {f}"),
    "first_seen": ("{a} is first seen in {f}",),
    "last_seen": ("{a} is last seen in {f}",),
    "hides": ("{a} is hidden by {b} in {f}", "in {f} {a} is out of sight behind {b}"),
    "comes_out": ("it comes out again by {f}", "it is back in sight in {f}"),
    "returns": ("{a} leaves the picture and comes back by {f}", "{a} goes away and is back in {f}"),
    "still": ("{a} does not move", "{a} stays where it is"),
    "moves": ("{a} moves {w}", "{a} goes {w}"),
    "wanders": ("{a} moves around", "{a} changes its place"),
    "grows": ("{a} comes nearer and grows", "{a} gets bigger"),
    "shrinks": ("{a} goes away and shrinks", "{a} gets smaller"),
    "stops": ("{a} moves and then stops", "{a} comes to rest"),
    "speeds_up": ("{a} creeps and then speeds up", "{a} suddenly becomes fast"),
    "fastest": ("{a} is the fastest", "nothing is as fast as {a}"),
    "collides": ("{a} hits {b} and sets it moving", "{a} runs into {b} and pushes it away"),
    "nearly_hits": ("{a} stops just before it hits {b}", "{a} heads for {b} but stops in time"),
    "chases": ("{a} follows {b}", "{a} chases {b}"),
    "carries": ("{a} carries {b}", "{b} rides on {a}"),
    "covers": ("{a} slides over {b} and covers it", "{a} comes in and hides {b}"),
    "splits": ("{a} leaves its group", "three move together, then {a} goes its own way"),
    "largest": ("{f} shows {a} at its largest", "{a} is largest in {f}"),
    "nearly_largest": ("{f} shows {a} large", "{a} is large in {f}"),
    "visible": ("{f} shows {a}", "{a} can be seen in {f}"),
    "visible_somewhere": ("{a} is there", "{a} can be seen"),
    "uncovered": ("nothing covers it", "nothing is in front of it"),
    "whole": ("all of it is in the picture", "it is not cut off"),
    "at": ("{a} is at the {w}", "at the {w} is {a}"),
    "no_such": ("there is no {w}", "no {w} can be seen"),
    "nobody": ("nothing {w}",),
    "count": ("there are {w} objects",),
}
"""How a claim is said, by its kind: {a} and {b} are objects, {f} a frame, {w} a word."""

NEGATED_VERBS = {
    "enters": "comes in", "leaves": "leaves the picture", "returns": "comes back", "hides": "is hidden",
    "grows": "grows", "shrinks": "shrinks", "chases": "follows another", "carries": "carries another",
    "collides": "hits another", "nearly_hits": "nearly hits another", "covers": "covers another",
    "splits": "leaves a group",
}  # fmt: skip
"""How "nothing does it" is said."""
