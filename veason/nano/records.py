"""What a thought tells about every object first: its path over the shown frames, then what can be said of it.

A small network that writes down what it sees can read everything else from its own words. What is said of an object is
said again, with comparisons, right before it is judged: whether a question means it is then a matter of finding the
words of the question among the few before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from veason.nano.claims import WORTHS, Claim, holds, shown_places, worth_of
from veason.nano.facts import Facts
from veason.nano.ranks import find_ranks
from veason.nano.view import View

COUNT = ("one", "two", "three", "four", "five", "six", "seven")
"""Objects are numbered, so that what is said of each is found again."""

TOLD_LOOKS = ("striped", "spotted", "small", "large")
"""Patterns and sizes that are told; plain and medium go without saying."""

_PAIRS = {
    "chases": ("chases", "chased by"),
    "carries": ("carries", "carried by"),
    "collides": ("hits", "hit by"),
    "nearly_hits": ("nearly hits", "nearly hit by"),
    "covers": ("covers", "covered by"),
}
"""How an event is told of the one who does it, and of the one to whom it is done."""


@lru_cache(maxsize=2)  # every lesson about a view begins with it
def describe_objects(view: View) -> str:
    """Return a record of every object, each ended by a comma.

    For example "one red cross 9/47 11/47 - - red cross striped leaves left frame 12 moves left size 20 way 34 pace
    40,". The path gives the middle of the box on each shown frame in pixels of the images, "-" where the object is not
    there. Objects are in the order in which they appear, then from left to right.
    """
    return " ".join(f"{COUNT[place]} {_describe(view, actor)}," for place, actor in enumerate(told_objects(view)))


def call_object(view: View, actor: int) -> str:
    """Return the number and the name of an object: "two white ball"."""
    return f"{COUNT[told_objects(view).index(actor)]} {view.facts.name(actor)}"


def judge_objects(view: View, targets: Collection[int]) -> str:
    """Return what can be said of each object again, how it compares with the others, and whether it is a target.

    For example "one red cross striped leaves left frame 12 moves left first out leftmost no, two white ball still yes".
    """
    ranks = find_ranks(view)
    return ", ".join(
        " ".join([COUNT[place], _tagged(view, actor), *ranks[actor], "yes" if actor in targets else "no"])
        for place, actor in enumerate(told_objects(view))
    )


def told_objects(view: View) -> list[int]:
    """Return the objects that are told about, in order."""
    seen = [actor for actor in view.facts.scene.objects if shown_places(view, actor)]
    return sorted(seen, key=lambda actor: (first := shown_places(view, actor)[0], view.boxes[actor, first, 0]))


def _describe(view: View, actor: int) -> str:
    path = " ".join(_middle(view, actor, place) for place in range(len(view.shown)))
    worths = " ".join(words for words, _ in find_worths(view, actor))
    return f"{view.facts.name(actor)} {path} {_tagged(view, actor)} {worths}"


@lru_cache(maxsize=16)
def _tagged(view: View, actor: int) -> str:
    return " ".join([view.facts.name(actor), *(words for words, _ in find_tags(view, actor))])


def find_tags(view: View, actor: int) -> list[tuple[str, Claim]]:
    """Return what can be said of an object in a few words, each with the claim that it makes, all of them true."""
    return [(words, claim) for words, claim in _candidates(view, actor) if holds(claim, view)]


def find_worths(view: View, actor: int) -> list[tuple[str, Claim]]:
    """Return the numbers by which an object is compared with others, each with the claim that it makes."""
    words = ("size",) if view.facts.is_still(actor) else tuple(WORTHS)
    told = [f"{word} {worth_of(view.facts, actor, word)}" for word in words]
    return [(text, Claim("worth", actor, word=text)) for text in told]


def _candidates(view: View, actor: int) -> Iterator[tuple[str, Claim]]:
    facts, shown, places = view.facts, view.shown, shown_places(view, actor)
    look = facts.scene.actors[actor].look
    for word in (look.pattern, look.size):
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
        claim = Claim(event.kind, event.subject, event.other)
        if event.kind == "splits" and event.subject == actor:
            yield "breaks away", claim
        elif event.kind in _PAIRS and actor in (event.subject, event.other):
            is_doer = actor == event.subject
            verb = _PAIRS[event.kind][0 if is_doer else 1]
            yield f"{verb} {facts.name(event.other if is_doer else event.subject)}", claim


def _middle(view: View, actor: int, place: int) -> str:
    box = view.box(actor, place)
    return f"{int(box.x1 + box.x2) // 2}/{int(box.y1 + box.y2) // 2}" if box else "-"
