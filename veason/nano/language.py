"""Questions about a scene in many wordings, each with the set of objects that answers it, computed from the facts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from veason.nano.claims import DOERS, Claim, Words, matching, shown_places
from veason.nano.facts import Facts
from veason.nano.shapes import SHAPES
from veason.nano.view import View
from veason.nano.wording import number, phrase, pick, plural, random_words, thing
from veason.nano.world import COLOURS, PATTERNS
from veason.types import SampleType

_MOST_TARGETS = 3
_MARGIN = 0.05
"""Two moments or sizes are told apart when they differ by at least this share of the clip."""


@dataclass(frozen=True, slots=True)
class Question:
    """An instruction and what answers it: `targets` is () where nothing does; `why` holds the claims that decide."""

    text: str
    type: SampleType
    targets: tuple[int, ...]
    why: tuple[Claim, ...] = ()
    topic: str = ""


def all_questions(view: View, rng: np.random.Generator) -> list[Question]:
    """Return every kind of question that can be asked about the view, each in one random wording.

    Questions about an object that no shown frame shows are left out.
    """
    found = [question for ask in _ASKERS for question in ask(view, rng)]
    return [
        question
        for question in found
        if len(question.targets) <= _MOST_TARGETS and all(shown_places(view, target) for target in question.targets)
    ]


def draw_questions(view: View, rng: np.random.Generator, count: int, absent_share: float = 0.17) -> list[Question]:
    """Return `count` questions, topics mixed evenly; a question may come twice in other words."""
    found = all_questions(view, rng)
    absent = [question for question in found if not question.targets]
    present = [question for question in found if question.targets]
    drawn = []
    for _ in range(count):
        pool = absent if absent and (not present or rng.random() < absent_share) else present
        topics = sorted({question.topic for question in pool})
        topic = topics[int(rng.integers(len(topics)))]
        options = [question for question in pool if question.topic == topic]
        drawn.append(options[int(rng.integers(len(options)))])
    return drawn


def _attributes(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The red ball; all striped things."""
    for actor in view.facts.objects:
        for _ in range(2):
            words = random_words(view, actor, rng)
            targets = matching(view, words)
            if len(targets) == 1:
                forms = ("the {}", "the {}", "find the {}", "where is the {}", "show me the {}", "a {}")
                yield Question(pick(rng, forms).format(phrase(words, rng)), "referring", targets, (), "attribute")
            else:
                forms = ("all {}", "the {}", "every one of the {}", f"the {number(len(targets))} {{}}")
                text = pick(rng, forms).format(phrase(words, rng, is_plural=True))
                yield Question(text, "referring", targets, (), "several")


