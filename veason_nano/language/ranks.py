"""Who is first, last, fastest, leftmost: what only a comparison of all objects tells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from veason_nano.language.claims import Claim, shown_places
from veason_nano.world.facts import Facts, Passage
from veason_nano.world.view import View

_MARGIN = 0.05
"""Two moments are told apart when they differ by at least this share of the clip."""

MOSTLY = 0.95
"""An object is on a side of another where it is so on more than this share of the frames that show both."""

SIDES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "left": lambda gap: -gap[:, 0],
    "right": lambda gap: gap[:, 0],
    "above": lambda gap: -gap[:, 1],
    "below": lambda gap: gap[:, 1],
}
"""How far something lies on a side of something else, from the `(S, 2)` gaps between them."""

RANKED = {"first": 0, "last": -1, "second": 1}
"""Which of those that come in, or go out, in the order of time is called so."""

PASSAGE_WORDS = {"enters": "in", "leaves": "out"}
"""What follows these words: "first in", "last out"."""

OUTERMOST = {"left": "leftmost", "right": "rightmost", "above": "topmost", "below": "lowest"}


@dataclass(frozen=True, slots=True)
class Superlative:
    """A quantity whose largest value must beat the second by `ratio` and be `least` or more."""

    topic: str
    measure: Callable[[Facts, int], float]
    ratio: float
    least: float


SUPERLATIVES = (
    Superlative("fastest", lambda facts, actor: float(facts.speed(actor).max()), 1.5, 0.6),
    Superlative("furthest", Facts.travel, 1.4, 0.3),
    Superlative("biggest", lambda facts, actor: float(facts.scene.actors[actor].radius.max()), 1.25, 0.0),
    Superlative("smallest", lambda facts, actor: 1 / float(facts.scene.actors[actor].radius.max()), 1.25, 0.0),
)


def side_share(view: View, actor: int, anchor: int, side: str) -> float | None:
    """Return in which share of the frames that show both an object is on a side of another, None for fewer than 3."""
    both = sorted(set(shown_places(view, actor)) & set(shown_places(view, anchor)))
    if len(both) < 3:
        return None
    frames = [view.shown[place] for place in both]
    gap = view.facts.scene.screen_centre(actor)[frames] - view.facts.scene.screen_centre(anchor)[frames]
    return float((SIDES[side](gap) > 0.08).mean())


def find_outermost(view: View) -> dict[str, int]:
    """Return the object furthest to each side, by side, where there are three or more and one is it all the time."""
    objects = view.facts.objects
    found = {}
    for side in OUTERMOST if len(objects) > 2 else ():
        for actor in objects:
            shares = [side_share(view, actor, other, side) for other in objects if other != actor]
            if all(share is not None and share > MOSTLY for share in shares):
                found[side] = actor
    return found


def find_superlatives(view: View) -> dict[str, int]:
    """Return the object that is clearly the fastest, the one with the longest way, and so on, by topic."""
    found = {}
    for kind in SUPERLATIVES:
        values = {actor: float(kind.measure(view.facts, actor)) for actor in view.facts.objects}
        order = sorted(values, key=lambda actor: -values[actor])
        if len(order) > 1 and values[order[0]] > kind.ratio * values[order[1]] and values[order[0]] >= kind.least:
            found[kind.topic] = order[0]
    return found


def find_order(view: View, verb: str) -> list[int]:
    """Return the objects that "enters" or "leaves" in time order, [] for one or where two moments are too close."""
    facts = view.facts
    moments = _moments(facts, verb, facts.objects)
    order = sorted(moments, key=lambda actor: moments[actor])
    gaps = [moments[b] - moments[a] for a, b in itertools.pairwise(order)]
    if len(order) < 2 or min(gaps) < _MARGIN * facts.scene.num_frames:
        return []
    told = [passage_claim(view, verb, actor).frame for actor in order]
    return order if sorted(set(told)) == told else []


def passage_claim(view: View, verb: str, actor: int) -> Claim:
    """Return the claim that an object "enters" or "leaves", by the first or last shown frame with it.

    Raises:
        ValueError: it does not.
    """
    places = shown_places(view, actor)
    passage = _passage(view.facts, verb, actor)
    if passage is None:
        raise ValueError(f"object {actor} never {verb}")
    place = (places[0] if verb == "enters" else places[-1]) if places else 0
    return Claim(verb, actor, frame=view.shown[place], word=passage.side)


@lru_cache(maxsize=2)  # asked for by every example about a view
def find_ranks(view: View) -> dict[str, int]:
    """Return who is ahead in each comparison of all objects: the object by "leftmost", "fastest", "first in" and so on.

    Every rank has one, however close the second is, except that coming in and going out take two objects that do it.
    Questions are asked only where the lead is clear (`find_outermost`, `find_superlatives`, `find_order`).
    """
    ranks = {word: max(worths, key=lambda actor: worths[actor]) for word, worths in compare_objects(view).items()}
    for verb, way in PASSAGE_WORDS.items():
        moments = _moments(view.facts, verb, _seen(view))
        order = sorted(moments, key=lambda actor: moments[actor])
        for word, place in RANKED.items():
            if len(order) > max(place + 1, 1):
                ranks[f"{word} {way}"] = order[place]
    return ranks


def compare_objects(view: View) -> dict[str, dict[int, float]]:
    """Return what decides a rank, for every object that is seen: the more, the further ahead.

    For sides of the picture these are pixels, for the others what `SUPERLATIVES` measure. {} where nothing is seen.
    """
    actors = _seen(view)
    if not actors:
        return {}
    where = {actor: _mean_place(view, actor) for actor in actors}
    compared = {}
    for side, word in OUTERMOST.items():
        axis, sign = (0 if side in ("left", "right") else 1), (1 if side in ("right", "below") else -1)
        compared[word] = {actor: float(sign * where[actor][axis]) for actor in actors}
    for kind in SUPERLATIVES:
        compared[kind.topic] = {actor: float(kind.measure(view.facts, actor)) for actor in actors}
    return compared


def _seen(view: View) -> list[int]:
    return [actor for actor in view.facts.scene.objects if shown_places(view, actor)]


def _passage(facts: Facts, verb: str, actor: int) -> Passage | None:
    return facts.entry(actor) if verb == "enters" else facts.exit(actor)


def _moments(facts: Facts, verb: str, actors: Sequence[int]) -> dict[int, int]:
    """Return the frame in which each of the objects that "enters" or "leaves" does it."""
    return {actor: passage.frame for actor in actors if (passage := _passage(facts, verb, actor)) is not None}


def _mean_place(view: View, actor: int) -> np.ndarray:
    """Return the mean middle `(2,)` of an object's boxes on the shown frames."""
    boxes = view.boxes[actor, shown_places(view, actor)]
    return (boxes[:, :2] + boxes[:, 2:]).mean(0) / 2
