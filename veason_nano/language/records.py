"""What a thought tells about every object first: its path over the shown frames, then what can be said of it.

A small network that writes down what it sees can read everything else from its own words. After the records stands who
is ahead in what; whether an object is what a question wants (`veason_nano.language.query`) is then a matter of finding
words in its record.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from veason_nano.language.claims import WORTHS, Claim, holds, shown_places, worth_of
from veason_nano.language.ranks import find_ranks
from veason_nano.world.facts import Facts
from veason_nano.world.view import View

COUNT = ("one", "two", "three", "four", "five", "six", "seven")
"""Objects are numbered, so that what is said of each is found again."""

TOLD_LOOKS = ("plain", "striped", "spotted", "small", "large")
"""Patterns and sizes that are told; medium goes without saying."""

EVENT_WORDS = {
    "chases": ("chases", "chased"),
    "carries": ("carries", "carried"),
    "collides": ("hits", "hit"),
    "nearly_hits": ("nearly pushes", "spared"),
    "covers": ("covers", "covered"),
    "splits": ("breaks away", ""),
}
"""How an event is told of the one who does it, and of the one to whom it is done."""


@lru_cache(maxsize=2)  # every example about a view begins with it
def describe_objects(view: View) -> str:
    """Return a record of every object, each ended by a comma, and who is ahead in what.

    For example "one red cross frame 0 9/47 frame 12 11/47 frame 24 - striped leaves left frame 12 moves left size 20
    way 34 pace 40, then leftmost one rightmost one". The path gives the middle of the box on each shown frame in pixels
    of the images, "-" where the object is not there. It names each frame, for what is on a frame is found by its
    number. Objects are in the order in which they appear, then from left to right.
    """
    records = " ".join(f"{number_of(view, actor)} {_describe(view, actor)}," for actor in told_objects(view))
    ranks = " ".join(f"{words} {number_of(view, actor)}" for words, actor in find_ranks(view).items())
    return f"{records} then {ranks}"


def number_of(view: View, actor: int) -> str:
    """Return the number by which an object is told about: "two"."""
    return COUNT[told_objects(view).index(actor)]


@lru_cache(maxsize=2)  # every example about a view asks for it
def told_objects(view: View) -> tuple[int, ...]:
    """Return the objects that are told about, in order."""
    seen = [actor for actor in view.facts.scene.objects if shown_places(view, actor)]
    return tuple(sorted(seen, key=lambda actor: (first := shown_places(view, actor)[0], view.boxes[actor, first, 0])))


def _describe(view: View, actor: int) -> str:
    path = " ".join(_middle(view, actor, place) for place in range(len(view.shown)))
    worths = " ".join(words for words, _ in find_worths(view, actor))
    return " ".join(part for part in (view.facts.name(actor), path, tags_text(view, actor), worths) if part)


def tags_text(view: View, actor: int) -> str:
    """Return all that can be said of an object in a few words each, as its record tells it."""
    return " ".join(words for words, _ in find_tags(view, actor))


@lru_cache(maxsize=16)
def find_tags(view: View, actor: int) -> tuple[tuple[str, Claim], ...]:
    """Return what can be said of an object in a few words, each with the claim that it makes, all of them true."""
    return tuple((words, claim) for words, claim in _candidates(view, actor) if holds(claim, view))


def find_worths(view: View, actor: int) -> list[tuple[str, Claim]]:
    """Return the numbers by which an object is compared with others, each with the claim that it makes."""
    words = ("size",) if view.facts.is_still(actor) else tuple(WORTHS)
    told = [f"{word} {worth_of(view.facts, actor, word)}" for word in words]
    return [(text, Claim("worth", actor, word=text)) for text in told]


def _candidates(view: View, actor: int) -> Iterator[tuple[str, Claim]]:
    facts, shown, places = view.facts, view.shown, shown_places(view, actor)
    appearance = facts.scene.actors[actor].appearance
    for word in (appearance.pattern, appearance.size):
        if word in TOLD_LOOKS:
            yield word, Claim("looks", actor, word=word)
    if entry := facts.entry(actor):
        yield f"enters {entry.side} frame {shown[places[0]]}", Claim("enters", actor, -1, shown[places[0]], entry.side)
    if exit_ := facts.exit(actor):
        yield (
            f"leaves {exit_.side} frame {shown[places[-1]]}",
            Claim("leaves", actor, -1, shown[places[-1]], exit_.side),
        )
    if away := facts.absence(actor):
        back = [shown[place] for place in places if shown[place] >= away[1]]
        yield from ((f"returns frame {frame}", Claim("returns", actor, -1, frame)) for frame in back[:1])
    if hiding := facts.hiding(actor):
        hidden = [frame for frame in shown if hiding.start <= frame < hiding.stop]
        yield from ((f"hidden frame {frame}", Claim("hides", actor, hiding.by, frame)) for frame in hidden[:1])
    if way := facts.direction(actor):
        yield f"moves {way}", Claim("moves", actor, word=way)
    elif facts.is_moving(actor):
        yield "moves around", Claim("wanders", actor)
    for kind, word in (("still", "still"), ("grows", "grows"), ("shrinks", "shrinks"), ("stops", "stops")):
        yield word, Claim(kind, actor)
    yield "suddenly fast", Claim("speeds_up", actor)
    yield from _event_tags(facts, actor)


def _event_tags(facts: Facts, actor: int) -> Iterator[tuple[str, Claim]]:
    for event in facts.scene.events:
        for words, who in zip(EVENT_WORDS[event.kind], (event.subject, event.other), strict=True):
            if words and who == actor:
                yield words, Claim(event.kind, event.subject, event.other)


def _middle(view: View, actor: int, place: int) -> str:
    box = view.box(actor, place)
    where = f"{int(box.x1 + box.x2) // 2}/{int(box.y1 + box.y2) // 2}" if box else "-"
    return f"frame {view.shown[place]} {where}"