def _missing(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The green star, where there is none: mostly a shape and a colour that are there, but not together."""
    looks = [view.facts.scene.actors[actor].look for actor in view.facts.scene.objects]
    for _ in range(3):
        is_near = rng.random() < 0.6
        colour = pick(rng, looks).colour if is_near else pick(rng, tuple(COLOURS))
        shape = pick(rng, looks).shape if rng.random() < 0.6 else pick(rng, SHAPES)
        pattern = pick(rng, PATTERNS[1:]) if rng.random() < 0.15 else ""
        words = Words(shape if rng.random() < 0.9 else "", colour, pattern)
        if not matching(view, words):
            text = pick(rng, ("the {}", "find the {}", "where is the {}", "show me the {}")).format(phrase(words, rng))
            yield Question(text, "absent", (), (Claim("no_such", word=words.text),), "missing")


_RELATIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "left": ("to the left of", lambda d: -d[:, 0]),
    "right": ("to the right of", lambda d: d[:, 0]),
    "above": ("above", lambda d: -d[:, 1]),
    "below": ("below", lambda d: d[:, 1]),
}


def _relations(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The ball to the left of the blue star, where that holds through the whole clip."""
    objects = view.facts.objects
    for anchor in objects:
        name = view.facts.name(anchor)
        for relation, measure in _RELATIONS.values():
            shares = {actor: _relation_share(view, actor, anchor, measure) for actor in objects if actor != anchor}
            yes = [actor for actor, share in shares.items() if share is not None and share > 0.95]
            shape = pick(rng, SHAPES) if rng.random() < 0.3 or not yes else view.facts.scene.actors[yes[0]].look.shape
            named = {a: s for a, s in shares.items() if view.facts.scene.actors[a].look.shape == shape}
            for noun, group in ((shape, named), (thing(rng), shares)):
                values = list(group.values())
                hits = [actor for actor, share in group.items() if share is not None and share > 0.95]
                if len(hits) == 1 and all(v is not None and (v > 0.95 or v < 0.05) for v in values):
                    yield Question(f"the {noun} {relation} the {name}", "referring", (hits[0],), (), "relation")


def _relation_share(view: View, actor: int, anchor: int, measure: Callable) -> float | None:
    both = sorted(set(shown_places(view, actor)) & set(shown_places(view, anchor)))
    if len(both) < 3:
        return None
    frames = [view.shown[place] for place in both]
    gap = view.facts.scene.screen_centre(actor)[frames] - view.facts.scene.screen_centre(anchor)[frames]
    return float((measure(gap) > 0.08).mean())


def _places(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The leftmost object, where it is that in every shown frame."""
    objects = view.facts.objects
    words = {
        "left": ("the leftmost {}", "the {} furthest to the left"),
        "right": ("the rightmost {}", "the {} furthest to the right"),
        "above": ("the {} at the very top", "the topmost {}"),
        "below": ("the {} at the very bottom", "the lowest {}"),
    }
    if len(objects) < 3:
        return
    for side, forms in words.items():
        for actor in objects:
            shares = [_relation_share(view, actor, other, _RELATIONS[side][1]) for other in objects if other != actor]
            if all(share is not None and share > 0.95 for share in shares):
                yield Question(pick(rng, forms).format(thing(rng)), "referring", (actor,), (), "place")


def _motions(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The object that moves to the right; the ones that do not move."""
    facts = view.facts
    groups: dict[str, list[int]] = {}
    for actor in facts.objects:
        if direction := facts.direction(actor):
            groups.setdefault(direction, []).append(actor)
    unclear = [a for a in facts.objects if facts.is_moving(a) and not facts.direction(a)]
    for word, actors in groups.items():
        if not unclear:
            way = f"to the {word}" if word in ("left", "right") else word
            text = pick(rng, ("{} moving {w}", "{} that goes {w}", "{} heading {w}"))
            yield _group_question(text.replace("{w}", way), actors, facts, rng, "referring", "motion")
    still = [a for a in facts.objects if facts.is_still(a)]
    middling = [a for a in facts.objects if not facts.is_still(a) and not facts.is_moving(a)]
    if still and not middling and len(still) < len(facts.objects):
        text = pick(
            rng, ("{} that does not move", "{} that never moves", "{} that stays in place", "{} standing still")
        )
        yield _group_question(text, still, facts, rng, "referring", "still")
        movers = [a for a in facts.objects if facts.is_moving(a)]
        yield _group_question(pick(rng, ("{} that moves", "{} in motion")), movers, facts, rng, "referring", "motion")


def _group_question(
    form: str, actors: list[int], facts: Facts, rng: np.random.Generator, kind: SampleType, topic: str
) -> Question:
    """Fill `form` with a noun for one or several actors; a shape word is used where all of them have that shape."""
    shapes = {facts.scene.actors[actor].look.shape for actor in actors}
    shape = next(iter(shapes))
    everyone = [a for a in facts.objects if facts.scene.actors[a].look.shape == shape]
    noun = shape if len(shapes) == 1 and rng.random() < 0.4 and len(everyone) >= len(actors) else thing(rng)
    text = form.format(f"the {noun}" if len(actors) == 1 else f"all {plural(noun)}")
    if len(actors) > 1:
        text = text.replace("does not", "do not").replace("never moves", "never move").replace("stays", "stay")
        text = text.replace("that goes", "that go").replace("that moves", "that move")
    return Question(text, kind, tuple(actors), (), topic)


def _negations(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """Everything that is not red; the ball that is not blue."""
    facts = view.facts
    for actor in facts.objects:
        look = facts.scene.actors[actor].look
        others = [a for a in facts.objects if facts.scene.actors[a].look.colour != look.colour]
        if 0 < len(others) <= _MOST_TARGETS:
            form = pick(rng, ("everything that is not {}", "all objects except the {} one", "whatever is not {}"))
            count = len(facts.objects) - len(others)
            if count == 1 or "one" not in form:
                yield Question(form.format(look.colour), "reasoning", tuple(others), (), "negation")
        same = [a for a in facts.objects if facts.scene.actors[a].look.shape == look.shape and a != actor]
        if len(same) == 1:
            text = pick(rng, ("the {s} that is not {c}", "the other {s}, not the {c} one"))
            yield Question(text.format(s=look.shape, c=look.colour), "reasoning", tuple(same), (), "negation")


def _ordered(moments: dict[int, float], frames: int) -> list[int]:
    """Return the actors in time order, [] where two moments are too close to tell apart."""
    order = sorted(moments, key=lambda actor: moments[actor])
    gaps = [moments[b] - moments[a] for a, b in itertools.pairwise(order)]
    return order if len(order) > 1 and min(gaps) >= _MARGIN * frames else []


def _orders(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The one that comes in first; the last one to leave."""
    facts, frames = view.facts, view.facts.scene.num_frames
    entries = {a: float(p.frame) for a in facts.objects if (p := facts.entry(a))}
    exits = {a: float(p.frame) for a in facts.objects if (p := facts.exit(a))}
    wordings = (
        (entries, "entry", {
            0: ("the {n} that enters first", "the first {n} to come in", "which {n} arrives before all others"),
            1: ("the second {n} to come in", "the {n} that enters second"),
            -1: ("the {n} that enters last", "the last {n} to come in", "the latecomer"),
        }),
        (exits, "exit", {
            0: ("the {n} that leaves first", "the first {n} to go", "which {n} is gone before all others"),
            1: ("the second {n} to leave", "the {n} that leaves second"),
            -1: ("the {n} that leaves last", "the last {n} to leave"),
        }),
    )  # fmt: skip
    for moments, topic, by_rank in wordings:
        verb = "enters" if topic == "entry" else "leaves"
        order = _ordered(moments, frames)
        told_frames = [_passage_claim(view, verb, actor).frame for actor in order]
        order = order if sorted(set(told_frames)) == told_frames else []
        for rank, forms in by_rank.items():
            if order and (rank != 1 or len(order) > 2):
                told = order[-3:] if rank == -1 else order[:3]
                claims = tuple(_passage_claim(view, verb, actor) for actor in told)
                yield Question(pick(rng, forms).format(n=thing(rng)), "reasoning", (order[rank],), claims, topic)
    if len(entries) == 1:
        actor = next(iter(entries))
        text = pick(
            rng, ("the {n} that enters", "the newcomer", "the {n} that is not there at the start", "what comes in")
        )
        claim = (_passage_claim(view, "enters", actor),)
        yield Question(text.format(n=thing(rng)), "reasoning", (actor,), claim, "entry")
    if len(exits) == 1:
        actor = next(iter(exits))
        text = pick(rng, ("the {n} that leaves", "what goes out of the picture", "the {n} that is gone at the end"))
        yield Question(
            text.format(n=thing(rng)), "reasoning", (actor,), (_passage_claim(view, "leaves", actor),), "exit"
        )


def _passage_claim(view: View, verb: str, actor: int) -> Claim:
    places = shown_places(view, actor)
    passage = view.facts.entry(actor) if verb == "enters" else view.facts.exit(actor)
    assert passage is not None, "only asked for objects that pass the edge"
    place = (places[0] if verb == "enters" else places[-1]) if places else 0
    return Claim(verb, actor, frame=view.shown[place], word=passage.side)


_DOING: dict[str, tuple[str, ...]] = {
    "returns": ("the {n} that leaves and comes back", "what returns after it was gone", "the {n} that comes back"),
    "hides": ("what is out of sight for some time", "the {n} that is hidden at some time"),
    "grows": ("the {n} that comes nearer", "what gets bigger", "the approaching {n}"),
    "shrinks": ("the {n} that goes away and shrinks", "what gets smaller"),
}

_PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chases": (
        ("the {n} that chases another", "the pursuer", "who is hunting", "the {n} that follows another"),
        ("the {n} that is being chased", "the one that is followed", "what would be caught", "the {n} running away"),
    ),
    "carries": (
        ("the {n} that carries another", "what another {n} rides on", "the carrier"),
        ("the {n} that is carried", "what rides on another", "what would fall if its carrier left"),
    ),
    "collides": (
        ("the {n} that hits another", "what sets another {n} moving", "the cause of the push"),
        ("the {n} that is hit", "what is pushed away", "what would not have moved without the push"),
    ),
    "nearly_hits": (
        ("the {n} that stops just in time", "the {n} that nearly hits another"),
        ("what would have been hit", "the {n} that is nearly hit", "what was spared"),
    ),
    "covers": (
        ("the {n} that covers another", "what must be moved to see the hidden {n}", "what hides another {n}"),
        ("the {n} that gets covered", "what disappears under another", "what is hidden at the end"),
    ),
    "splits": (("the {n} that leaves the group", "the one that goes its own way", "what breaks away"), ()),
}


def _doings(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """Who hides, returns, grows; who does what to whom; and the same where nobody does it."""
    for verb, forms in _DOING.items():
        doers = DOERS[verb](view)
        yield from _doing(view, verb, pick(rng, forms).format(n=thing(rng)), doers, ())
    for verb, (active, passive) in _PAIRS.items():
        events = view.facts.events(verb)  # type: ignore[arg-type]
        claims = tuple(Claim(verb, event.subject, event.other) for event in events)
        yield from _doing(view, verb, pick(rng, active).format(n=thing(rng)), [e.subject for e in events], claims)
        if passive:
            yield from _doing(view, verb, pick(rng, passive).format(n=thing(rng)), [e.other for e in events], claims)


def _doing(view: View, verb: str, text: str, doers: list[int], claims: tuple[Claim, ...]) -> Iterator[Question]:
    if len(doers) == 1 and doers[0] in view.facts.objects:
        yield Question(text, "reasoning", tuple(doers), claims, verb)
    elif not doers and _may_ask_in_vain(view, verb):
        yield Question(text, "absent", (), (Claim("nobody", word=verb),), "nobody")


def _may_ask_in_vain(view: View, verb: str) -> bool:
    """Tell whether the view may be asked for a `verb` that nobody does; "hides" only where nothing is ever covered."""
    if verb in ("hides", "covers"):
        return bool((view.facts.tracks.visible[list(view.facts.objects)].min(1) > 0.5).all())
    return verb not in ("nearly_hits", "grows", "shrinks") or not view.facts.scene.events


@dataclass(frozen=True, slots=True)
class _Superlative:
    """A quantity of which the largest is asked for; it must beat the second by `ratio` and be `least` or more."""

    topic: str
    measure: Callable[[Facts, int], float]
    ratio: float
    least: float
    forms: tuple[str, ...]


_SUPERLATIVES = (
    _Superlative("fastest", lambda f, a: f.speed(a).max(), 1.5, 0.6, ("the fastest {n}", "what moves quickest")),
    _Superlative("furthest", Facts.travel, 1.4, 0.3, ("the {n} that travels furthest", "what has the longest way")),
    _Superlative(
        "biggest", lambda f, a: f.scene.actors[a].radius.max(), 1.25, 0.0, ("the biggest {n}", "the largest {n}")
    ),
    _Superlative("smallest", lambda f, a: 1 / f.scene.actors[a].radius.max(), 1.25, 0.0, ("the smallest {n}",)),
)


def _superlatives(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """The fastest; the one with the longest way; the largest."""
    facts = view.facts
    for kind in _SUPERLATIVES:
        values = {actor: float(kind.measure(facts, actor)) for actor in facts.objects}
        order = sorted(values, key=lambda actor: -values[actor])
        if len(order) > 1 and values[order[0]] > kind.ratio * values[order[1]] and values[order[0]] >= kind.least:
            text = pick(rng, kind.forms).format(n=thing(rng))
            yield Question(text, "reasoning", (order[0],), (), kind.topic)


def _changes(view: View, rng: np.random.Generator) -> Iterator[Question]:
    """What stops; what suddenly becomes fast."""
    facts = view.facts
    rushing = [a for a in facts.objects if facts.speeds_up(a)]
    if len(rushing) == 1:
        text = pick(rng, ("the {n} that suddenly speeds up", "what becomes fast all at once"))
        yield Question(text.format(n=thing(rng)), "reasoning", tuple(rushing), (), "speeds_up")
    stopping = [a for a in facts.objects if facts.stops(a)]
    movers = [a for a in facts.objects if facts.is_moving(a) and a not in stopping]
    if len(stopping) == 1 and movers:
        text = pick(rng, ("the {n} that stops moving", "what comes to rest"))
        yield Question(text.format(n=thing(rng)), "reasoning", tuple(stopping), (), "stops")


_ASKERS = (
    _attributes, _missing, _relations, _places, _motions, _negations, _orders, _doings, _superlatives, _changes,
)  # fmt: skip
